import { beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeConnection } from '../fakes/connection.ts'
import { FakeHub } from '../fakes/hub.ts'
import { entryOf, idOf, welcomeTo } from '../fakes/members.ts'
import { answers, FakeWebSocket, unreachable } from '../fakes/websocket.ts'
import type { EndEvent, RoomMessageEvent } from './events.ts'
import { join, type Room } from './room.ts'

const invite = 'https://hub.example/r/lobby'
const later = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const settle = () => later(0)
let hub: FakeHub

beforeEach(() => {
  vi.useFakeTimers()
  FakeWebSocket.install()
  FakeConnection.install()
  unreachable()
  hub = new FakeHub()
})

async function enter(name: string): Promise<Room> {
  const joining = join(invite, { name })
  await hub.admit()
  return joining
}

/** Two members whose link is live. */
async function two(): Promise<{ ann: Room; bob: Room }> {
  const [ann, bob] = [await enter('a'), await enter('b')]
  await settle()
  return { ann, bob }
}

const members = (room: Room) => room.members.map(m => `${m.name} ${m.state}${m.away ? ' away' : ''}`)

/** A link ends that is this carrier's: the other side breaks the protocol. */
async function breakLink(pc: FakeConnection): Promise<void> {
  pc.channels[1]!.receive(new ArrayBuffer(3))
  await settle()
}

function heard(room: Room): string[] {
  const all: string[] = []
  room.addEventListener('message', event => {
    const { data, member } = event as RoomMessageEvent
    all.push(`${member.name}: ${String(data)}`)
  })
  return all
}

describe('joining', () => {
  test('says who one is, and tells who is there', async () => {
    hub.enter('x', 'go')
    const joining = join(invite, { name: 'a', meta: { colour: 'teal' } })
    const ws = await hub.admit()
    const room = await joining
    expect(ws.url).toBe('wss://hub.example/v1/rooms/lobby')
    expect(ws.sent[0]).toEqual({ type: 'hello', secret: expect.stringMatching(/^[\w-]{43}$/), name: 'a', kind: 'browser', meta: { colour: 'teal' } })
    expect(room).toMatchObject({ name: 'lobby', invite, self: { id: idOf('a'), name: 'a' }, hub: { state: 'connected', transport: 'websocket' }, locked: false, permissions: ['join'] })
    expect(members(room)).toEqual(['x connecting'])
  })

  test('says the token, where there is one', async () => {
    const joining = join(invite, { name: 'a', token: () => 'a.b.c' })
    await settle()
    expect((await hub.admit()).sent[0]).toMatchObject({ token: 'a.b.c' })
    await joining
  })

  test('fails if no token can be had', async () => {
    await expect(join(invite, { token: () => { throw new Error('no') } })).rejects.toMatchObject({ code: 'no-token' })
    expect(FakeWebSocket.all).toEqual([])
  })

  test('of what is no invite is refused before anything is asked', async () => {
    await expect(join('lobby')).rejects.toMatchObject({ code: 'invite' })
    await expect(join('https://hub.example/r/a b')).rejects.toMatchObject({ code: 'room' })
    expect(FakeWebSocket.all).toEqual([])
  })

  test('without WebRTC says so', async () => {
    vi.stubGlobal('RTCPeerConnection', undefined)
    await expect(join(invite)).rejects.toMatchObject({ code: 'no-webrtc' })
  })

  test('fails at the first failure, and doesn’t go on', async () => {
    const joining = expect(join(invite)).rejects.toMatchObject({ code: 'unreachable' })
    FakeWebSocket.newest.drop()
    await joining
    await later(120_000)
    expect(FakeWebSocket.all).toHaveLength(1)
  })

  test('fails with what the hub says', async () => {
    vi.spyOn(console, 'error').mockReturnValue()
    answers(403, { type: 'error', code: 'origin', message: 'Start the hub with --origin.' })
    const joining = expect(join(invite)).rejects.toMatchObject({ code: 'origin', message: expect.stringContaining('--origin') })
    FakeWebSocket.newest.drop()
    await joining
  })

  test('can be aborted', async () => {
    const abort = new AbortController()
    const joining = expect(join(invite, { signal: abort.signal })).rejects.toMatchObject({ code: 'aborted', cause: 'enough' })
    abort.abort('enough')
    await joining
    expect(FakeWebSocket.newest.readyState).toBe(FakeWebSocket.CLOSED)
    await expect(join(invite, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' })
    expect(FakeWebSocket.all).toHaveLength(1)
  })
})

describe('members', () => {
  test('find each other and talk', async () => {
    const { ann, bob } = await two()
    expect([members(ann), members(bob)]).toEqual([['b live'], ['a live']])
    const [annHeard, bobHeard] = [heard(ann), heard(bob)]
    await ann.send(idOf('b'), 'hello')
    await bob.broadcast('hi')
    await settle()
    expect([annHeard, bobHeard]).toEqual([['b: hi'], ['a: hello']])
  })

  for (const type of ['offer', 'answer', 'candidates']) {
    test(`find each other though the first ${type} gets lost`, async () => {
      let lost = 0
      hub.loses = t => t === type && lost++ === 0
      const { ann } = await two()
      await later(3_000)
      expect(lost).toBeGreaterThan(0)
      expect(members(ann)).toEqual(['b live'])
    })
  }

  test('are told of, once for all that changes at a time', async () => {
    const zoe = await enter('z')
    const told = vi.fn()
    zoe.addEventListener('members', told)
    hub.enter('x')
    hub.enter('y')
    hub.leave('x', 'bye')
    expect(told).not.toHaveBeenCalled()
    await settle()
    expect(told).toHaveBeenCalledOnce()
    expect(members(zoe)).toEqual(['y connecting'])
  })

  test('are listed in the order of joining, and once', async () => {
    hub.enter('z')
    const ann = await enter('a')
    hub.enter('x')
    hub.say('a', { type: 'roster', epoch: hub.epoch, n: 3, joined: [entryOf('x', 3)] })
    hub.say('a', { type: 'roster', epoch: hub.epoch, n: 4, joined: [entryOf('x', 4), entryOf('a', 4)] })
    expect(members(ann)).toEqual(['z connecting', 'x connecting'])
    expect(FakeConnection.all).toHaveLength(2)
  })

  for (const [reason, stays] of [['bye', false], ['kicked', false], ['timeout', true], ['bored', true]] as const) {
    test(`that leave with ${reason} ${stays ? 'stay while their link lives' : 'are gone'}`, async () => {
      const { ann } = await two()
      hub.leave('b', reason)
      await settle()
      expect(members(ann)).toEqual(stays ? ['b live away'] : [])
      await breakLink(FakeConnection.all[0]!)
      expect(members(ann)).toEqual([])
    })
  }

  test('whose link is gone stay while the hub lists them, and say why', async () => {
    const { ann } = await two()
    await breakLink(FakeConnection.all[0]!)
    expect(ann.members).toMatchObject([{ name: 'b', state: 'gone', cause: 'refused', away: false }])
    await expect(ann.send(idOf('b'), 'x')).rejects.toMatchObject({ code: 'gone' })
    await ann.broadcast('who is gone is passed over')
  })

  test('that nobody knows can’t be written to', async () => {
    const ann = await enter('a')
    await expect(ann.send(idOf('q'), 'x')).rejects.toMatchObject({ code: 'gone' })
  })

  test('whose carrier fails get another, and keep their link', async () => {
    const { ann, bob } = await two()
    await later(4_000)
    const states: string[] = []
    ann.addEventListener('members', () => states.push(ann.members[0]!.state))
    FakeConnection.all[0]!.become('failed')
    await settle()
    expect([members(ann), members(bob)]).toEqual([['b live'], ['a live']])
    expect(states).not.toContain('gone')
    expect(FakeConnection.all).toHaveLength(4)
  })

  test('whose link has failed get a new one after a pause that doubles, or at once with another network', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const window = new EventTarget()
    vi.stubGlobal('addEventListener', window.addEventListener.bind(window))
    FakeConnection.noPath = true
    const { ann } = await two()
    for (const pause of [2_000, 4_000, 8_000]) {
      await later(30_000)
      expect(ann.members[0]).toMatchObject({ state: 'gone', cause: 'no-turn' })
      await later(pause - 1)
      expect(members(ann)).toEqual(['b gone'])
      await later(1)
      expect(ann.members[0]).toMatchObject({ state: 'connecting', cause: 'no-turn' }) // why is said meanwhile
    }
    await later(30_000)
    FakeConnection.noPath = false
    window.dispatchEvent(new Event('online'))
    expect(members(ann)).toEqual(['b connecting'])
    await settle()
    expect(members(ann)).toEqual(['b live'])
    expect(ann.members[0]).not.toHaveProperty('cause')
    FakeConnection.noPath = true
    FakeConnection.all.filter(pc => pc.connectionState === 'connected').forEach(pc => pc.become('failed'))
    await later(60_000)
    expect(ann.members[0]).toMatchObject({ state: 'gone', cause: 'silent' })
    await later(1_999)
    expect(members(ann)).toEqual(['b gone'])
    await later(1) // the pause begins anew
    expect(members(ann)).toEqual(['b connecting'])
  })

  test('that give their link up get a new one', async () => {
    const { ann, bob } = await two()
    await breakLink(FakeConnection.all[0]!)
    FakeWebSocket.all[0]!.drop()
    await later(500)
    await hub.admit()
    await later(3_000)
    expect([members(ann), members(bob)]).toEqual([['b live'], ['a live']])
    const bobHeard = heard(bob)
    await ann.broadcast('here again')
    await settle()
    expect(bobHeard).toEqual(['a: here again'])
  })
})

describe('a signal that breaks the rules is dropped', () => {
  for (const body of [1, null, [], {}, { type: 'offer' }, { type: 'offer', n: 0, sdp: 'v=0' }, { type: 'dance' }]) {
    test(JSON.stringify(body), async () => {
      const { ann } = await two()
      hub.say('a', { type: 'signal', from: idOf('b'), body })
      hub.say('a', { type: 'signal', from: idOf('q'), body })
      await settle()
      expect(members(ann)).toEqual(['b live'])
      expect(ann.hub.state).toBe('connected')
    })
  }
})

test('frames that break the protocol end their link, not the room', async () => {
  const { ann, bob } = await two()
  const cal = await enter('c')
  await settle()
  await breakLink(FakeConnection.all[0]!)
  expect(ann.members).toMatchObject([{ name: 'b', state: 'gone', cause: 'refused' }, { name: 'c', state: 'live' }])
  expect(members(bob)).toEqual(['a shaky', 'c live'])
  await later(10_000)
  expect(bob.members[0]).toMatchObject({ state: 'gone', cause: 'closed' })
  const calHeard = heard(cal)
  await ann.broadcast('still here')
  await settle()
  expect(calHeard).toEqual(['a: still here'])
})

test('ICE servers are the hub’s, and the newest ones', async () => {
  const joining = join(invite, { name: 'a' })
  FakeWebSocket.newest.open()
  const servers = [{ urls: ['turn:turn.example'], username: 'u', credential: 'c' }]
  FakeWebSocket.newest.say({ ...welcomeTo('a', [entryOf('a', 1), entryOf('x', 2)]), ice: { servers } })
  await joining
  expect(FakeConnection.newest.configuration).toEqual({ iceServers: servers })
  const newer = [{ urls: ['turn:turn.example'], username: 'v', credential: 'd' }]
  FakeWebSocket.newest.say({ type: 'ice', servers: newer })
  FakeWebSocket.newest.say({ type: 'roster', epoch: 'e', n: 3, joined: [entryOf('y', 3)] })
  expect(FakeConnection.all.map(c => c.configuration.iceServers)).toEqual([servers, newer])
})

test('links over a relay alone', async () => {
  const joining = join(invite, { name: 'a', relayOnly: true })
  await hub.admit()
  await joining
  hub.enter('x')
  await settle()
  expect(FakeConnection.newest.configuration).toEqual({ iceServers: [], iceTransportPolicy: 'relay' })
})

test('how a link came out is reported to a hub that asks, and how it goes can be asked', async () => {
  const joining = join(invite, { name: 'a' })
  const ws = FakeWebSocket.newest
  ws.onsent = message => { if (message['type'] === 'ping') ws.say({ type: 'pong' }) }
  ws.open()
  ws.say({ ...welcomeTo('a', [entryOf('a', 1), entryOf('x', 2)]), features: ['report'] })
  const room = await joining
  await later(30_000)
  expect(ws.sent.filter(m => m['type'] === 'report')).toEqual([{ type: 'report', outcome: 'timeout', family: 'other' }])
  expect(await room.statistics(idOf('x'))).toBeUndefined()
  expect(await room.statistics(idOf('q'))).toBeUndefined()
})

test('a member has the path of its link', async () => {
  const { ann } = await two()
  FakeConnection.all[0]!.stats = [
    { id: 't', type: 'transport', selectedCandidatePairId: 'p' },
    { id: 'p', type: 'candidate-pair', localCandidateId: 'l', remoteCandidateId: 'r' },
    { id: 'l', type: 'local-candidate', candidateType: 'host', address: '192.0.2.1' },
    { id: 'r', type: 'remote-candidate', candidateType: 'srflx', address: '192.0.2.2' },
  ]
  expect(ann.members[0]).not.toHaveProperty('path')
  const told = vi.fn()
  ann.addEventListener('members', told)
  await later(1_000)
  expect(ann.members[0]).toMatchObject({ path: 'direct' })
  expect(told).toHaveBeenCalledOnce()
  expect(await ann.statistics(idOf('b'))).toMatchObject({ path: 'direct', sent: 0 })
})

describe('leaving', () => {
  test('says everything first, then bye to the hub', async () => {
    const { ann, bob } = await two()
    const bobHeard = heard(bob)
    const ended = vi.fn<(event: Event) => void>()
    ann.addEventListener('end', ended)
    const toBob = FakeConnection.all[0]!.channels[1]!
    toBob.held = true
    const sending = ann.broadcast('goodbye')
    const leaving = ann.leave()
    await settle()
    expect(members(bob)).toEqual(['a live'])
    toBob.release()
    await Promise.all([sending, leaving])
    await settle()
    expect(bobHeard).toEqual(['a: goodbye'])
    expect(members(bob)).toEqual([])
    expect(FakeWebSocket.all[0]!.closedWith).toBe(1000)
    expect((ended.mock.lastCall![0] as EndEvent).error).toBeUndefined()
    await ann.leave()
    expect(ended).toHaveBeenCalledOnce()
  })

  test('takes two seconds at most', async () => {
    const { ann } = await two()
    FakeConnection.all[0]!.channels[0]!.held = true
    const leaving = ann.leave()
    await later(2_000)
    await leaving
    expect(FakeWebSocket.all[0]!.closedWith).toBe(1000)
  })

  const page = () => {
    const window = new EventTarget()
    vi.stubGlobal('addEventListener', window.addEventListener.bind(window))
    vi.stubGlobal('removeEventListener', window.removeEventListener.bind(window))
    return (type: string, persisted: boolean) => window.dispatchEvent(Object.assign(new Event(type), { persisted }))
  }

  test('goes at once with the page', async () => {
    const fire = page()
    await two()
    fire('pagehide', false)
    expect(FakeWebSocket.all.map(ws => ws.closedWith)).toEqual([1000, 1000])
  })

  test('is said also by a page that the browser may keep; if it does, everybody is met again', async () => {
    const bob = await enter('b')
    const fire = page() // Ann's alone
    const ann = await enter('a')
    await settle()
    const ended = vi.fn()
    ann.addEventListener('end', ended)
    fire('pagehide', true)
    expect(FakeWebSocket.newest.closedWith).toBe(1000)
    await later(60_000)
    expect(members(bob)).toEqual([])
    expect(FakeWebSocket.all).toHaveLength(2)
    fire('pageshow', true)
    await hub.admit()
    await settle()
    expect([members(ann), members(bob)]).toEqual([['b live'], ['a live']])
    expect(ended).not.toHaveBeenCalled()
  })
})
