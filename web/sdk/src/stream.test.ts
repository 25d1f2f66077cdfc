import { beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeConnection } from '../fakes/connection.ts'
import { FakeHub } from '../fakes/hub.ts'
import { idOf } from '../fakes/members.ts'
import { FakeWebSocket, unreachable } from '../fakes/websocket.ts'
import { join, type Room } from './room.ts'
import type { Stream } from './stream.ts'

const later = (ms: number) => vi.advanceTimersByTimeAsync(ms)
let hub: FakeHub

beforeEach(async () => {
  await import('./stream.ts') // that it is loaded takes real time
  vi.useFakeTimers()
  FakeWebSocket.install()
  FakeConnection.install()
  unreachable()
  hub = new FakeHub()
})

async function two(): Promise<{ ann: Room; bob: Room }> {
  const all: Room[] = []
  for (const name of ['a', 'b']) {
    const joining = join('https://hub.example/r/lobby', { name })
    await hub.admit()
    all.push(await joining)
  }
  await later(0)
  return { ann: all[0]!, bob: all[1]! }
}

/** Both ends of a stream. */
async function stream(ann: Room, bob: Room): Promise<{ near: Stream; far: Stream; listening: AsyncGenerator<Stream, void> }> {
  const listening = bob.listen('pipe')
  const next = listening.next()
  await settled()
  const dialing = ann.dial(idOf('b'), 'pipe')
  await settled()
  return { near: await dialing, far: (await next).value!, listening }
}

/** Imports take more turns than the clock knows of. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise<void>(resolve => { const { port1, port2 } = new MessageChannel(); port1.onmessage = () => { port1.close(); resolve() }; port2.postMessage(0) }).then(() => later(10))
}

async function all(readable: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for (const reader = readable.getReader();;) {
    const { done, value } = await reader.read()
    if (done) return text
    text += decoder.decode(value, { stream: true })
  }
}

test('carries bytes in both directions, and each ends by itself', async () => {
  const { ann, bob } = await two()
  const { near, far } = await stream(ann, bob)
  expect([near.member.name, far.member.name]).toEqual(['b', 'a'])
  const writer = near.writable.getWriter()
  const back = far.writable.getWriter()
  void writer.write(new TextEncoder().encode('hello '))
  void writer.write(new TextEncoder().encode('x'.repeat(500_000)))
  void writer.close()
  const got = all(far.readable)
  await later(2_000)
  expect(await got).toBe('hello ' + 'x'.repeat(500_000))
  void back.write(new TextEncoder().encode('and back'))
  void back.close()
  const gotBack = all(near.readable)
  await later(2_000)
  expect(await gotBack).toBe('and back')
})

test('that nobody listens for is refused', async () => {
  const { ann } = await two()
  const dialing = expect(ann.dial(idOf('b'), 'pipe')).rejects.toMatchObject({ code: 'closed' })
  await settled()
  await later(1_000)
  await dialing
  await expect(ann.dial(idOf('z'), 'pipe')).rejects.toMatchObject({ code: 'gone' })
  await expect(ann.dial(idOf('b'), '')).rejects.toMatchObject({ code: 'channel' })
})

test('that isn’t answered yet can be given up', async () => {
  const { ann, bob } = await two()
  FakeConnection.all[1]!.channels[1]!.held = true
  FakeConnection.all[0]!.channels[1]!.held = true
  void bob.listen('pipe').next()
  const abort = new AbortController()
  const dialing = expect(ann.dial(idOf('b'), 'pipe', { signal: abort.signal })).rejects.toMatchObject({ code: 'aborted', cause: 'enough' })
  await settled()
  abort.abort('enough')
  await dialing
  await expect(ann.dial(idOf('b'), 'pipe', { signal: AbortSignal.abort('at once') })).rejects.toMatchObject({ code: 'aborted' })
})

test('a reader that doesn’t read makes the writer wait at 256 KiB', async () => {
  const { ann, bob } = await two()
  const { near, far } = await stream(ann, bob)
  const writer = near.writable.getWriter()
  let written = 0
  const write = async () => {
    for (let i = 0; i < 100; i++) {
      await writer.write(new Uint8Array(10_000))
      written++
    }
    await writer.close()
  }
  void write()
  await later(5_000)
  expect(written).toBe(26)
  const got = all(far.readable)
  await later(10_000)
  expect(await got).toHaveLength(1_000_000)
  expect(written).toBe(100)
})

test('a reader that goes away ends the writer', async () => {
  const { ann, bob } = await two()
  const { near, far } = await stream(ann, bob)
  const writer = near.writable.getWriter()
  const closed = expect(writer.closed).rejects.toMatchObject({ code: 'closed' })
  void far.readable.cancel()
  await later(1_000)
  await closed
})

test('a writer that aborts ends the reader, after what came', async () => {
  const { ann, bob } = await two()
  const { near, far } = await stream(ann, bob)
  const writer = near.writable.getWriter()
  await writer.write(Uint8Array.of(1))
  await later(100)
  void writer.abort('enough')
  await later(100)
  const reader = far.readable.getReader()
  expect((await reader.read()).value).toEqual(Uint8Array.of(1))
  await expect(reader.read()).rejects.toMatchObject({ code: 'gone' })
})

test('the end of the link ends it on both sides', async () => {
  const { ann, bob } = await two()
  const { near, far } = await stream(ann, bob)
  const ends = [near, far].flatMap(({ readable, writable }) => [expect(readable.getReader().read()).rejects.toMatchObject({ code: 'gone' }), expect(writable.getWriter().closed).rejects.toMatchObject({ code: 'gone' })])
  FakeConnection.all[0]!.channels[1]!.receive(new ArrayBuffer(3)) // which breaks the protocol
  await later(60_000)
  await Promise.all(ends)
})

describe('listening', () => {
  test('ends with its signal or the room, and streams that weren’t taken are refused', async () => {
    const { ann, bob } = await two()
    const abort = new AbortController()
    const listening = bob.listen('pipe', { signal: abort.signal })
    const next = listening.next()
    await settled()
    const dialing = [1, 2].map(() => ann.dial(idOf('b'), 'pipe'))
    await settled()
    expect((await next).done).toBe(false)
    const [, second] = await Promise.all(dialing)
    abort.abort()
    expect(await listening.next()).toEqual({ done: true, value: undefined })
    await settled()
    await expect(second!.readable.getReader().read()).rejects.toMatchObject({ code: 'gone' })
    const another = bob.listen('pipe').next()
    await settled()
    await Promise.all([bob.leave(), later(3_000)])
    await settled()
    expect(await another).toEqual({ done: true, value: undefined })
  })

  test('for one name twice is refused', async () => {
    const { bob } = await two()
    void bob.listen('pipe').next()
    await settled()
    await expect(bob.listen('pipe').next()).rejects.toMatchObject({ code: 'limit' })
  })
})
