import { beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeConnection } from '../fakes/connection.ts'
import { connecting, control, LinkEnd, live, reliable, settle, unreliable } from '../fakes/links.ts'

const later = (ms: number) => vi.advanceTimersByTimeAsync(ms)

beforeEach(() => {
  vi.useFakeTimers()
  FakeConnection.install()
})

test('three data channels, negotiated in advance', () => {
  const { ann } = connecting()
  expect(ann.pc.channels.map(c => c.init)).toEqual([
    { negotiated: true, id: 0, ordered: true },
    { negotiated: true, id: 1, ordered: true },
    { negotiated: true, id: 2, ordered: false, maxRetransmits: 0 },
  ])
  expect(ann.pc.channels.map(c => c.binaryType)).toEqual(['arraybuffer', 'arraybuffer', 'arraybuffer'])
})

test('is live when all of them are open', async () => {
  const { ann, bob } = await live()
  expect([ann.states, bob.states]).toEqual([['live'], ['live']])
  const lonely = new LinkEnd(true)
  await settle()
  for (const id of [control, reliable]) lonely.channel(id).become('open')
  expect(lonely.states).toEqual([])
  lonely.channel(unreliable).become('open')
  await settle()
  expect(lonely.states).toEqual(['live'])
  await later(600_000)
  expect(ann.link.state).toBe('live')
})

test('makes no RTCPeerConnection before there is an offer', async () => {
  const bob = new LinkEnd(false)
  await later(10_000)
  expect(FakeConnection.all).toEqual([])
  expect(bob.said[0]).toEqual({ type: 'need-offer', n: 0 })
})

describe('that doesn’t open is gone after 30 s', () => {
  for (const [hubAway, cause] of [[false, 'timeout'], [true, 'signaling']] as const) {
    test(`without an answer, the hub ${hubAway ? 'away' : 'there'}: ${cause}`, async () => {
      const ann = new LinkEnd(true)
      if (hubAway) ann.link.post({ type: 'hub-lost' })
      await later(29_999)
      expect(ann.link.state).toBe('connecting')
      await later(1)
      expect(ann.link).toMatchObject({ state: 'gone', cause })
      expect(ann.pc.signalingState).toBe('closed')
    })
  }

  for (const [turn, cause] of [[false, 'no-turn'], [true, 'turn']] as const) {
    test(`with an answer, but no path, TURN ${turn ? 'offered' : 'not offered'}: ${cause}`, async () => {
      const { ann, bob } = connecting(turn ? [{ urls: ['stun:s.example', 'turns:t.example?transport=tcp'], username: 'u', credential: 'c' }] : [{ urls: 'stun:turn.example' }])
      FakeConnection.noPath = true
      await later(30_000)
      expect([ann.link, bob.link]).toMatchObject([{ state: 'gone', cause }, { state: 'gone', cause }])
      expect(ann.report.mock.calls).toEqual([[{ outcome: cause, time: 0 }]])
    })
  }
})

describe('what the browser can’t do', () => {
  beforeEach(() => { vi.spyOn(console, 'warn').mockReturnValue() })

  test('an offer that isn’t made within 10 s ends a link that has none', async () => {
    vi.spyOn(FakeConnection.prototype, 'createOffer').mockReturnValue(new Promise(() => {}))
    const ann = new LinkEnd(true)
    await later(9_999)
    expect(ann.link.state).toBe('connecting')
    await later(1)
    expect(ann.link).toMatchObject({ state: 'gone', cause: 'ice' })
  })

  test('an offer that isn’t taken is taken when it is repeated', async () => {
    const { ann, bob } = connecting()
    vi.spyOn(FakeConnection.prototype, 'setRemoteDescription').mockRejectedValueOnce(new DOMException('not now', 'OperationError'))
    await later(1_000)
    expect([ann.link.state, bob.link.state]).toEqual(['live', 'live'])
  })

  test('no RTCPeerConnection: the link ends, and no more', async () => {
    vi.stubGlobal('RTCPeerConnection', class { constructor() { throw new DOMException('too many', 'UnknownError') } })
    const ann = new LinkEnd(true)
    await settle()
    expect(ann.link).toMatchObject({ state: 'gone', cause: 'ice' })
  })

  test('newer ICE servers that are wrong: a restart fails, and no more', async () => {
    const { ann } = await live()
    FakeConnection.refuses = () => true
    ann.configuration = { iceServers: [{ urls: 'nonsense' }] }
    ann.link.post({ type: 'network' })
    await settle()
    expect(ann.link.state).toBe('live')
  })
})

describe('ends once', () => {
  test('the first cause stays', async () => {
    const { ann } = await live()
    ann.link.post({ type: 'left' })
    ann.link.post({ type: 'broken' })
    ann.pc.become('failed')
    expect(ann.link.cause).toBe('left')
    expect(ann.states).toEqual(['live', 'gone'])
  })

  test('no signal and no message is taken after it', async () => {
    const { ann, bob } = await live()
    const take = vi.spyOn(bob.pc, 'setRemoteDescription')
    bob.link.post({ type: 'left' })
    bob.link.take({ type: 'offer', n: 2, carrier: 1, sdp: 'v=0 later' })
    await ann.send('too late').catch(() => {})
    await settle()
    expect(take).not.toHaveBeenCalled()
    expect(bob.heard).toEqual([])
  })
})

describe('a side that begins again', () => {
  for (const signal of [{ type: 'need-offer', n: 0 }, { type: 'offer', n: 1, carrier: 1, sdp: 'v=0 another' }] as const) {
    test(`with ${signal.type}: the link gives way to another`, async () => {
      const { ann, bob } = await live()
      const end = signal.type === 'offer' ? bob : ann
      end.link.take(signal)
      await settle()
      expect(end.link).toMatchObject({ state: 'gone', cause: 'closed' })
      expect(end.anew).toHaveBeenCalledExactlyOnceWith(signal)
    })
  }
})

describe('close', () => {
  test('loses nothing that was sent before it', async () => {
    const { ann, bob } = await live()
    ann.channel(reliable).held = true
    const sent = Array.from({ length: 40 }, (_, i) => `${i}`.padEnd(16_000))
    const sending = Promise.all(sent.map(text => ann.send(text)))
    const closed = ann.link.close()
    for (let i = 0; i < sent.length; i++) {
      await settle()
      ann.channel(reliable).release(1)
    }
    await Promise.all([sending, closed])
    expect(bob.heard).toEqual(sent)
    expect(ann.link).toMatchObject({ state: 'gone', cause: 'self' })
    expect(bob.link).toMatchObject({ state: 'gone', cause: 'closed' })
  })

  test('waits for messages that a bye overtook', async () => {
    const { ann, bob } = await live()
    ann.channel(reliable).held = true
    await ann.send('slow')
    const closed = ann.link.close()
    await settle()
    expect([ann.link.state, bob.link.state]).toEqual(['live', 'live'])
    await expect(ann.send('too late')).rejects.toMatchObject({ code: 'gone' })
    ann.channel(reliable).release()
    await closed
    expect(bob.heard).toEqual(['slow'])
  })

  test('gives the other side two seconds', async () => {
    const { ann } = await live()
    ann.channel(control).held = true
    const closed = ann.link.close()
    await later(1_999)
    expect(ann.link.state).toBe('live')
    await later(1)
    await closed
    expect(ann.link).toMatchObject({ state: 'gone', cause: 'self' })
  })

  test('on both sides at the same time is answer enough', async () => {
    const { ann, bob } = await live()
    await Promise.all([ann.link.close(), bob.link.close()])
    expect([ann.link.cause, bob.link.cause]).toEqual(['self', 'self'])
  })

  test('ends a link that isn’t open at once, and a second time does nothing', async () => {
    const { ann } = connecting()
    await settle() // the offer is made
    const lonely = new LinkEnd(false)
    for (const end of [ann, lonely]) {
      await end.link.close(true)
      expect(end.link).toMatchObject({ state: 'gone', cause: 'self' })
      await end.link.close()
    }
  })

  test('at once waits for nobody', async () => {
    const { ann, bob } = await live()
    void ann.link.close(true)
    expect(ann.link).toMatchObject({ state: 'gone', cause: 'self' })
    expect(ann.pc.signalingState).toBe('closed')
    expect(bob.link.state).toBe('live')
  })

  test('is answered, and who answered closes too, two seconds later at the latest', async () => {
    const { ann, bob } = await live()
    bob.receive(control, frameOf('{"type":"bye","frames":0}'))
    await settle()
    expect(bob.link).toMatchObject({ state: 'gone', cause: 'closed' })
    expect(bob.pc.signalingState).toBe('stable')
    expect(ann.link.state).toBe('live') // an answer that wasn't asked for says nothing
    await later(2_000)
    expect(bob.pc.signalingState).toBe('closed')
  })
})

function frameOf(text: string): ArrayBuffer {
  return Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 2, // the first is the hello
     ...new TextEncoder().encode(text)).buffer
}
