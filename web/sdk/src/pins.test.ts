import { beforeEach, describe, expect, test, vi } from 'vitest'
import { pinTraces } from '../fakes/identity.ts'
import { FakeIndexedDB } from '../fakes/indexeddb.ts'
import { base64url } from './decode.ts'
import { decodePins, keep, type Pin, Pins, see, withdraw } from './pins.ts'

// The same traces are followed in Go.
for (const { name, steps, after } of pinTraces) {
  test(name, () => {
    const pins: Pin[] = []
    for (const [i, { op, at, result, stored, pins: count, ...s }] of steps.entries()) {
      let did = {}
      if (op === 'see') {
        const seen = see(pins, s, at)
        did = { stored: seen.stored, result: seen.recognized }
      } else {
        did = { stored: op === 'withdraw' ? withdraw(pins, s.key) : keep(pins, s, at, op === 'verify') }
      }
      expect({ ...did, pins: pins.length }, `step ${i}`).toEqual({ ...(result && { result }), stored, pins: count })
    }
    expect(pins).toEqual(after)
    expect(decodePins(structuredClone(pins))).toEqual(pins)
  })
}

test('there are traces', () => expect(pinTraces.length).toBeGreaterThanOrEqual(10))

const keyNumber = (n: number) => base64url(Uint8Array.from({ length: 32 }, (_, i) => [9, n & 255, n >> 8][i] ?? 0))
const member = (n: number, name = '') => ({ key: keyNumber(n), name, identity: '' })
const day = 86_400

test('who comes with one key after the other drives nobody out', () => {
  const start = 1_800_000_000
  const pins: Pin[] = Array.from({ length: 1024 }, (_, i) => ({ ...member(i), first: start, seen: start + i }))
  const has = (n: number) => pins.some(pin => pin.key === keyNumber(n))
  expect(see(pins, member(1024), start + 30 * day - 1)).toEqual({ recognized: { standing: 'unverified' }, stored: false })
  expect(keep(pins, member(1024), start + 30 * day - 1, false)).toBe(true)
  expect([pins.length, has(0), has(1024)]).toEqual([1024, false, true])
  expect(see(pins, member(1025), start + 30 * day + 1).stored).toBe(true)
  expect([pins.length, has(1)]).toEqual([1024, false])
  for (const pin of pins) pin.verified = start
  expect(keep(pins, member(1026), start + 300 * day, true)).toBe(false)
})

describe('stored pins are decoded strictly', () => {
  const sound = { key: keyNumber(1), name: 'Ann', identity: '', first: 5, seen: 6, verified: 7 }
  test('sound ones', () => expect(decodePins([sound])).toEqual([sound]))
  const wrong: Record<string, unknown> = {
    'no list': { 0: sound }, 'null': null, 'no pin': ['x'], 'something unknown': [{ ...sound, more: 1 }], 'twice the same': [sound, { ...sound, name: 'Ben' }],
    'no key': [{ ...sound, key: undefined }], 'a short key': [{ ...sound, key: keyNumber(1).slice(1) }], 'a weak key': [{ ...sound, key: base64url(new Uint8Array(32)) }],
    'never seen': [{ ...sound, first: 0 }], 'seen before': [{ ...sound, seen: 4 }], 'verified before': [{ ...sound, verified: 4 }], 'no number': [{ ...sound, seen: '6' }],
    'too large': [{ ...sound, seen: 2 ** 53 }], 'no name': [{ ...sound, name: undefined }], 'a long name': [{ ...sound, name: 'x'.repeat(129) }], 'a long identity': [{ ...sound, identity: '安'.repeat(43) }],
    'too many': Array.from({ length: 1025 }, (_, i) => ({ ...sound, key: keyNumber(i) })),
  }
  for (const [name, value] of Object.entries(wrong)) {
    test(name, () => expect(() => decodePins(value)).toThrow(expect.objectContaining({ code: 'malformed' })))
  }
})

describe('in the browser', () => {
  let db: FakeIndexedDB
  beforeEach(() => {
    db = new FakeIndexedDB()
    vi.stubGlobal('indexedDB', db)
  })

  test('members are remembered, in each room its own', async () => {
    expect(await new Pins('room').see(member(1, 'Ann'))).toEqual({ standing: 'unverified' })
    expect(await new Pins('room').see(member(1, 'Ann'))).toEqual({ standing: 'known' })
    expect(await new Pins('room').see(member(2, 'Ann'))).toEqual({ standing: 'unverified', changed: true })
    expect(await new Pins('other').see(member(2, 'Ann'))).toEqual({ standing: 'unverified' })
    expect(await new Pins('room').verify(member(2, 'Ann'))).toBe(true)
    expect(await new Pins('room').see(member(2, 'Ann'))).toEqual({ standing: 'verified' })
    expect(await new Pins('room').withdraw(keyNumber(2))).toBe(true)
    expect(await new Pins('room').accept(member(2, 'Anna'))).toBe(true)
    expect(await new Pins('room').see(member(2, 'Anna'))).toEqual({ standing: 'known' })
    expect(db.unclosed).toBe(0)
  })

  test('tabs that store at once lose nothing', async () => {
    await Promise.all(Array.from({ length: 50 }, (_, i) => new Pins('room').accept(member(i))))
    expect(db.stores.get('pins')!.get('room')).toHaveLength(50)
  })

  test('what another version has stored is left alone', async () => {
    await new Pins('room').accept(member(1))
    db.stores.get('pins')!.set('room', { version: 9 })
    await expect(new Pins('room').see(member(1))).rejects.toThrow(expect.objectContaining({ code: 'malformed' }))
    expect(db.stores.get('pins')!.get('room')).toEqual({ version: 9 })
    expect(db.unclosed).toBe(0)
  })

  test('where nothing can be stored, the page remembers', async () => {
    db.off = true
    const pins = new Pins('room')
    expect(pins.kept).toBe(true)
    expect(await pins.see(member(1, 'Ann'))).toEqual({ standing: 'unverified' })
    expect(pins.kept).toBe(false)
    expect(await pins.see(member(1, 'Ann'))).toEqual({ standing: 'known' })
    expect(await pins.see(member(2, 'Ann'))).toEqual({ standing: 'unverified', changed: true })
    expect(await Promise.all([pins.accept(member(3)), pins.verify(member(2)), pins.withdraw(keyNumber(2))])).toEqual([true, true, true])
    expect(await new Pins('room').see(member(1, 'Ann'))).toEqual({ standing: 'unverified' })
  })

  test('members that come at once where nothing can be stored are all remembered', async () => {
    db.off = true
    const pins = new Pins('room')
    await Promise.all([pins.see(member(1)), pins.see(member(2))])
    expect([(await pins.see(member(1))).standing, (await pins.see(member(2))).standing]).toEqual(['known', 'known'])
  })

  test('where storage never answers, waiting ends', async () => {
    vi.useFakeTimers()
    try {
      db.silent = true
      const pins = new Pins('room')
      const seen = pins.see(member(1))
      await vi.advanceTimersByTimeAsync(5_000)
      expect([await seen, pins.kept]).toEqual([{ standing: 'unverified' }, false])
    } finally {
      vi.useRealTimers()
    }
  })
})
