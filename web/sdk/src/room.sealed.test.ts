import { beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeConnection } from '../fakes/connection.ts'
import { SealedHub } from '../fakes/sealedhub.ts'
import { FakeWebSocket, unreachable } from '../fakes/websocket.ts'
import { newInvite, parseInvite } from './invite.ts'
import type { Entry } from './roster.ts'
import { join, type JoinOptions, type Room } from './room.ts'

// Rooms with a key. What is encrypted takes time that no fake clock has, so these run in real time.

let hub: SealedHub
let invite: string

beforeEach(async () => {
  FakeWebSocket.install()
  FakeConnection.install()
  FakeConnection.certified = true
  unreachable()
  hub = new SealedHub()
  invite = await newInvite('https://hub.example')
})

async function enter(name: string, options: JoinOptions = {}): Promise<Room> {
  const joining = join(invite, { name, ...options })
  await hub.admit()
  return joining
}

const patience = 20_000 // ms

const members = (room: Room) => room.members.map(m => `${m.name} ${m.state}${m.cause ? ` ${m.cause}` : ''}`)
const see = (room: Room, ...want: string[]) => vi.waitFor(() => expect(members(room)).toEqual(want), patience)

async function two(): Promise<{ ann: Room; bob: Room }> {
  const ann = await enter('Ann', { meta: { colour: 'teal' } })
  const bob = await enter('Bob')
  await see(ann, 'Bob live')
  await see(bob, 'Ann live')
  return { ann, bob }
}

test('two talk, and the hub learns nothing', async () => {
  const { ann, bob } = await two()
  expect(ann).toMatchObject({ sealed: true, invite, self: { name: 'Ann', meta: { colour: 'teal' } } })
  expect(bob.members[0]).toMatchObject({ name: 'Ann', meta: { colour: 'teal' }, kind: 'browser' })
  const heard = new Promise(resolve => bob.addEventListener('message', event => resolve(`${event.member.name}: ${event.data}`)))
  await ann.broadcast('hello')
  expect(await heard).toBe('Ann: hello')
  const told = JSON.stringify(hub.told)
  expect(hub.told.filter(m => m['type'] === 'signal').length).toBeGreaterThan(2)
  const { key, room } = parseInvite(invite)
  expect(FakeWebSocket.all[0]!.url).toBe(`wss://hub.example/v1/rooms/${room}`)
  for (const secret of ['Ann', 'Bob', 'teal', 'offer', 'answer', 'candidate', 'v=0', 'hello"}', key!]) expect(told).not.toContain(secret)
  await Promise.all([ann.leave(), bob.leave()])
})

describe('an invite is refused, and nobody is asked', () => {
  test.each([
    ['without its key', () => invite.split('#')[0]!, 'no-key'],
    ['with the key of another', async () => `${invite.split('#')[0]}#${(await newInvite('https://hub.example')).split('#')[1]}`, 'wrong-key'],
    ['to an open room, with a key', () => `https://hub.example/r/lobby#${invite.split('#')[1]}`, 'wrong-key'],
    ['with a damaged key', () => `${invite}A`, 'damaged-key'],
  ])('%s', async (_, wrong, code) => {
    const error = await join(await wrong(), { name: 'Ann' }).catch((e: unknown) => e)
    expect(error).toMatchObject({ name: 'SnugError', code })
    expect(String(error)).not.toContain(invite.split('#')[1]!.slice(0, 8))
    expect(FakeWebSocket.all).toEqual([])
  })

  test('where the page may not encrypt', async () => {
    vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) })
    await expect(join(invite)).rejects.toMatchObject({ code: 'insecure' })
    await expect(newInvite('http://hub.example')).rejects.toMatchObject({ code: 'insecure' })
    expect(FakeWebSocket.all).toEqual([])
  })

  test('for names and metadata that are too long', async () => {
    await expect(join(invite, { name: 'x'.repeat(129) })).rejects.toMatchObject({ code: 'malformed', message: expect.stringContaining('128') })
    await expect(join(invite, { meta: { x: 'x'.repeat(700) } })).rejects.toMatchObject({ code: 'malformed', message: expect.stringContaining('704') })
    expect(FakeWebSocket.all).toEqual([])
  })
})

test('who can’t prove that it has the key is seen, and nothing is said to it', async () => {
  const { ann, bob } = await two()
  const mal: Entry = { id: 'M'.repeat(21) + 'A', name: 'Bob', kind: 'go', meta: bob.self.meta, joined: 100 }
  hub.list(mal)
  await see(ann, 'Bob live', ' gone sealed')
  for (const body of [{ type: 'need-offer', n: 0 }, { type: 'offer', n: 1, carrier: 1, sdp: 'v=0' }]) hub.tell(ann.self.id, { type: 'signal', from: mal.id, body })
  await ann.broadcast('to who can hear') // it is no error
  await expect(ann.send(mal.id, 'x')).rejects.toMatchObject({ code: 'gone' })
  hub.tell(ann.self.id, { type: 'roster', epoch: 'e', n: 101, away: [{ id: mal.id, away: true, n: 101 }] })
  await vi.waitFor(() => expect(ann.members[1]).toMatchObject({ away: true, state: 'gone' }))
  hub.tell(ann.self.id, { type: 'roster', epoch: 'e', n: 102, away: [{ id: mal.id, away: false, n: 102 }] })
  hub.tell(ann.self.id, { type: 'roster', epoch: 'e', n: 103, left: [{ id: mal.id, reason: 'bye', n: 103 }] })
  await see(ann, 'Bob live')
  expect(hub.told.filter(m => m['to'] === mal.id)).toEqual([])
})

test.each([
  ['repeats', (from: string, to: string, body: unknown) => [{ from, to, body }, { from, to, body }, { from, to, body }]],
  ['adds its own', (from: string, to: string, body: unknown) => [{ from, to, body: { type: 'offer', n: 9, carrier: 9, sdp: 'v=0\r\n' } }, { from, to, body: { type: 'sealed', salt: 'A'.repeat(22), n: 1, data: 'A'.repeat(80) } }, { from, to, body }]],
])('a hub that %s changes nothing', async (_, passes) => {
  hub.passes = passes
  const { ann, bob } = await two()
  expect(FakeConnection.all.length).toBe(2)
  await Promise.all([ann.leave(), bob.leave()])
})

test.each([
  ['sends signals back', (from: string, to: string, body: unknown) => [{ from: to, to: from, body }]],
  ['sends signals from another', (_: string, to: string, body: unknown) => [{ from: hub.entries.find(e => e.id !== to)!.id, to, body: { ...(body as object), salt: 'A'.repeat(22) } }]],
])('with a hub that %s no link opens', async (_, passes) => {
  hub.passes = passes
  const ann = await enter('Ann')
  const bob = await enter('Bob')
  await vi.waitFor(() => expect(hub.told.filter(m => m['type'] === 'signal').length).toBeGreaterThan(2), 5_000)
  expect([members(ann), members(bob)]).toEqual([['Bob connecting'], ['Ann connecting']])
  await Promise.all([ann.leave(), bob.leave()])
})

test('when nothing but forgeries comes from a member, that is said', async () => {
  hub.passes = (from, to, body) => [{ from, to, body: { ...(body as object), n: 1000 } }]
  const ann = await enter('Ann')
  await enter('Bob')
  await vi.waitFor(() => expect(hub.told.filter(m => m['type'] === 'signal').length).toBeGreaterThan(2), 5_000)
  await see(ann, 'Bob connecting')
  const past = performance.now() + 31_000
  vi.spyOn(performance, 'now').mockImplementation(() => past)
  await vi.waitFor(() => expect(members(ann)).toEqual(['Bob gone forged']), 10_000)
  await ann.leave()
}, 20_000)
