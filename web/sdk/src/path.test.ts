import { describe, expect, test } from 'vitest'
import { goldens } from '../fakes/goldens.ts'
import { legBetween, legOf, worse } from './path.ts'

for (const c of goldens.paths) {
  test(c.name, () => {
    if ('worse' in c) {
      expect(worse(c.a, c.b)).toBe(c.worse)
      expect(worse(c.b, c.a)).toBe(c.worse)
    } else {
      expect(legBetween(c.local, c.remote)).toBe(c.leg)
    }
  })
}

type Entry = { id: string; type: string } & Record<string, unknown>

function report(...entries: Entry[]): RTCStatsReport {
  return new Map(entries.map(e => [e.id, e])) as unknown as RTCStatsReport
}

const candidate = (side: 'local' | 'remote', more: Record<string, unknown> = {}): Entry =>
  ({ id: side, type: `${side}-candidate`, candidateType: 'host', address: '', protocol: 'udp', ...more })
const pair = (more: Record<string, unknown> = {}): Entry =>
  ({ id: 'pair', type: 'candidate-pair', localCandidateId: 'local', remoteCandidateId: 'remote', state: 'succeeded', nominated: true, ...more })

describe('the pair in use', () => {
  test('is what the transport says', () => {
    const leg = legOf(report(
      { id: 'T01', type: 'transport', selectedCandidatePairId: 'pair', bytesSent: 2290, bytesReceived: 2405 },
      pair({ id: 'other', localCandidateId: 'relayed', bytesSent: 7, currentRoundTripTime: 9 }),
      pair({ currentRoundTripTime: 0.25, bytesSent: 1, bytesReceived: 2 }),
      candidate('local'), candidate('remote', { address: '192.168.1.2' }),
      candidate('local', { id: 'relayed', candidateType: 'relay', relayProtocol: 'tls' }),
    ))
    expect(leg).toEqual({ path: 'lan', roundTrip: 250, sent: 2290, received: 2405 })
  })

  test('is the selected one where the transport says nothing', () => {
    const leg = legOf(report(
      { id: 'T01', type: 'transport' },
      pair({ id: 'old', localCandidateId: 'gone', selected: false, bytesSent: 100, bytesReceived: 200 }),
      pair({ selected: true, bytesSent: 10, bytesReceived: 20 }),
      candidate('local', { candidateType: 'relay', relayProtocol: 'tcp' }), candidate('remote', { candidateType: 'srflx', address: '203.0.113.2' }),
    ))
    expect(leg).toEqual({ path: 'relay-tcp', roundTrip: undefined, sent: 110, received: 220 })
  })

  test('is the nominated one that works where none is selected', () => {
    const leg = legOf(report(
      pair({ id: 'failed', state: 'failed', localCandidateId: 'gone' }), pair({ bytesSent: 3 }),
      candidate('local', { address: null }), candidate('remote', { address: '0b0ee251-e45e-4d57-9cc5-57fd09e0bb1d.local' }),
    ))
    expect(leg).toEqual({ path: 'lan', roundTrip: undefined, sent: 3, received: 0 })
  })

  test('is none before there is one', () => {
    expect(legOf(report())).toBeUndefined()
    expect(legOf(report({ id: 'T01', type: 'transport' }, pair({ state: 'waiting', nominated: false }), candidate('local'), candidate('remote')))).toBeUndefined()
    expect(legOf(report({ id: 'T01', type: 'transport', selectedCandidatePairId: 'no longer there' }))).toBeUndefined()
    expect(legOf(report(pair(), candidate('local')))).toBeUndefined()
  })
})
