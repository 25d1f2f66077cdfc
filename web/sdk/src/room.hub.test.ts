import { beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeConnection } from '../fakes/connection.ts'
import { FakeHub } from '../fakes/hub.ts'
import { entryOf, idOf } from '../fakes/members.ts'
import { FakeWebSocket, unreachable } from '../fakes/websocket.ts'
import type { EndEvent, RoomMessageEvent } from './events.ts'
import { join, type Room } from './room.ts'

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

/** A link ends that is this carrier's: the other side breaks the protocol. */
async function breakLink(pc: FakeConnection): Promise<void> {
  pc.channels[1]!.receive(new ArrayBuffer(3))
  await settle()
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

describe('who isn’t there in a new epoch', () => {
  async function without(): Promise<Room> {
    const { ann } = await two()
    hub.restart()
    await later(500)
    FakeWebSocket.all.pop()
    await hub.admit()
    expect(members(ann)).toEqual(['b live away'])
    return ann
  }

  test('has its place for as long as the hub would keep it', async () => {
    const ann = await without()
    await breakLink(FakeConnection.all[0]!)
    await later(59_999)
    expect(members(ann)).toEqual(['b gone away'])
    await later(1)
    expect(members(ann)).toEqual([])
  })

  test('and after that while its link lives', async () => {
    const ann = await without()
    await later(120_000)
    expect(members(ann)).toEqual(['b live away'])
    await breakLink(FakeConnection.all[0]!)
    expect(members(ann)).toEqual([])
  })

  test('comes back once, with a new link if the old one is gone', async () => {
    const ann = await without()
    await breakLink(FakeConnection.all[0]!)
    const told: string[][] = []
    ann.addEventListener('members', () => told.push(members(ann)))
    hub.enter('b')
    await later(60_000)
    expect(told[0]).toEqual(['b connecting'])
    expect(told.every(list => list.length === 1)).toBe(true)
  })

  test('has no second grace with a third epoch', async () => {
    const ann = await without()
    await breakLink(FakeConnection.all[0]!)
    await later(40_000)
    hub.restart()
    await later(500)
    await hub.admit()
    await later(19_500)
    expect(members(ann)).toEqual([])
  })
})

describe('a connection that is lost', () => {
  test('is a state, and no leave; the link goes on, and signals arrive once', async () => {
    const { ann, bob } = await two()
    const told: string[][] = []
    ann.addEventListener('members', () => told.push(members(ann)))
    const pcs = FakeConnection.all.length
    for (let i = 0; i < 3; i++) {
      FakeWebSocket.all.find(ws => ws.sent[0]!['name'] === 'b' && ws.readyState === FakeWebSocket.OPEN)!.drop()
      await settle()
      expect(members(ann)).toEqual(['b live away'])
      await later(500)
      await hub.admit()
      await settle()
      expect([members(ann), members(bob)]).toEqual([['b live'], ['a live']])
    }
    expect(FakeConnection.all).toHaveLength(pcs)
    expect(told.flat()).toEqual(['b live away', 'b live', 'b live away', 'b live', 'b live away', 'b live'])
  })

  test('while a link is made delays it, no more', async () => {
    const ann = await enter('a')
    const joining = enter('b')
    FakeWebSocket.all[0]!.drop() // Ann's, while Bob comes in
    const bob = await joining
    await later(500)
    await hub.admit()
    await settle()
    expect([members(ann), members(bob)]).toEqual([['b live'], ['a live']])
    const types = FakeWebSocket.all.flatMap(ws => ws.sent).filter(m => m['type'] === 'signal').map(m => (m['body'] as { type: string }).type)
    expect(types.filter(t => t === 'answer').length).toBeLessThanOrEqual(2)
  })

  test('has nothing repeated meanwhile, since it is kept', async () => {
    hub.loses = () => true
    await two()
    const before = FakeWebSocket.all[0]!.sent.length
    FakeWebSocket.all[0]!.drop()
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    for (let i = 0; i < 8; i++) {
      await later(2_000)
      if (FakeWebSocket.newest.readyState === FakeWebSocket.CONNECTING) FakeWebSocket.newest.drop()
    }
    await later(8_000)
    const ws = await hub.admit()
    await settle()
    expect(before).toBeGreaterThan(1)
    const offers = ws.sent.filter(m => m['type'] === 'signal' && (m['body'] as { type: string }).type === 'offer')
    expect(offers.length).toBeLessThanOrEqual(2) // and once more, since the hub is back
  })
})

describe('a member that is away', () => {
  test('is listed, and gets a new link when it comes back without one', async () => {
    const { ann } = await two()
    hub.away('b', true)
    await breakLink(FakeConnection.all[0]!)
    await settle()
    expect(members(ann)).toEqual(['b gone away'])
    hub.away('b', false)
    expect(members(ann)).toEqual(['b connecting'])
    await settle()
    expect(members(ann)).toEqual(['b live'])
  })

  test('leaves once, when the hub says so and its link is gone', async () => {
    const { ann } = await two()
    hub.away('b', true)
    hub.leave('b', 'timeout')
    await settle()
    expect(members(ann)).toEqual(['b live away'])
    await breakLink(FakeConnection.all[0]!)
    await settle()
    expect(members(ann)).toEqual([])
  })
})

describe('signals that the hub doesn’t take', () => {
  for (const [reason, retry, wait] of [['slow', undefined, 1_000], ['limit', 3_000, 3_000]] as const) {
    test(`for ${reason} are repeated after ${wait} ms, also if the other side has answered`, async () => {
      hub.loses = type => type === 'candidates'
      const { ann } = await two()
      expect(members(ann)).toEqual(['b connecting'])
      hub.loses = () => false
      hub.say('a', { type: 'undeliverable', to: idOf('b'), signal: 1, reason, ...(retry ? { retry } : {}) })
      await later(wait - 1)
      expect(members(ann)).toEqual(['b connecting'])
      await later(1)
      expect(members(ann)).toEqual(['b live'])
    })
  }

  test('because the member is gone are not', async () => {
    const ann = await enter('a')
    hub.enter('x')
    await settle()
    const before = FakeWebSocket.newest.sent.length
    hub.say('a', { type: 'undeliverable', to: idOf('x'), signal: 1, reason: 'gone' })
    hub.say('a', { type: 'undeliverable', to: idOf('q'), signal: 1, reason: 'slow' })
    await later(999)
    expect(FakeWebSocket.newest.sent.length).toBe(before)
    expect(members(ann)).toEqual(['x connecting'])
  })
})

test('a lock is told, and asked for', async () => {
  const { ann, bob } = await two()
  const told = vi.fn()
  bob.addEventListener('locked', told)
  hub.lock(true)
  expect([ann.locked, bob.locked]).toEqual([true, true])
  hub.lock(false)
  expect(bob.locked).toBe(false)
  expect(told).toHaveBeenCalledTimes(2)
  await ann.lock()
  expect(FakeWebSocket.all[0]!.sent.at(-2)).toEqual({ type: 'lock', locked: true })
})

test('a kick is asked for', async () => {
  const ann = await enter('a')
  const answer = FakeWebSocket.newest.onsent!
  FakeWebSocket.newest.onsent = message => {
    if (message['type'] === 'kick') hub.say('a', { type: 'kicked', id: message['id'], holds: 'nothing' })
    else answer(message)
  }
  await expect(ann.kick(idOf('b'))).resolves.toBe('nothing')
})

test('an identity stands with its member', async () => {
  const ann = await enter('a')
  hub.say('a', { type: 'roster', epoch: hub.epoch, n: 2, joined: [{ ...entryOf('x', 2), identity: 'xena@example.org' }] })
  expect(ann.members[0]).toMatchObject({ name: 'x', identity: 'xena@example.org' })
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
