import { beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeConnection } from '../fakes/connection.ts'
import { connecting, control, type LinkEnd, live, reliable, settle, unreliable } from '../fakes/links.ts'
import { bytesOf, encodeFrame, flagText, maxPayload, typeMessage } from './frame.ts'

// What a link outlives: silence, carriers that fail, and carriers that are closed.

const later = (ms: number) => vi.advanceTimersByTimeAsync(ms)

beforeEach(() => {
  vi.useFakeTimers()
  FakeConnection.install()
})

describe('silence', () => {
  test('that ends by itself leaves no trace', async () => {
    const { ann, bob } = await live()
    ann.pc.become('disconnected')
    expect(ann.probe).toHaveBeenCalledOnce()
    await later(900)
    ann.pc.become('connected')
    await later(600_000)
    expect(ann.states).toEqual(['live', 'shaky', 'live'])
    expect([ann.pcs.length, bob.pcs.length]).toEqual([1, 1])
  })

  for (const who of ['offerer', 'answerer'] as const) {
    test(`of the ${who}’s carrier has ICE restarted on it after 1 s, with the ICE servers of now`, async () => {
      const { ann, bob } = await live()
      const end = who === 'offerer' ? ann : bob
      await later(2_000)
      for (const e of [ann, bob]) e.configuration = { iceServers: [{ urls: 'stun:newer.example' }] }
      end.pc.become('disconnected')
      await later(1_000)
      expect(end.states).toEqual(['live', 'shaky', 'restarting', 'live'])
      expect([ann.pcs.length, bob.pcs.length]).toEqual([1, 1])
      expect(ann.pc.localDescription?.sdp).toContain('restart 1')
      expect(bob.pc.remoteDescription?.sdp).toBe(ann.pc.localDescription?.sdp)
      for (const { pc } of [ann, bob]) expect(pc.configuration.iceServers).toEqual([{ urls: 'stun:newer.example' }])
    })
  }

  test('that nothing helps against is the end after 60 s, and not before', async () => {
    const { ann, bob } = await live()
    ann.pass = bob.pass = () => {}
    for (const e of [ann, bob]) e.channel(control).held = true
    ann.pc.become('disconnected')
    await later(59_999)
    expect(ann.link.state).toBe('restarting')
    await later(1)
    expect(ann.link).toMatchObject({ state: 'gone', cause: 'silent' })
  })
})

test('a carrier without its data channels is of no use, whatever it says', async () => {
  const { ann, bob } = await live()
  bob.pass = ann.pass = () => {}
  ann.channel(reliable).become('closed')
  ann.pc.become('disconnected')
  ann.pc.become('connected')
  expect(ann.states).toEqual(['live', 'shaky'])
  bob.pc.iceConnectionState = bob.pc.connectionState = 'failed' // as Firefox: no event before that of the data channel
  bob.channel(reliable).become('closed')
  await settle()
  expect(bob.said.at(-1)).toEqual({ type: 'need-offer', n: 1, fresh: true })
})

test('a live link that is told of another network has ICE restarted at once, over its own channel and through the hub', async () => {
  const { ann, bob } = await live()
  await later(2_000)
  ann.said.length = 0
  ann.link.post({ type: 'network' })
  await settle()
  expect(ann.states).toEqual(['live'])
  expect(ann.pc.localDescription?.sdp).toContain('restart 1')
  expect(bob.pc.remoteDescription?.sdp).toContain('restart 1')
  expect(ann.said.map(s => s.type)).toContain('offer')
  expect(ann.controls.map(m => m.type)).toContain('offer')
})

describe('another carrier', () => {
  /** The carriers of both are lost, in the middle of messages. */
  const losses = {
    'the offerer’s fails': ({ ann }: { ann: LinkEnd }) => ann.pc.become('failed'),
    'the answerer’s fails': ({ bob }: { bob: LinkEnd }) => bob.pc.become('failed'),
    'the offerer closes it': ({ ann }: { ann: LinkEnd }) => {
      ann.pc.close()
      ann.channel(control).close()
    },
    'both fail': ({ ann, bob }: { ann: LinkEnd; bob: LinkEnd }) => {
      ann.pc.become('failed')
      bob.pc.become('failed')
    },
  }
  for (const [name, lose] of Object.entries(losses)) {
    test(`${name}: nothing is lost, nothing comes twice, and the order stays`, async () => {
      const ends = await live()
      const { ann, bob } = ends
      await later(4_000) // carriers aren't made faster
      const all = Array.from({ length: 60 }, (_, i) => `${i}`)
      const sending: Array<Promise<void>> = []
      const say = (text: string) => sending.push(ann.send(text), bob.send(text))
      all.slice(0, 10).forEach(say)
      await later(250) // they are acknowledged
      all.slice(10, 20).forEach(say)
      await settle() // they have come, and are not
      for (const e of [ann, bob]) e.channel(reliable).held = true
      all.slice(20, 30).forEach(say)
      await settle() // they are on their way, and get lost
      lose(ends)
      all.slice(30, 40).forEach(say)
      await later(3_000)
      all.slice(40).forEach(say)
      await later(9_000)
      await Promise.all(sending)
      await settle()
      expect([ann.heard, bob.heard]).toEqual([all, all])
      expect([ann.pcs.length, bob.pcs.length]).toEqual([2, 2])
      expect([ann.link.state, bob.link.state]).toEqual(['live', 'live'])
      expect(ann.states).not.toContain('gone')
      expect(ann.pcs[0]!.signalingState).toBe('closed')
    })
  }

  test('hears first what is here, and the control channel counts anew', async () => {
    const { ann, bob } = await live()
    await bob.send('one')
    await later(4_000)
    ann.pc.become('failed')
    await settle()
    expect(ann.controls[0]).toEqual({ type: 'ack', frames: 1, windows: { 0: 262_144 + 3 + 32 } })
    expect(bob.controls[0]).toEqual({ type: 'ack', frames: 0 })
    expect(new DataView(ann.channel(control).sent[0]!.buffer).getUint32(4)).toBe(1)
  })

  test('may bring what has come before, which is dropped, but nothing out of order', async () => {
    const { ann, bob } = await live()
    await ann.send('one')
    await ann.send('two')
    await later(4_000)
    ann.pc.become('failed')
    await settle()
    const frame = (sequence: number, text: string) => encodeFrame(typeMessage, flagText, 0, sequence, bytesOf(text)).buffer
    for (const sequence of [1, 2, 3]) bob.receive(reliable, frame(sequence, `${sequence}`))
    expect(bob.heard).toEqual(['one', 'two', '3'])
    expect(bob.link.state).toBe('live')
    bob.receive(reliable, frame(5, '5'))
    expect(bob.link).toMatchObject({ state: 'gone', cause: 'refused' })
  })

  test('doesn’t hold up who sends, up to what is kept, and drops what is unreliable', async () => {
    const { ann, bob } = await live()
    await later(4_000)
    ann.pass = bob.pass = () => {}
    ann.pc.become('failed')
    const full = 'x'.repeat(maxPayload)
    for (let i = 0; i < 64; i++) await ann.send(full, {}, `${Math.floor(i / 15)}`) // each as much as its window allows
    await ann.send('never', { unreliable: true })
    let waits = true
    const last = ann.send('last').then(() => { waits = false })
    await later(5_000)
    expect(waits).toBe(true)
    ann.pass = signal => bob.link.take(signal)
    bob.pass = signal => ann.link.take(signal)
    await later(3_000)
    await last
    await settle()
    expect(Object.values(bob.heardOn).flat()).toHaveLength(64)
    expect(bob.heard).toEqual(['last'])
  })

  test('with a path, but without its data channels, makes no link live', async () => {
    const { ann, bob } = await live()
    await later(4_000)
    const joined = vi.spyOn(FakeConnection.prototype, 'join').mockImplementation(function (this: FakeConnection) { this.become('connected') })
    ann.pc.become('failed')
    bob.pc.become('failed')
    await later(1_000)
    expect([ann.pcs.length, ann.pc.iceConnectionState, ann.link.state]).toEqual([2, 'connected', 'rebuilding'])
    ann.link.post({ type: 'network' })
    await later(1_000)
    ann.pc.become('disconnected')
    ann.pc.become('connected')
    await settle()
    expect(ann.link.state).not.toBe('live')
    joined.mockRestore()
  })

  test('isn’t waited for in vain: closed without a bye is the end after 10 s', async () => {
    const { ann, bob } = await live()
    bob.pass = ann.pass = () => {}
    bob.pc.close()
    await later(9_999)
    expect(ann.states).toEqual(['live', 'shaky'])
    await later(1)
    expect(ann.link).toMatchObject({ state: 'gone', cause: 'closed' })
  })
})

describe('what came is acknowledged', () => {
  test('after 200 ms', async () => {
    const { ann, bob } = await live()
    await ann.send('one')
    await ann.send('two')
    await later(199)
    expect(bob.controls).toEqual([])
    await later(1)
    expect(bob.controls).toEqual([{ type: 'ack', frames: 2, windows: { 0: 262_144 + 2 * (3 + 32) } }])
  })

  test('after 64 KiB', async () => {
    const { ann, bob } = await live()
    for (let i = 0; i < 4; i++) await ann.send('x'.repeat(maxPayload))
    await settle()
    expect(bob.controls).toEqual([{ type: 'ack', frames: 4, windows: { 0: expect.any(Number) } }])
    await later(1_000)
    expect(bob.controls).toHaveLength(1)
  })

  test('and until it is, 1 MiB is kept and no more', async () => {
    const { ann, bob } = await live()
    bob.channel(control).held = true
    let sent = 0
    const sending = Array.from({ length: 70 }, (_, i) => ann.send('x'.repeat(maxPayload), {}, `${i % 7}`).then(() => { sent++ }))
    const heard = () => Object.values(bob.heardOn).flat()
    await later(5_000)
    expect(heard()).toHaveLength(64)
    expect(sent).toBe(64)
    bob.channel(control).release()
    bob.channel(control).held = false
    await Promise.all(sending)
    await settle()
    expect(heard()).toHaveLength(70)
  })

  test('but not what is unreliable', async () => {
    const { ann, bob } = await live()
    await ann.send('once', { unreliable: true })
    await later(1_000)
    expect(bob.heard).toEqual(['once'])
    expect(bob.controls).toEqual([])
    expect(ann.channel(unreliable).sent).toHaveLength(1)
  })
})

describe('the path', () => {
  const pair = (type: string, address: string, protocol?: string) => [
    { id: 't', type: 'transport', selectedCandidatePairId: 'p', bytesSent: 10, bytesReceived: 20 },
    { id: 'p', type: 'candidate-pair', localCandidateId: 'l', remoteCandidateId: 'r', currentRoundTripTime: 0.025 },
    { id: 'l', type: 'local-candidate', candidateType: type, address: '192.168.0.2', ...(protocol ? { relayProtocol: protocol } : {}) },
    { id: 'r', type: 'remote-candidate', candidateType: 'host', address },
  ]

  test('is the worse leg of both, and follows what changes', async () => {
    const { ann, bob } = connecting()
    const stats = vi.spyOn(FakeConnection.prototype, 'getStats')
    await settle()
    expect([ann.link.path, bob.link.path]).toEqual([undefined, undefined])
    ann.pc.stats = pair('host', '192.168.0.3')
    bob.pc.stats = pair('relay', '203.0.113.1', 'udp')
    await later(1_000)
    expect([ann.link.path, bob.link.path]).toEqual(['relay-udp', 'relay-udp'])
    for (const end of [ann, bob]) expect(end.report.mock.calls).toEqual([[{ outcome: 'opened', path: 'relay-udp', time: expect.any(Number) }]])
    bob.pc.stats = pair('host', '192.168.0.3')
    await later(2_000)
    expect([ann.link.path, bob.link.path]).toEqual(['lan', 'lan'])
    ann.pc.stats = pair('relay', '203.0.113.1', 'tls')
    await later(9_999)
    expect(ann.link.path).toBe('lan')
    await later(1)
    expect([ann.link.path, bob.link.path]).toEqual(['relay-tls', 'relay-tls'])
    expect(ann.controls).toEqual([{ type: 'path', path: 'lan' }, { type: 'path', path: 'relay-tls' }])
    expect(await ann.link.statistics()).toEqual({ path: 'relay-tls', roundTrip: 25, sent: 10, received: 20 })
    const before = stats.mock.calls.length
    vi.stubGlobal('document', { visibilityState: 'hidden' })
    await later(60_000)
    expect(stats.mock.calls.length).toBe(before)
  })

  test('over a relay has ICE restarted when the ICE servers change', async () => {
    const { ann, bob } = await live()
    ann.pc.stats = bob.pc.stats = pair('relay', '203.0.113.1', 'tcp')
    await later(2_000)
    ann.configuration = { iceServers: [{ urls: 'turn:newer.example', username: 'u', credential: 'c' }] }
    ann.link.serversChanged()
    await settle()
    expect(ann.pc.configuration).toEqual(ann.configuration)
    expect(bob.pc.remoteDescription?.sdp).toContain('restart 1')
    expect(ann.states).toEqual(['live'])
  })
})
