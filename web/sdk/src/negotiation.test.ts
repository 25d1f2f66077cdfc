import { beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeConnection } from '../fakes/connection.ts'
import { Negotiation } from './negotiation.ts'
import type { Signal } from './signals.ts'

/** One side, whose signals are kept, and passed on by `pass`. */
class Side {
  readonly pc = new FakeConnection()
  readonly said: Signal[] = []
  readonly anew = vi.fn<(signal: Signal) => void>()
  readonly negotiation: Negotiation
  pass: (signal: Signal) => void = () => {}

  constructor(offerer: boolean) {
    this.pc.createDataChannel('', { negotiated: true, id: 0 })
    this.negotiation = new Negotiation(this.pc as unknown as RTCPeerConnection, offerer, signal => {
      this.said.push(signal)
      this.pass(signal)
    }, this.anew)
  }

  types(): string[] {
    return this.said.map(s => s.type)
  }
}

const later = (ms = 0) => vi.advanceTimersByTimeAsync(ms)
const settle = () => later()

/** Both sides; `loses` is asked for each signal. */
function pair(loses: (signal: Signal) => boolean = () => false) {
  const [offerer, answerer] = [new Side(true), new Side(false)]
  offerer.pass = signal => { if (!loses(signal)) answerer.negotiation.take(signal) }
  answerer.pass = signal => { if (!loses(signal)) offerer.negotiation.take(signal) }
  return { offerer, answerer }
}

/** Loses the first signal of a type. */
function once(type: Signal['type']) {
  let lost = false
  return (signal: Signal) => signal.type === type && !lost && (lost = true)
}

const offer = (n: number, sdp = `v=0 offer ${n}`): Signal => ({ type: 'offer', n, sdp })
const candidates = (n: number, ...all: string[]): Signal => ({ type: 'candidates', n, candidates: all.map(candidate => ({ candidate, mid: '0', line: 0 })) })

beforeEach(() => {
  vi.useFakeTimers()
  FakeConnection.install()
})

test('an offer, an answer and candidates connect', async () => {
  const { offerer, answerer } = pair()
  await settle()
  expect(offerer.types()).toEqual(['offer', 'candidates'])
  expect(answerer.types()).toEqual(['answer', 'candidates'])
  expect([...offerer.said, ...answerer.said].map(s => s.n)).toEqual([1, 1, 1, 1])
  expect(offerer.pc.connectionState).toBe('connected')
  expect([offerer, answerer].map(s => s.negotiation.isSettled)).toEqual([true, true])
})

describe('what gets lost is said again', () => {
  for (const type of ['offer', 'answer', 'candidates'] as const) {
    test(type, async () => {
      const { offerer, answerer } = pair(once(type))
      await later(3_000)
      expect([offerer.pc.connectionState, answerer.pc.connectionState]).toEqual(['connected', 'connected'])
    })
  }

  test('the offer after 1, 2, 4, 8 and 8 s, unchanged and with every candidate', async () => {
    const { offerer } = pair(() => true)
    await settle()
    for (const wait of [1_000, 2_000, 4_000, 8_000, 8_000]) {
      const [first, itsCandidates] = offerer.said.splice(0)
      expect(first).toEqual(offer(1, offerer.pc.localDescription!.sdp))
      expect(itsCandidates).toEqual(candidates(1, `candidate of ${offerer.pc.number}`))
      await later(wait - 1)
      expect(offerer.said).toEqual([])
      await later(1)
    }
  })

  test('need-offer, by who waits for an offer', async () => {
    const side = new Side(false)
    await later(999)
    expect(side.said).toEqual([])
    await later(1)
    expect(side.said).toEqual([{ type: 'need-offer', n: 0 }])
    await later(2_000)
    expect(side.said).toHaveLength(2)
  })

  test('at once when the hub is back', async () => {
    const { offerer } = pair(() => true)
    await later(7_000)
    offerer.said.length = 0
    offerer.negotiation.repeat()
    await later(1_000) // and from 1 s on again
    expect(offerer.types()).toEqual(['offer', 'candidates', 'offer', 'candidates'])
  })

  test('but nothing once both descriptions are there, nor after stop()', async () => {
    const { offerer, answerer } = pair()
    const lonely = new Side(true)
    await settle()
    lonely.negotiation.stop()
    await later(60_000)
    expect(offerer.said).toHaveLength(2)
    expect(answerer.said).toHaveLength(2)
    expect(lonely.said).toHaveLength(2)
  })
})

describe('the offerer', () => {
  test('takes one answer', async () => {
    const { offerer, answerer } = pair()
    await settle()
    const take = vi.spyOn(offerer.pc, 'setRemoteDescription')
    offerer.negotiation.take(answerer.said[0]!)
    await settle()
    expect(take).not.toHaveBeenCalled()
  })

  test('takes no answer to another offer', async () => {
    const { offerer } = pair(() => true)
    await settle()
    for (const n of [2, 4294967295]) offerer.negotiation.take({ type: 'answer', n, sdp: 'v=0 answer' })
    await settle()
    expect(offerer.pc.remoteDescription).toBeNull()
  })

  test('goes on after an answer that is none', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue()
    const { offerer, answerer } = pair(signal => signal.type === 'answer')
    await settle()
    offerer.negotiation.take({ type: 'answer', n: 1, sdp: 'nonsense' })
    offerer.negotiation.take(answerer.said[0]!)
    await settle()
    expect(warn).toHaveBeenCalledOnce()
    expect(offerer.pc.connectionState).toBe('connected')
  })

  test('takes no offer', async () => {
    const { offerer } = pair(() => true)
    await settle()
    offerer.negotiation.take(offer(9))
    await settle()
    expect(offerer.types()).not.toContain('answer')
    expect(offerer.pc.remoteDescription).toBeNull()
  })

  test('repeats its offer for who needs it', async () => {
    const { offerer } = pair(() => true)
    await settle()
    offerer.negotiation.take({ type: 'need-offer', n: 0 })
    await settle()
    expect(offerer.types()).toEqual(['offer', 'candidates', 'offer', 'candidates'])
  })
})

describe('the answerer', () => {
  test('says its answer again to an offer that it has answered', async () => {
    const { offerer, answerer } = pair()
    await settle()
    answerer.negotiation.take(offerer.said[0]!)
    await settle()
    expect(answerer.types()).toEqual(['answer', 'candidates', 'answer', 'candidates'])
    expect(answerer.said[2]).toEqual(answerer.said[0])
  })

  test('drops offers that are older than the newest', async () => {
    const side = new Side(false)
    side.negotiation.take(offer(3))
    side.negotiation.take(offer(2))
    await settle()
    expect(side.said.filter(s => s.type === 'answer').map(s => s.n)).toEqual([3])
    expect(side.pc.remoteDescription?.sdp).toBe('v=0 offer 3')
  })

  test('answers an offer after one that it couldn’t take, with the same number', async () => {
    vi.spyOn(console, 'warn').mockReturnValue()
    const side = new Side(false)
    side.negotiation.take(offer(1, 'nonsense'))
    side.negotiation.take(offer(1))
    await settle()
    expect(side.types()).toEqual(['answer', 'candidates'])
  })

  test('takes no answer', async () => {
    const side = new Side(false)
    side.negotiation.take({ type: 'answer', n: 1, sdp: 'v=0 answer' })
    await settle()
    expect(side.pc.remoteDescription).toBeNull()
  })
})

describe('a side that begins again', () => {
  test('offers anew: the other one’s link is none any more', async () => {
    const { offerer, answerer } = pair()
    await settle()
    const again = offer(1, 'v=0 offer of another')
    answerer.negotiation.take(again)
    await settle()
    expect(answerer.anew).toHaveBeenCalledExactlyOnceWith(again)
    expect(offerer.anew).not.toHaveBeenCalled()
  })

  test('needs an offer, though it had one', async () => {
    const { offerer } = pair()
    await settle()
    offerer.negotiation.take({ type: 'need-offer', n: 1 }) // it knows of the offer
    await settle()
    expect(offerer.anew).not.toHaveBeenCalled()
    offerer.negotiation.take({ type: 'need-offer', n: 0 })
    await settle()
    expect(offerer.anew).toHaveBeenCalledOnce()
  })
})

describe('candidates', () => {
  test('wait for their description', async () => {
    const side = new Side(false)
    side.negotiation.take(candidates(1, 'candidate one', 'candidate two'))
    await settle()
    expect(side.pc.candidates).toEqual([])
    side.negotiation.take(offer(1))
    side.negotiation.take(candidates(1, 'candidate three'))
    await settle()
    expect(side.pc.candidates).toEqual(['candidate one', 'candidate two', 'candidate three'])
  })

  test('of another offer don’t count', async () => {
    const side = new Side(false)
    side.negotiation.take(candidates(1, 'candidate old'))
    side.negotiation.take(candidates(2, 'candidate new'))
    side.negotiation.take(offer(2))
    side.negotiation.take(candidates(1, 'candidate older'))
    side.negotiation.take(candidates(3, 'candidate of the future'))
    await settle()
    expect(side.pc.candidates).toEqual(['candidate new'])
    const early = new Side(false)
    early.negotiation.take(candidates(2, 'candidate of the future'))
    early.negotiation.take(offer(1))
    await settle()
    expect(early.pc.candidates).toEqual([])
  })

  test('that are none, or empty, don’t stop others', async () => {
    const side = new Side(false)
    side.negotiation.take(offer(1))
    side.negotiation.take(candidates(1, '', 'nonsense', 'candidate fine'))
    await settle()
    expect(side.pc.candidates).toEqual(['candidate fine'])
  })

  test('are taken up to 128, before and after the description', async () => {
    const many = Array.from({ length: 64 }, (_, i) => `candidate ${i}`)
    const side = new Side(false)
    for (let i = 0; i < 5; i++) side.negotiation.take(candidates(1, ...many))
    side.negotiation.take(offer(1))
    for (let i = 0; i < 5; i++) side.negotiation.take(candidates(1, ...many))
    await settle()
    expect(side.pc.candidates).toHaveLength(128)
  })

  test('are said in parts of 64, 128 at most, and then their end', async () => {
    const side = new Side(true)
    for (let i = 0; i < 200; i++) side.pc.gather({ candidate: `candidate ${i}`, sdpMid: null, sdpMLineIndex: null })
    side.pc.gather(null)
    await settle()
    side.said.length = 0
    side.negotiation.repeat()
    await settle()
    const parts = side.said.filter(s => s.type === 'candidates')
    expect(parts.map(s => [s.candidates.length, s.end])).toEqual([[64, undefined], [64, true]])
    expect(parts[1]?.candidates.at(-1)).toEqual({ candidate: expect.any(String) }) // without mid and line
  })
})
