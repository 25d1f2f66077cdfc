import { beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeConnection } from '../fakes/connection.ts'
import { FakeHub } from '../fakes/hub.ts'
import { idOf } from '../fakes/members.ts'
import { FakeWebSocket, unreachable } from '../fakes/websocket.ts'
import type { Channel } from './channel.ts'
import type { ChannelEvent, RoomMessageEvent } from './events.ts'
import { join, type Room } from './room.ts'

const later = (ms: number) => vi.advanceTimersByTimeAsync(ms)
let hub: FakeHub

beforeEach(() => {
  vi.useFakeTimers()
  FakeWebSocket.install()
  FakeConnection.install()
  unreachable()
  hub = new FakeHub()
})

/** A room of these, who are all connected. */
async function room(...names: string[]): Promise<Room[]> {
  const all: Room[] = []
  for (const name of names) {
    const joining = join('https://hub.example/r/lobby', { name })
    await hub.admit()
    all.push(await joining)
  }
  await later(0)
  return all
}

function heard(channel: Channel): string[] {
  const all: string[] = []
  channel.addEventListener('message', ({ data, member }) => { all.push(`${member.name}: ${String(data)}`) })
  return all
}

/** Takes so many messages. */
async function take(messages: AsyncIterator<RoomMessageEvent>, count: number): Promise<string[]> {
  const all: string[] = []
  for (let i = 0; i < count; i++) {
    const { value } = await messages.next() as IteratorYieldResult<RoomMessageEvent>
    all.push(`${value.member.name}: ${String(value.data).slice(0, 10)}`)
  }
  return all
}

test('a channel is to everybody, or to one, and apart from others', async () => {
  const [ann, bob, cid] = await room('a', 'b', 'c') as [Room, Room, Room]
  const [atBob, atCid, other] = [heard(bob.channel('files')), heard(cid.channel('files')), heard(bob.channel('other'))]
  await ann.channel('files').broadcast('all')
  await ann.channel('files').send(idOf('b'), 'one')
  await bob.channel('files').broadcast('back')
  await later(0)
  expect([atBob, atCid, other]).toEqual([['a: all', 'a: one'], ['a: all', 'b: back'], []])
  expect(ann.channel('files')).toBe(ann.channel('files'))
  expect(() => ann.channel('files', { unreliable: true })).toThrow(expect.objectContaining({ code: 'channel' }))
})

test('names have 1 to 128 bytes, and no control characters', async () => {
  const [ann] = await room('a') as [Room]
  for (const name of ['', 'x'.repeat(129), 'ü'.repeat(65), 'a\nb', '\u0085', '\ud800']) expect(() => ann.channel(name)).toThrow(expect.objectContaining({ code: 'channel' }))
  ann.channel('ü'.repeat(64))
})

test('to who isn’t there is refused', async () => {
  const [ann] = await room('a') as [Room]
  await expect(ann.channel('files').send(idOf('z'), 'x')).rejects.toMatchObject({ code: 'gone' })
})

describe('what nobody has asked for', () => {
  test('is told, and waits until somebody does and listens', async () => {
    const [ann, bob] = await room('a', 'b') as [Room, Room]
    const told: string[] = []
    bob.addEventListener('channel', event => {
      const { name, unreliable, member } = event as ChannelEvent
      told.push(`${member.name} ${name} ${unreliable}`)
    })
    await ann.channel('files').broadcast('one')
    await ann.channel('files').broadcast('two')
    await later(1_000)
    expect(told).toEqual(['a files false'])
    const channel = bob.channel('files')
    await later(1_000)
    const all = heard(channel)
    await later(0)
    expect(all).toEqual(['a: one', 'a: two'])
  })

  test('isn’t kept when the member leaves', async () => {
    const [ann, bob] = await room('a', 'b') as [Room, Room]
    await ann.channel('files').broadcast('one')
    await later(1_000)
    await ann.leave()
    await later(1_000)
    const all = heard(bob.channel('files'))
    await later(1_000)
    expect(all).toEqual([])
  })
})

describe('messages()', () => {
  test('gives what comes, and what it hasn’t taken makes its sender wait, and nobody else', async () => {
    const [ann, bob, cid] = await room('a', 'b', 'c') as [Room, Room, Room]
    const messages = bob.channel('files').messages()
    const listened = heard(bob.channel('files'))
    const fast = heard(bob.channel('chat'))
    let sent = 0
    for (let i = 0; i < 30; i++) void ann.channel('files').send(idOf('b'), `${i}`.padEnd(16_000)).then(() => { sent++ })
    await later(5_000)
    expect(sent).toBe(16)
    await cid.channel('files').send(idOf('b'), 'from c')
    await ann.channel('chat').broadcast('hello')
    await later(1_000)
    expect(fast).toEqual(['a: hello'])
    expect(listened).toEqual([])
    // Each sender has its turn.
    expect((await take(messages, 3)).map(m => m.trim())).toEqual(['a: 0', 'c: from c', 'a: 1'])
    expect(listened).toHaveLength(3)
    const rest = take(messages, 28)
    await later(5_000)
    expect((await rest).at(-1)?.trim()).toBe('a: 29')
    expect(sent).toBe(30)
  })

  test('waits for what comes, and ends with the channel', async () => {
    const [ann, bob] = await room('a', 'b') as [Room, Room]
    const messages = bob.channel('files').messages()
    const next = messages.next()
    await ann.channel('files').broadcast('one')
    await later(0)
    expect((await next).value).toMatchObject({ data: 'one' })
    const last = messages.next()
    bob.channel('files').close()
    expect(await last).toEqual({ done: true, value: undefined })
    expect(await messages.next()).toEqual({ done: true, value: undefined })
  })

  test('that isn’t read any more leaves the rest to listeners', async () => {
    const [ann, bob] = await room('a', 'b') as [Room, Room]
    const channel = bob.channel('files')
    const all = heard(channel)
    const messages = channel.messages()
    for (const text of ['one', 'two', 'three']) await ann.channel('files').broadcast(text)
    await later(0)
    for await (const { data } of messages) {
      expect(data).toBe('one')
      break
    }
    await later(0)
    expect(all).toEqual(['a: one', 'a: two', 'a: three'])
  })

  test('ends with the room', async () => {
    const [bob] = await room('b') as [Room]
    const next = bob.channel('files').messages().next()
    await bob.leave()
    expect((await next).done).toBe(true)
  })

  test('reads to the end what a member has sent that is gone', async () => {
    const [ann, bob] = await room('a', 'b') as [Room, Room]
    const messages = bob.channel('files').messages()
    await ann.channel('files').broadcast('one')
    await ann.channel('files').broadcast('two')
    await ann.leave()
    await later(1_000)
    expect(bob.members).toEqual([])
    expect(await take(messages, 2)).toEqual(['a: one', 'a: two'])
  })
})

describe('close', () => {
  test('sends no more and takes no more, and the name can be had again', async () => {
    const [ann, bob] = await room('a', 'b') as [Room, Room]
    const [channel, all] = [ann.channel('files'), heard(bob.channel('files'))]
    const atAnn = heard(channel)
    await channel.broadcast('one')
    await bob.channel('files').broadcast('back')
    await later(1_000)
    channel.close()
    channel.close()
    await expect(channel.broadcast('two')).rejects.toMatchObject({ code: 'closed' })
    await expect(channel.send(idOf('b'), 'two')).rejects.toMatchObject({ code: 'closed' })
    await later(1_000)
    const again = heard(ann.channel('files'))
    await ann.channel('files').broadcast('three')
    await bob.channel('files').broadcast('back again')
    await later(1_000)
    expect(all).toEqual(['a: one', 'a: three'])
    expect([atAnn, again]).toEqual([['b: back'], ['b: back again']])
  })

  test('is no failure of who sends to everybody', async () => {
    const [ann, bob, cid] = await room('a', 'b', 'c') as [Room, Room, Room]
    const all = heard(cid.channel('files'))
    bob.channel('files').messages()
    const sending = Array.from({ length: 30 }, () => ann.channel('files').broadcast('x'.repeat(16_000)))
    await later(1_000)
    bob.channel('files').close()
    await later(2_000)
    await Promise.all(sending)
    expect(all).toHaveLength(30)
  })
})

test('an unreliable channel tells the keys', async () => {
  const [ann, bob] = await room('a', 'b') as [Room, Room]
  const got: unknown[] = []
  bob.channel('places', { unreliable: true }).addEventListener('message', ({ data, key, unreliable }) => { got.push([data, key, unreliable]) })
  await ann.channel('places', { unreliable: true }).broadcast('opens')
  await later(300)
  await ann.channel('places', { unreliable: true }).broadcast('here', { key: 'ann' })
  await later(0)
  expect(got.at(-1)).toEqual(['here', 'ann', true])
})

test('what comes without a channel is told as ever, up to 8 MiB', async () => {
  const [ann, bob] = await room('a', 'b') as [Room, Room]
  const all: RoomMessageEvent[] = []
  bob.addEventListener('message', event => { all.push(event as RoomMessageEvent) })
  await ann.broadcast('x'.repeat(5_000_000))
  await ann.send(idOf('b'), Uint8Array.of(1), { unreliable: true })
  await later(1_000)
  expect(all.map(({ data, unreliable }) => [data.length, unreliable])).toEqual(expect.arrayContaining([[5_000_000, false], [1, true]]))
})
