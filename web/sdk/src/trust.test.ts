import { beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeChannel, FakeConnection } from '../fakes/connection.ts'
import { idOf, SealedHub } from '../fakes/sealedhub.ts'
import { FakeWebSocket, unreachable } from '../fakes/websocket.ts'
import { newInvite, parseInvite } from './invite.ts'
import type { MemberStanding } from './standing.ts'
import { join, type Room } from './room.ts'
import { Seal } from './seal.ts'
import type { Welcome } from './protocol.ts'

// Who is who in sealed rooms, in real time. Nothing is stored here, so each join has another key.

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

async function enter(name: string): Promise<Room> {
  const joining = join(invite, { name })
  await hub.admit()
  return joining
}

const patience = { timeout: 20_000 }
const standings = (room: Room) => room.members.map(m => [m.name, m.state, m.standing])
const stand = (room: Room, ...want: Array<[string, MemberStanding]>) => vi.waitFor(() => expect(standings(room)).toEqual(want.map(([name, standing]) => [name, 'live', standing])), patience)

async function two(): Promise<{ ann: Room; bob: Room; toAnn: string; toBob: string }> {
  const ann = await enter('Ann')
  const bob = await enter('Bob')
  await stand(ann, ['Bob', 'unverified'])
  await stand(bob, ['Ann', 'unverified'])
  return { ann, bob, toAnn: ann.self.id, toBob: bob.self.id }
}

const asked = (room: Room) => new Promise<string>(resolve => room.addEventListener('verify', ({ member }) => resolve(member.id), { once: true }))

/** Both want to compare; the first begins. */
async function compare(one: Room, other: Room) {
  const asking = asked(other)
  const begun = one.verify(other.self.id)
  expect(await asking).toBe(one.self.id)
  expect(other.members.find(m => m.id === one.self.id)?.asks).toBe(true)
  return Promise.all([begun, other.verify(one.self.id)])
}

test.each([true, false])('two compare emoji, whoever begins', async first => {
  const { ann, bob, toAnn, toBob } = await two()
  const [one, other] = await (first ? compare(ann, bob) : compare(bob, ann))
  expect(one.emoji.length).toBe(7)
  expect(other.emoji).toEqual(one.emoji)
  await one.answer(true)
  await expect(one.answer(true)).rejects.toMatchObject({ name: 'SnugError', code: 'verify-busy' })
  await expect((first ? ann : bob).verify(first ? toBob : toAnn)).rejects.toMatchObject({ code: 'verify-busy' })
  await other.answer(true)
  await stand(ann, ['Bob', 'verified'])
  await stand(bob, ['Ann', 'verified'])
  await Promise.all([ann.leave(), bob.leave()])
})

test('comparing ends in words', async () => {
  const { ann, bob, toAnn, toBob } = await two()
  // who is asked doesn't want to
  let asking = asked(bob)
  let begun = ann.verify(toBob)
  await asking
  bob.stopVerify(toAnn)
  await expect(begun).rejects.toMatchObject({ code: 'verify-cancelled' })
  // who asks has enough
  asking = asked(bob)
  const stop = new AbortController()
  begun = ann.verify(toBob, { signal: stop.signal })
  await asking
  stop.abort()
  await expect(begun).rejects.toMatchObject({ code: 'verify-stopped' })
  await vi.waitFor(() => expect(bob.members[0]?.asks).toBeUndefined(), patience)
  await expect(ann.verify(toBob, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'verify-stopped' })
  // they differ, after one has said that they match
  const [one, other] = await compare(ann, bob)
  await one.answer(true)
  await stand(ann, ['Bob', 'verified'])
  await other.answer(false)
  await stand(ann, ['Bob', 'known'])
  // and before
  const [again, there] = await compare(ann, bob)
  await there.answer(false)
  const later = new Promise(resolve => ann.addEventListener('message', resolve, { once: true }))
  await bob.broadcast('said after it')
  await later
  await expect(again.answer(true)).rejects.toMatchObject({ code: 'verify-differs' })
  await expect(ann.verify('nobody')).rejects.toMatchObject({ code: 'gone' })
  await Promise.all([ann.leave(), bob.leave()])
})

test('another key under a name is told, until somebody accepts it', async () => {
  const { ann, bob } = await two()
  const other = await enter('Bob')
  await stand(ann, ['Bob', 'unverified'], ['Bob', 'changed'])
  await ann.accept(other.self.id)
  await stand(ann, ['Bob', 'unverified'], ['Bob', 'known'])
  await Promise.all([ann.leave(), bob.leave(), other.leave()])
})

type Plain = Record<string, unknown> & { type: string; sdp: string; n: number; identity?: { key: string; signature: string } }

/** A hub that has the room's key and knows all secrets: it opens signals, changes descriptions, and seals them as if their senders had. */
function meddle(change: (s: Plain) => Plain): void {
  const { room, key } = parseInvite(invite)
  const senders = new Map<string, Seal>()
  const secretOf = async (id: string) => {
    for (const m of hub.told) if (m['type'] === 'hello' && await idOf(String(m['secret'])) === id) return String(m['secret'])
    throw new Error('no such session')
  }
  hub.passes = async (from, to, body) => {
    const receiver = (await Seal.make(key!, room, await secretOf(to)))!
    await receiver.open({ type: 'welcome', roster: { epoch: 'e', n: 1, members: structuredClone(hub.entries) } } as unknown as Welcome)
    const opened = await receiver.open({ type: 'signal', from, body } as never) as unknown as { body: Plain }
    if (!senders.has(from)) {
      const { salt } = hub.entries.find(e => e.id === from)!.meta['sealed'] as { salt: string }
      senders.set(from, (await Seal.make(key!, room, await secretOf(from), Uint8Array.from(atob(salt.replaceAll('-', '+').replaceAll('_', '/')), c => c.charCodeAt(0))))!)
    }
    const plain = opened.body.type === 'offer' || opened.body.type === 'answer' ? change(opened.body) : opened.body
    return [{ from, to, body: await senders.get(from)!.signal(to, plain) }]
  }
}

describe('a hub that has the room’s key', () => {
  const flip = (text: string) => (text.startsWith('A') ? 'B' : 'A') + text.slice(1)

  test('can pass on what members say, so that the next tests can fail', async () => {
    meddle(s => s)
    const { ann, bob } = await two()
    await Promise.all([ann.leave(), bob.leave()])
  })

  test.each<[string, (s: Plain) => Plain]>([
    ['swaps fingerprints', s => ({ ...s, sdp: s.sdp.replace(/sha-256 ../, 'sha-256 FF') })],
    ['takes proofs away', ({ identity: _, ...s }) => s as Plain],
    ['signs itself', s => ({ ...s, identity: { ...s.identity!, key: flip(s.identity!.key) } })],
    ['changes signatures', s => ({ ...s, identity: { ...s.identity!, signature: flip(s.identity!.signature) } })],
    ['changes numbers', s => ({ ...s, carrier: 2 })],
  ])('and %s opens no link, and it is said', async (_, change) => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => {})
    meddle(change)
    const ann = await enter('Ann')
    const bob = await enter('Bob')
    await vi.waitFor(() => expect(warned).toHaveBeenCalledWith(expect.stringContaining('a description was dropped'), expect.anything()), patience)
    expect([...standings(ann), ...standings(bob)]).toEqual([['Bob', 'connecting', undefined], ['Ann', 'connecting', undefined]])
    await Promise.all([ann.leave(), bob.leave()])
  })
})

test.each([
  ['has another signature', (hello: string) => hello.replace(/"signature":"../, '"signature":"AA')],
  ['has no proof', (hello: string) => hello.replace('"identity"', '"something"')],
  ['isn’t the first that is said', () => '{"type":"path","path":"lan"}'],
])('a hello that %s ends the link before anything is said or heard', async (_, change) => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  let changed = 0
  const send = FakeChannel.prototype.send
  vi.spyOn(FakeChannel.prototype, 'send').mockImplementation(function (this: FakeChannel, data) {
    const text = new TextDecoder().decode(data.subarray(8))
    // Bob's, whose connection is the second or the first: whoever says hello second
    if (this.id === 0 && text.includes('"hello"') && ++changed === 2) data = Uint8Array.from([...data.subarray(0, 8), ...new TextEncoder().encode(change(text))])
    send.call(this, data)
  })
  const ann = await enter('Ann')
  const heard: unknown[] = []
  ann.addEventListener('message', event => heard.push(event.data))
  const bob = await enter('Bob')
  bob.addEventListener('message', event => heard.push(event.data))
  await vi.waitFor(() => expect([...ann.members, ...bob.members].some(m => m.cause === 'refused')).toBe(true), patience)
  const refusing = ann.members[0]?.cause === 'refused' ? ann : bob
  await expect(refusing.send(refusing.members[0]!.id, 'secret')).rejects.toMatchObject({ code: 'gone' })
  expect(heard).toEqual([])
  await Promise.all([ann.leave(), bob.leave()])
})

test('a browser without Ed25519 is refused in words, before anybody is asked', async () => {
  vi.spyOn(crypto.subtle, 'generateKey').mockRejectedValue(new DOMException('no Ed25519', 'NotSupportedError'))
  await expect(join(invite)).rejects.toMatchObject({ name: 'SnugError', code: 'no-ed25519', message: expect.stringContaining('Ed25519') })
  expect(FakeWebSocket.all).toEqual([])
})
