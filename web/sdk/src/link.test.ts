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
  for (const id of [control, reliable]) lonely.channel(id).become('open')
  expect(lonely.states).toEqual([])
  lonely.channel(unreliable).become('open')
  expect(lonely.states).toEqual(['live'])
  await later(600_000)
  expect(ann.link.state).toBe('live')
})

describe('that doesn’t open is gone after 30 s', () => {
  for (const [hubAway, cause] of [[false, 'timeout'], [true, 'signaling']] as const) {
    test(`without an answer, the hub ${hubAway ? 'away' : 'there'}: ${cause}`, async () => {
      const ann = new LinkEnd(true)
      ann.hubAway = hubAway
      await later(29_999)
      expect(ann.link.state).toBe('connecting')
      await later(1)
      expect(ann.link).toMatchObject({ state: 'gone', cause })
    })
  }

  test('with an answer, but no path: ice', async () => {
    const { ann, bob } = connecting()
    const pass = ann.pass
    ann.pass = signal => { if (signal.type !== 'candidates') pass(signal) }
    bob.pass = signal => { if (signal.type !== 'candidates') ann.link.take(signal) }
    await later(30_000)
    expect(ann.link).toMatchObject({ state: 'gone', cause: 'ice' })
  })
})

describe('follows its PeerConnection', () => {
  test('disconnected is shaky, and recovers', async () => {
    const { ann } = await live()
    ann.pc.become('disconnected')
    await later(59_999)
    ann.pc.become('connected')
    await later(600_000)
    expect(ann.states).toEqual(['live', 'shaky', 'live'])
  })

  test('shaky for 60 s is gone', async () => {
    const { ann } = await live()
    ann.pc.become('disconnected')
    await later(60_000)
    expect(ann.link).toMatchObject({ state: 'gone', cause: 'ice' })
  })

  for (const [ice, connection, cause] of [['failed', 'failed', 'ice'], ['connected', 'failed', 'dtls'], ['failed', 'disconnected', 'ice']] as const) {
    test(`ICE ${ice}, connection ${connection}: ${cause}`, async () => {
      const { ann } = await live()
      ann.pc.become(ice, connection)
      expect(ann.link).toMatchObject({ state: 'gone', cause })
      expect(ann.pc.signalingState).toBe('closed')
    })
  }

  test('the other side’s closing is the end', async () => {
    const { ann, bob } = await live()
    bob.pc.close()
    await settle()
    expect(ann.link).toMatchObject({ state: 'gone', cause: 'closed' })
  })
})

describe('ends once', () => {
  test('the first cause stays', async () => {
    const { ann } = await live()
    ann.link.end('left')
    ann.link.end('ice')
    ann.pc.become('failed')
    expect(ann.link.cause).toBe('left')
    expect(ann.states).toEqual(['live', 'gone'])
  })

  test('no signal and no message is taken after it', async () => {
    const { ann, bob } = await live()
    const take = vi.spyOn(bob.pc, 'setRemoteDescription')
    bob.link.end('left')
    bob.link.take({ type: 'offer', n: 2, sdp: 'v=0 later' })
    await ann.link.send('too late').catch(() => {})
    await settle()
    expect(take).not.toHaveBeenCalled()
    expect(bob.heard).toEqual([])
  })
})

describe('close', () => {
  test('loses nothing that was sent before it', async () => {
    const { ann, bob } = await live()
    ann.channel(reliable).held = true
    const sent = Array.from({ length: 40 }, (_, i) => `${i}`.padEnd(16_000))
    const sending = Promise.all(sent.map(text => ann.link.send(text)))
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
    await ann.link.send('slow')
    const closed = ann.link.close()
    await settle()
    expect([ann.link.state, bob.link.state]).toEqual(['live', 'live'])
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

  test('ends a link that isn’t open at once', async () => {
    const { ann } = connecting()
    await ann.link.close()
    expect(ann.link).toMatchObject({ state: 'gone', cause: 'self' })
    await ann.link.close()
  })

  test('is answered, and who answered closes too, two seconds later at the latest', async () => {
    const { ann, bob } = await live()
    bob.receive(control, frameOf('{"type":"bye","messages":0}'))
    await settle()
    expect(bob.link).toMatchObject({ state: 'gone', cause: 'closed' })
    expect(bob.pc.signalingState).toBe('stable')
    expect(ann.link.state).toBe('live') // an answer that wasn't asked for says nothing
    await later(2_000)
    expect(bob.pc.signalingState).toBe('closed')
  })
})

function frameOf(text: string): ArrayBuffer {
  return Uint8Array.of(1, 1, 0, 0, 0, 0, 0, 1, ...new TextEncoder().encode(text)).buffer
}
