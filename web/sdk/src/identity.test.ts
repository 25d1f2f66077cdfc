import { beforeEach, expect, test, vi } from 'vitest'
import { FakeIndexedDB } from '../fakes/indexeddb.ts'
import { loadIdentity, newIdentity } from './identity.ts'
import { check, type Signer } from './transcript.ts'

let db: FakeIndexedDB
beforeEach(() => {
  db = new FakeIndexedDB()
  vi.stubGlobal('indexedDB', db)
})

const data = new TextEncoder().encode('x')

async function load(room = 'room'): Promise<{ identity: Signer; kept: boolean }> {
  const loaded = await loadIdentity(room)
  if (!loaded.identity) throw new Error(loaded.why)
  await check({ key: loaded.identity.key, signature: await loaded.identity.sign(data) }, data)
  return loaded
}

test('a key is kept, in each room its own', async () => {
  const first = await load()
  const again = await load()
  const other = await load('other')
  expect([first.kept, again.kept, other.kept]).toEqual([true, true, true])
  expect(again.identity.key).toEqual(first.identity.key)
  expect(other.identity.key).not.toEqual(first.identity.key)
  expect(db.unclosed).toBe(0)
})

test('tabs that begin at once get one key', async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => load()))
  expect(new Set(all.map(({ identity }) => String(identity.key))).size).toBe(1)
})

test('its private half can’t be read', async () => {
  await load()
  const { privateKey } = db.stores.get('identities')!.get('room') as { privateKey: CryptoKey }
  await expect(crypto.subtle.exportKey('pkcs8', privateKey)).rejects.toThrow()
})

for (const how of ['off', 'uncloneable', 'unreadable'] as const) {
  test(`a browser whose storage is ${how} has a key for this page, and says so`, async () => {
    db[how] = true
    const first = await load()
    const again = await load()
    expect([first.kept, again.kept]).toEqual([false, false])
    expect(again.identity.key).not.toEqual(first.identity.key)
    expect(db.unclosed).toBe(0)
  })
}

test('without IndexedDB, likewise', async () => {
  vi.stubGlobal('indexedDB', undefined)
  expect((await load()).kept).toBe(false)
})

test('what is stored and is no key is left alone', async () => {
  await load('other')
  db.stores.get('identities')!.set('room', { key: new Uint8Array(32), privateKey: 'x' })
  expect((await load()).kept).toBe(false)
  expect(db.stores.get('identities')!.get('room')).toMatchObject({ privateKey: 'x' })
})

test('a browser without Ed25519 says so', async () => {
  vi.spyOn(crypto.subtle, 'generateKey').mockRejectedValue(new DOMException('', 'NotSupportedError'))
  expect(await loadIdentity('room')).toEqual({ why: 'unsupported' })
})

test('a page without HTTPS says so', async () => {
  vi.stubGlobal('crypto', { getRandomValues: () => {} })
  expect(await loadIdentity('room')).toEqual({ why: 'insecure' })
  expect(await newIdentity()).toEqual({ why: 'insecure' })
})
