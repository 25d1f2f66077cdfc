import { describe, expect, test } from 'vitest'
import { goldens } from '../fakes/goldens.ts'
import { welcomeTo } from '../fakes/members.ts'
import { parseInvite } from './invite.ts'
import type { Welcome } from './protocol.ts'
import type { Entry } from './roster.ts'
import { newKey, Replays, Seal } from './seal.ts'
import { isSealed, sealedBy } from './sealed.ts'

// Vectors that another program worked out: scripts/seal_vectors.py.
const { keys, invites, entries, signals, windows } = goldens.seal

const bytes = (text: string) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), c => c.charCodeAt(0))
const base64 = (of: Uint8Array) => btoa(String.fromCharCode(...of)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
const roomOf = (key: string) => keys.find(k => k.key === key)!.room

/** A secret, and the member id that it gives. */
async function session(): Promise<{ secret: string; id: string }> {
  const secret = crypto.getRandomValues(new Uint8Array(32))
  return { secret: base64(secret), id: base64(new Uint8Array(await crypto.subtle.digest('SHA-256', secret)).subarray(0, 16)) }
}

async function sealOf(key = keys[3]!.key): Promise<{ seal: Seal; id: string }> {
  const { secret, id } = await session()
  return { seal: (await Seal.make(key, roomOf(key), secret))!, id }
}

/** The seal of a vector's member: its id follows from no secret that is known. */
async function sealAs({ key, from, salt }: { key: string; from: string; salt: string }): Promise<Seal> {
  const { signals: subkey } = keys.find(k => k.key === key)!
  const ikm = await crypto.subtle.importKey('raw', Uint8Array.from(subkey.match(/../g)!, h => parseInt(h, 16)), 'HKDF', false, ['deriveBits'])
  const bits = await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: bytes(salt), info: new TextEncoder().encode(`snug.v1 sender\0${from}`) }, ikm, 256)
  const own = await crypto.subtle.importKey('raw', bits, 'AES-GCM', false, ['encrypt', 'decrypt'])
  return new Seal(roomOf(key), from, Uint8Array.from(subkey.match(/../g)!, h => parseInt(h, 16)), salt, own)
}

const entryOf = (id: string, meta: Record<string, unknown>): Entry => ({ id, name: 'from the hub', kind: 'go', meta, joined: 1 })

async function enter(seal: Seal, entry: Entry): Promise<Entry> {
  const { roster } = (await seal.open<Welcome>(welcomeTo('x', [entry])))!
  return roster.members[0]!
}

describe('vectors', () => {
  test.each(keys)('of the key $key', async ({ key, room }) => {
    expect(await Seal.make(key, room, (await session()).secret)).toBeDefined()
    expect(await Seal.make(key, room.slice(1), (await session()).secret)).toBeUndefined()
  })

  test.each(invites)('of an invite: $name', async ({ invite, room, key, error }) => {
    const joining = (async () => {
      const parsed = parseInvite(invite)
      if (parsed.key || isSealed(parsed.room)) await sealedBy(parsed.room, parsed.key, '', {})
      return { room: parsed.room, key: parsed.key }
    })()
    if (error) await expect(joining).rejects.toMatchObject({ name: 'SnugError', code: error })
    else expect(await joining).toEqual({ room, key })
  })

  test.each(entries)('of an entry: $name', async vector => {
    const { from, plain, meta, unreadable } = vector
    const said = await enter((await sealOf()).seal, entryOf(from, meta))
    if (unreadable) {
      expect(said).toEqual({ ...entryOf(from, {}), name: '', sealed: 'unreadable' })
      return
    }
    expect(said).toEqual({ ...entryOf(from, {}), ...JSON.parse(plain) })
    expect(await (await sealAs(vector)).entry(said.name, said.meta)).toEqual(meta)
  })

  test.each(signals)('of a signal: $name', async vector => {
    const { from, to, n, plain, body, dropped } = vector
    const sender = await sealAs(vector)
    const receiver = await sealAs({ ...vector, from: to })
    await enter(receiver, entryOf(from, await sender.entry('', {})))
    const open = () => receiver.open({ type: 'signal', from, body })
    if (dropped) {
      expect(await open()).toBeUndefined()
      return
    }
    expect(await open()).toEqual({ type: 'signal', from, body: JSON.parse(plain) })
    expect(await open()).toBeUndefined() // a second time
    if (n < 10) {
      for (let i = 1; i < n; i++) await sender.signal(to, {})
      const again = (await sender.signal(to, JSON.parse(plain))) as { n: number }
      expect(again).toMatchObject({ type: 'sealed', n, salt: vector.salt })
      if (JSON.stringify(JSON.parse(plain)) === plain) expect(again).toEqual(body)
    }
  })

  test.each(windows)('of a window: $name', ({ steps }) => {
    const window = new Replays()
    expect(steps.map(({ n }) => ({ n, taken: window.take(n) }))).toEqual(steps)
  })
})

test('a forged counter doesn’t move the window', async () => {
  const [ann, bob] = [await sealOf(), await sealOf()]
  await enter(bob.seal, entryOf(ann.id, await ann.seal.entry('Ann', {})))
  const first = (await ann.seal.signal(bob.id, { type: 'first' })) as Record<string, unknown>
  expect(await bob.seal.open({ type: 'signal', from: ann.id, body: { ...first, n: 1000 } })).toBeUndefined()
  expect(await bob.seal.open({ type: 'signal', from: ann.id, body: first })).toMatchObject({ body: { type: 'first' } })
})

test('what a member said of itself first stays', async () => {
  const [ann, bob] = [await sealOf(), await sealOf()]
  const meta = await ann.seal.entry('Ann', { colour: 'teal' })
  expect(await enter(bob.seal, entryOf(ann.id, meta))).toMatchObject({ name: 'Ann', meta: { colour: 'teal' } })
  expect(await enter(bob.seal, entryOf(ann.id, {}))).toMatchObject({ name: 'Ann', meta: { colour: 'teal' } })
})

test('the own entry is what one said, whatever the hub says', async () => {
  const ann = await sealOf()
  await ann.seal.entry('Ann', { a: 1 })
  expect(await enter(ann.seal, entryOf(ann.id, {}))).toMatchObject({ name: 'Ann', meta: { a: 1 } })
})

test('names and metadata that are too long are refused in words', async () => {
  const { seal } = await sealOf()
  await expect(seal.entry('x'.repeat(129), {})).rejects.toThrow('at most 128 bytes')
  await expect(seal.entry('a\x1bb', {})).rejects.toThrow('no control characters')
  await expect(seal.entry('Ann', { x: 'x'.repeat(690) })).rejects.toThrow('704 are allowed')
})

test('keys are drawn anew', async () => {
  const [a, b] = [await newKey(), await newKey()]
  expect(a.key).not.toBe(b.key)
  expect(a.room).toMatch(/^~[\w-]{22}$/)
  expect(await Seal.make(a.key, a.room, (await session()).secret)).toBeDefined()
  expect(await Seal.make(a.key, b.room, (await session()).secret)).toBeUndefined()
})
