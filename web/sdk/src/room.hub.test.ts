import { beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeConnection } from '../fakes/connection.ts'
import { FakeHub } from '../fakes/hub.ts'
import { idOf } from '../fakes/members.ts'
import { FakeWebSocket, unreachable } from '../fakes/websocket.ts'
import { type EndEvent, join, type Room, type RoomMessageEvent } from './room.ts'

// What a room does while its hub is away, and after.

const later = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const settle = () => later(0)
let hub: FakeHub

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(Math, 'random').mockReturnValue(0.999)
  FakeWebSocket.install()
  FakeConnection.install()
  unreachable()
  hub = new FakeHub()
})

async function enter(name: string): Promise<Room> {
  const joining = join('https://hub.example/r/lobby', { name })
  await hub.admit()
  return joining
}

async function two(): Promise<{ ann: Room; bob: Room }> {
  const [ann, bob] = [await enter('a'), await enter('b')]
  await settle()
  return { ann, bob }
}

/** After their first wait. */
async function bothComeBack(): Promise<void> {
  await later(500)
  for (const ws of FakeWebSocket.all.splice(-2)) {
    FakeWebSocket.all.push(ws)
    await hub.admit()
  }
}

const members = (room: Room) => room.members.map(m => `${m.name} ${m.state}${m.away ? ' away' : ''}`)

test('links go on while the hub is away', async () => {
  const { ann, bob } = await two()
  const heard: unknown[] = []
  bob.addEventListener('message', event => heard.push((event as RoomMessageEvent).data))
  hub.restart()
  await settle()
  expect([ann.hub.state, bob.hub.state]).toEqual(['waiting', 'waiting'])
  expect([members(ann), members(bob)]).toEqual([['b live'], ['a live']])
  await ann.broadcast('still here')
  await settle()
  expect(heard).toEqual(['still here'])
})

test('a hub that comes back with a new epoch ends no link, and makes none twice', async () => {
  const { ann, bob } = await two()
  const told: string[] = []
  ann.addEventListener('hub', () => told.push(ann.hub.state))
  hub.restart()
  const before = FakeWebSocket.all.length
  await later(500)
  expect(FakeWebSocket.all).toHaveLength(before + 2)
  const sockets = FakeWebSocket.all.slice(before)
  expect(told).toEqual(['waiting', 'connecting'])

  const bobs = FakeWebSocket.all.pop()! // Ann is the first that comes back
  await hub.admit()
  expect(members(ann)).toEqual(['b live away'])
  FakeWebSocket.all.push(bobs)
  await hub.admit()
  expect([members(ann), members(bob)]).toEqual([['b live'], ['a live']])
  expect(FakeConnection.all).toHaveLength(2)
  expect(sockets.map(ws => ws.sent[0]!['secret'])).toEqual(FakeWebSocket.all.slice(0, 2).map(ws => ws.sent[0]!['secret']))
  expect(told).toEqual(['waiting', 'connecting', 'connected'])
})

test('who doesn’t come back is gone with the link', async () => {
  const { ann } = await two()
  hub.restart()
  await later(500)
  FakeWebSocket.all.pop()
  await hub.admit()
  expect(members(ann)).toEqual(['b live away'])
  FakeConnection.all[0]!.become('failed')
  expect(members(ann)).toEqual([])
})

for (const when of ['offer', 'answer', 'candidates']) {
  test(`a hub that restarts instead of passing the first ${when} on delays a link, no more`, async () => {
    const ann = await enter('a')
    let restarted = false
    hub.loses = type => {
      if (type !== when || restarted) return false
      restarted = true
      hub.restart()
      return true
    }
    const bob = await enter('b')
    expect(restarted).toBe(true)
    await bothComeBack()
    await later(3_000)
    expect([members(ann), members(bob)]).toEqual([['b live'], ['a live']])
  })
}

test('links that wait for a signal don’t wait any longer when the hub is back', async () => {
  hub.loses = () => true
  const { ann, bob } = await two()
  await later(7_500) // the next repetition comes at 15 s
  hub.loses = () => false
  hub.restart()
  await bothComeBack()
  await settle()
  expect([members(ann), members(bob)]).toEqual([['b live'], ['a live']])
})

test('a link whose sides can’t hear of each other is gone after 30 s, for want of a hub', async () => {
  hub.loses = () => true
  const { ann } = await two()
  hub.restart()
  await later(30_000)
  expect(members(ann)).toEqual(['b gone'])
  expect(ann.members[0]!.cause).toBe('signaling')
})

test('a link that wavers has the hub probed', async () => {
  const { ann } = await two()
  FakeConnection.all[0]!.become('disconnected')
  expect(members(ann)).toEqual(['b shaky'])
  expect(FakeWebSocket.all[0]!.sent.at(-1)).toEqual({ type: 'ping' })
})

describe('a refusal for good', () => {
  test('ends the room, with its reason', async () => {
    const { ann, bob } = await two()
    const ended = vi.fn<(event: Event) => void>()
    ann.addEventListener('end', ended)
    hub.say('a', { type: 'error', code: 'superseded', message: 'Continued elsewhere.' })
    FakeWebSocket.all[0]!.drop(4503)
    await settle()
    expect((ended.mock.lastCall![0] as EndEvent).error).toMatchObject({ code: 'superseded' })
    expect(ann.hub).toMatchObject({ state: 'closed' })
    expect(members(bob)).toEqual([])
    await expect(ann.send(idOf('b'), 'x')).rejects.toMatchObject({ code: 'gone' })
  })
})
