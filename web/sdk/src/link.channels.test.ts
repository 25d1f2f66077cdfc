import { beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeConnection } from '../fakes/connection.ts'
import { connecting, control, type LinkEnd, live, reliable, settle, unreliable } from '../fakes/links.ts'
import { Carrier } from './carrier.ts'
import { bytesOf, decodeFrame, encodeFrame, flagText, maxMessage, maxPayload, typeClose, typeControl, typeOpen } from './frame.ts'

// Channels of a link: fairness, windows, long messages.

const later = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const mebibyte = 1024 * 1024

const noise = new Uint8Array(9 * mebibyte)
for (let i = 0, x = 1; i < noise.length; i++) noise[i] = (x = x * 48_271 % 0x7fffffff) >> 8

/** Bytes of which no piece is like another. */
function bytesTo(length: number, seed = 0): Uint8Array {
  return noise.subarray(seed * 1_000, seed * 1_000 + length)
}

/** Whether these are the same messages; compares long ones faster than toEqual, and says less. */
function same(heard: Array<string | Uint8Array> | undefined, sent: Array<string | Uint8Array>): void {
  const text = (m: string | Uint8Array) => typeof m === 'string' ? m : `bytes ${new TextDecoder('latin1').decode(m)}`
  expect(heard?.map(m => m.length)).toEqual(sent.map(m => m.length))
  for (const [i, m] of sent.entries()) expect(text(heard![i]!) === text(m), `message ${i}`).toBe(true)
}

/** The channels of the frames that it has sent reliably. */
const frames = (end: LinkEnd) => end.pcs.flatMap(pc => pc.channels[reliable]!.sent.map(data => decodeFrame(data.buffer)))

beforeEach(() => {
  vi.useFakeTimers()
  FakeConnection.install()
})

test('a channel opens with the first message, once, in both directions by itself', async () => {
  const { ann, bob } = await live()
  await ann.send('one', {}, 'a')
  await ann.send('two', {}, 'a')
  await bob.send('three', {}, 'a')
  await settle()
  expect([bob.heardOn, ann.heardOn]).toEqual([{ a: ['one', 'two'] }, { a: ['three'] }])
  expect(frames(ann).filter(({ type }) => type === typeOpen)).toHaveLength(1)
})

test('nothing but what is always there and fits into a frame goes out before the hello', async () => {
  const { ann, bob } = connecting()
  const say = vi.spyOn(Carrier.prototype, 'say').mockImplementation(() => true) // and it gets lost
  await settle()
  say.mockRestore()
  await ann.send('short')
  let sent = 0
  for (const sending of [ann.send('named', {}, 'a'), ann.send('x'.repeat(maxPayload + 1)), ann.send('lossy', { unreliable: true }, 'b')]) void sending.then(() => { sent++ })
  await later(1_000)
  expect([bob.heard, bob.heardOn, sent]).toEqual([['short'], {}, 0])
  ann.receive(control, encodeFrame(typeControl, flagText, 0, 2, bytesOf('{"type":"hello","message":8388608,"channels":64}')).buffer)
  await later(1_000)
  expect(sent).toBe(3)
})

describe('messages of all lengths', () => {
  for (const length of [0, 1, maxPayload - 1, maxPayload, maxPayload + 1, 2 * maxPayload - 4, 2 * maxPayload - 3, 131_000, 262_144, mebibyte, 5 * mebibyte, maxMessage]) {
    test(`${length} bytes`, async () => {
      const { ann, bob } = await live()
      const message = bytesTo(length)
      await ann.send(message, {}, 'a')
      await ann.send('after', {}, 'a')
      await later(1_000)
      same(bob.heardOn['a'], [message, 'after'])
      expect(bob.link.state).toBe('live')
    }, 30_000)
  }

  test('text is cut anywhere, and joined to what it was', async () => {
    const { ann, bob } = await live()
    const text = '😀'.repeat(100_000)
    await ann.send(text)
    await settle()
    same(bob.heard, [text])
  })

  test('bytes are the application’s own: nobody else has their buffer', async () => {
    const { ann, bob } = await live()
    await ann.send(bytesTo(100))
    await settle()
    expect((bob.heard[0] as Uint8Array).buffer.byteLength).toBe(100)
  })
})

describe('fairness', () => {
  test('channels take turns, frame by frame: who has little to say isn’t kept waiting by who has much', async () => {
    const { ann, bob } = await live()
    ann.channel(reliable).held = true
    const much = [0, 1, 2].map(i => ann.send(bytesTo(200_000), {}, `much ${i}`))
    await settle()
    const before = frames(ann).length
    await Promise.race([ann.send('little', {}, 'chat'), settle()])
    for (let i = 0; i < 20; i++) {
      ann.channel(reliable).release(1)
      await settle()
    }
    expect(bob.heardOn['chat']).toBeUndefined()
    ann.channel(reliable).held = false
    ann.channel(reliable).release()
    await Promise.all(much)
    await settle()
    expect(bob.heardOn['chat']).toEqual(['little'])
    const place = frames(ann).findIndex(({ type, payload }) => type === typeOpen && new TextDecoder().decode(payload).includes('chat'))
    expect(place - before).toBeLessThanOrEqual(4) // three others
  })

  test('channels that were served last come last', async () => {
    const { ann } = await live()
    ann.channel(reliable).held = true
    for (const name of ['z', 'a', 'b', 'c']) void ann.send(bytesTo(240_000), {}, name) // the first fills the browser's buffer
    await settle()
    ann.channel(reliable).held = false
    ann.channel(reliable).release()
    await later(1_000)
    const order = frames(ann).filter(({ payload, channel }) => payload.length === maxPayload && channel > 1).map(({ channel }) => channel)
    expect(order.slice(6, 15).join('')).toMatch(/^(234){3}|(342){3}|(423){3}$/)
  })
})

describe('who doesn’t read', () => {
  test('makes its sender wait at 256 KiB, and nobody else', async () => {
    const { ann, bob } = await live()
    bob.reads = false
    let sent = 0
    for (let i = 0; i < 40; i++) void ann.send(bytesTo(16_000), {}, 'slow').then(() => { sent++ })
    await later(5_000)
    expect(sent).toBe(Math.floor(262_144 / 16_032))
    const slow = bob.inlets[0]!
    expect(slow.waiting).toHaveLength(sent)
    await ann.send('fast', {}, 'other')
    await bob.send('and back')
    await later(1_000)
    expect(bob.inlets[1]!.take()!.data).toBe('fast')
    expect(ann.heard).toEqual(['and back'])
    while (slow.take()) await later(300)
    expect(sent).toBe(40)
  })

  test('of a long message is sent all of it, which is reserved, and no more', async () => {
    const { ann, bob } = await live()
    bob.reads = false
    let sent = 0
    for (let i = 0; i < 4; i++) void ann.send(bytesTo(5 * mebibyte, i), {}, `${i}`).then(() => { sent++ })
    await later(10_000)
    expect(sent).toBe(3) // 16 MiB are reserved at most
    expect(bob.inlets.map(({ waiting }) => waiting.length).reduce((a, b) => a + b)).toBe(3)
    for (const inlet of bob.inlets) while (inlet.take());
    await later(10_000)
    expect(sent).toBe(4)
  }, 30_000)

  test('may read what came after the link is gone', async () => {
    const { ann, bob } = await live()
    bob.reads = false
    await ann.send('one', {}, 'a')
    await ann.link.close()
    expect(bob.link.state).toBe('gone')
    const [inlet] = bob.inlets
    expect(inlet!.take()!.data).toBe('one')
    expect(inlet!.closed).toBe(true)
    await later(60_000)
  })

  test('is known to have it all: a bye is answered, though nothing was read', async () => {
    const { ann, bob } = await live()
    bob.reads = false
    for (let i = 0; i < 10; i++) await ann.send(`${i}`, {}, 'a')
    const began = performance.now()
    await ann.link.close()
    expect(performance.now() - began).toBeLessThan(500)
    expect(bob.inlets[0]!.waiting).toHaveLength(10)
  })
})

describe('a long message that is given up', () => {
  test('is forgotten on the other side, and the channel goes on', async () => {
    const { ann, bob } = await live()
    ann.channel(reliable).held = true
    const abort = new AbortController()
    const sending = ann.send(bytesTo(mebibyte), { signal: abort.signal }, 'a')
    const after = ann.send('after', {}, 'a')
    await settle()
    abort.abort('enough')
    await expect(sending).rejects.toMatchObject({ code: 'aborted', message: expect.stringContaining('part of it'), cause: 'enough' })
    ann.channel(reliable).held = false
    ann.channel(reliable).release()
    await after
    await later(1_000)
    same(bob.heardOn['a'], ['after'])
    await ann.send(bytesTo(mebibyte), {}, 'a')
    await later(1_000)
    same(bob.heardOn['a'], ['after', bytesTo(mebibyte)])
  })

  test('before its first piece leaves no trace', async () => {
    const { ann, bob } = await live()
    ann.channel(reliable).held = true
    void ann.send(bytesTo(250_000), {}, 'a')
    const abort = new AbortController()
    const sending = ann.send(bytesTo(mebibyte), { signal: abort.signal }, 'a')
    abort.abort()
    await expect(sending).rejects.toMatchObject({ code: 'aborted', message: 'Sending was aborted.' })
    ann.channel(reliable).held = false
    ann.channel(reliable).release()
    await ann.send('after', {}, 'a')
    await later(1_000)
    same(bob.heardOn['a'], [bytesTo(250_000), 'after'])
  })

  test('many times holds nothing on either side', async () => {
    const { ann, bob } = await live()
    for (let i = 0; i < 50; i++) {
      ann.channel(reliable).held = true
      const abort = new AbortController()
      const sending = ann.send(bytesTo(5 * mebibyte, i), { signal: abort.signal }, `${i % 3}`)
      await settle()
      abort.abort()
      await expect(sending).rejects.toMatchObject({ code: 'aborted' })
      ann.channel(reliable).held = false
      ann.channel(reliable).release()
      await later(300)
    }
    for (const name of ['0', '1', '2']) await ann.send(bytesTo(5 * mebibyte), {}, name)
    await later(1_000)
    expect(Object.values(bob.heardOn).flat()).toHaveLength(3)
  }, 30_000)
})

describe('another carrier', () => {
  test('brings long messages on all channels once and in order, however often it changes', async () => {
    const { ann, bob } = await live()
    const names = [undefined, 'a', 'b', 'c']
    const lengths = [0, 5 * mebibyte, 17, 300_000, 16_376, 16_377, 2 * mebibyte, 1, 100_000]
    const say = async (end: LinkEnd, name: string | undefined, seed: number) => {
      for (const [i, length] of lengths.entries()) await end.send(bytesTo(length, i + seed), {}, name)
    }
    const sending = names.flatMap(name => [say(ann, name, 0), say(bob, name, 1)])
    for (let i = 0; i < 6; i++) {
      await later(4_000) // carriers aren't made faster
      for (const end of [ann, bob]) for (const id of [control, reliable]) end.channel(id).held = true
      for (const end of [ann, bob]) end.channel(reliable).release(3 * i + 1)
      await later(100)
      ann.pc.become('failed')
      bob.pc.become('failed')
    }
    await later(20_000)
    await Promise.all(sending)
    await later(2_000)
    for (const [listener, seed] of [[bob, 0], [ann, 1]] as const) {
      for (const name of names) same(name === undefined ? listener.heard : listener.heardOn[name], lengths.map((length, i) => bytesTo(length, i + seed)))
    }
    expect(ann.pcs.length).toBeGreaterThan(5)
    expect(ann.states).not.toContain('gone')
  }, 60_000)

  test('hears first of every window that isn’t the first', async () => {
    const { ann, bob } = await live()
    await bob.send('x'.repeat(1000), {}, 'a')
    await later(4_000)
    ann.pc.become('failed')
    bob.pc.become('failed')
    await settle()
    expect(ann.controls[0]).toEqual({ type: 'ack', frames: 2, windows: { 1: 262_144 + 1_032 } })
  })
})

describe('closing', () => {
  test('comes after what was sent, and the name can be used again', async () => {
    const { ann, bob } = await live()
    bob.reads = false
    for (let i = 0; i < 20; i++) void ann.send(bytesTo(16_000, i), {}, 'a')
    ann.link.outlets.close('messages', 'a')
    void ann.send('again', {}, 'a')
    await later(1_000)
    expect(bob.inlets).toHaveLength(1)
    bob.reads = true
    while (bob.inlets[0]!.take()) await later(1_000)
    await later(1_000)
    expect(bob.inlets.map(({ id, closed, dropped }) => ({ id, closed, dropped }))).toEqual([{ id: 1, closed: true, dropped: false }, { id: 2, closed: false, dropped: false }])
    expect(bob.heardOn['a']!.at(-1)).toEqual('again')
    expect(bob.link.state).toBe('live')
  })

  test('a channel on which nothing was sent says nothing', async () => {
    const { ann } = await live()
    ann.link.outlets.close('messages', 'a')
    ann.link.outlets.get('messages', 'a')
    ann.link.outlets.close('messages', 'a')
    await later(1_000)
    expect(frames(ann)).toEqual([])
  })

  test('of what nobody wants: who waits to send is told, and the next send opens another', async () => {
    const { ann, bob } = await live()
    bob.reads = false
    const sending = Array.from({ length: 30 }, () => ann.send(bytesTo(16_000), {}, 'a').catch((error: unknown) => error))
    await later(1_000)
    bob.inlets[0]!.stop()
    await later(1_000)
    expect((await Promise.all(sending)).at(-1)).toMatchObject({ code: 'closed' })
    expect(frames(ann).at(-1)).toMatchObject({ type: typeClose, channel: 1, flags: 4 })
    bob.reads = true
    await ann.send('again', {}, 'a')
    await settle()
    expect(bob.heardOn['a']).toEqual(['again'])
  })
})

test('more channels than the other side takes wait until one is closed and read', async () => {
  const { ann, bob } = await live()
  let sent = 0
  for (let i = 0; i < 70; i++) void ann.send('x', {}, `${i}`).then(() => { sent++ })
  await later(1_000)
  expect(sent).toBe(64)
  for (let i = 0; i < 6; i++) ann.link.outlets.close('messages', `${i}`)
  await later(1_000)
  expect(sent).toBe(70)
  expect(Object.keys(bob.heardOn)).toHaveLength(70)
})

describe('unreliable channels', () => {
  test('take the unreliable data channel, each message a frame', async () => {
    const { ann, bob } = await live()
    await ann.send('early', { unreliable: true }, 'a')
    await later(100)
    await ann.send('x'.repeat(maxPayload), { unreliable: true }, 'a')
    expect(() => ann.send('x'.repeat(maxPayload + 1), { unreliable: true }, 'a')).toThrow('16377 bytes long; 16376')
    await settle()
    expect(bob.heardOn['a']?.at(-1)).toHaveLength(maxPayload)
    expect(frames(ann)).toMatchObject([{ type: typeOpen, channel: 1 }])
    expect(ann.channel(unreliable).sent.length).toBeGreaterThanOrEqual(1)
    ann.link.outlets.close('unreliable', 'a')
    await later(300)
    expect(bob.inlets[0]).toMatchObject({ closed: true, kind: 'unreliable' })
  })

  test('the newest of a key replaces what waits here', async () => {
    const { ann, bob } = await live()
    await ann.send('open', { unreliable: true }, 'a')
    await later(100)
    ann.channel(unreliable).held = true
    for (let i = 0; i < 16; i++) await ann.send('x'.repeat(maxPayload), { unreliable: true }, 'a').catch(() => {})
    const sending = [1, 2, 3].flatMap(n => ['k', 'l'].map(key => ann.send(`${key}${n}`, { unreliable: true, key }, 'a')))
    await settle()
    ann.channel(unreliable).held = false
    ann.channel(unreliable).release()
    await Promise.all(sending)
    await settle()
    expect(bob.heardOn['a']!.filter(m => m.length < 3)).toEqual(['k3', 'l3'])
  })

  test('and what waits there', async () => {
    const { ann, bob } = await live()
    await ann.send('open', { unreliable: true }, 'a')
    await later(100)
    bob.reads = false
    for (const n of [1, 2, 3]) for (const key of ['k', 'l']) await ann.send(`${key}${n}`, { unreliable: true, key }, 'a')
    await settle()
    expect(bob.inlets[0]!.waiting.map(({ data, key }) => [data, key])).toEqual([['k3', 'k'], ['l3', 'l']])
  })

  test('keys have 1 to 64 bytes, on unreliable channels only', async () => {
    const { ann } = await live()
    for (const key of ['', 'x'.repeat(65), 'ü'.repeat(33)]) expect(() => ann.send('m', { unreliable: true, key }, 'a')).toThrow(expect.objectContaining({ code: 'channel' }))
    expect(() => ann.send('m', { key: 'k' }, 'a')).toThrow(expect.objectContaining({ code: 'channel' }))
    await ann.send('m', { unreliable: true, key: 'ü'.repeat(32) }, 'a')
  })
})
