import { describe, expect, test } from 'vitest'
import { goldens, valueOf } from '../fakes/goldens.ts'
import { applyChange, decodeFromHub, type Entry, newSecret, type Roster, type RosterChange } from './protocol.ts'

describe('golden messages from the hub', () => {
  for (const c of goldens.fromHub) {
    test(c.name, () => {
      if (c.error === 'unknown-type') expect(decodeFromHub(c.text)).toBeUndefined()
      else if (c.error) expect(() => decodeFromHub(c.text)).toThrow(expect.objectContaining({ code: c.error }))
      else expect(decodeFromHub(c.text)).toEqual(valueOf(c))
    })
  }
})

test('what is optional in a welcome may be missing', () => {
  const you = 'Yw3NKWbEM2aRElRIu7JbTw'
  const welcome = decodeFromHub(JSON.stringify({ type: 'welcome', you, roster: { epoch: 'e', n: 1 } }))
  expect(welcome).toMatchObject({ you, recovered: false, roster: { members: [] }, ice: { servers: [] }, features: [] })
})

test('an ICE server needs addresses', () => {
  const welcome = { type: 'welcome', you: 'Yw3NKWbEM2aRElRIu7JbTw', roster: { epoch: 'e', n: 1 }, ice: { servers: [{ urls: 'stun:x' }] } }
  expect(() => decodeFromHub(JSON.stringify(welcome))).toThrow('urls is no list')
})

test('secrets are new, and of the form that a hub takes', () => {
  const form = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/
  const golden = goldens.toHub.find(c => c.name === 'hello')!
  expect((valueOf(golden) as { secret: string }).secret).toMatch(form)
  const secrets = new Set(Array.from({ length: 50 }, newSecret))
  expect(secrets.size).toBe(50)
  for (const secret of secrets) expect(secret).toMatch(form)
})

describe('a change of the roster', () => {
  const entry = (id: string, joined: number): Entry => ({ id, name: id, kind: 'go', meta: {}, joined })
  const roster = (): Roster => ({ epoch: 'e', n: 2, members: [entry('a', 1), entry('b', 2)] })
  const change = (more: Partial<RosterChange>): RosterChange => ({ type: 'roster', epoch: 'e', n: 5, left: [], joined: [], ...more })
  const comeBack = change({
    left: [{ id: 'a', reason: 'bye', n: 3 }],
    joined: [entry('b', 2), entry('a', 4), entry('c', 5)],
  })

  test('may come twice', () => {
    const r = roster()
    const first = applyChange(r, comeBack)
    expect(first.left.map(d => d.id)).toEqual(['a'])
    expect(first.joined.map(m => m.id)).toEqual(['a', 'c'])
    expect(applyChange(r, comeBack)).toEqual({ left: [], joined: [] })
    expect(r.members.map(m => m.id)).toEqual(['b', 'a', 'c'])
    expect(r.n).toBe(5)
  })

  test('of another epoch changes nothing', () => {
    const r = roster()
    expect(applyChange(r, { ...comeBack, epoch: 'other', n: 9 })).toEqual({ left: [], joined: [] })
    expect(r).toEqual(roster())
  })

  test('older than what is known changes nothing', () => {
    const r = roster()
    expect(applyChange(r, change({ n: 1, left: [{ id: 'a', reason: 'bye', n: 1 }] }))).toEqual({ left: [], joined: [] })
    expect(r).toEqual(roster())
  })

  test('takes no leave again that the welcome has counted', () => {
    const r = roster()
    const merged = change({ n: 3, left: [{ id: 'a', reason: 'bye', n: 2 }], joined: [entry('c', 3)] })
    expect(applyChange(r, merged).left).toEqual([])
    expect(r.members.map(m => m.id)).toEqual(['a', 'b', 'c'])
  })

  test('about somebody unknown means nothing', () => {
    const r = roster()
    expect(applyChange(r, change({ left: [{ id: 'x', reason: 'bye', n: 4 }] })).left).toEqual([])
    expect(r).toEqual({ ...roster(), n: 5 })
  })

  test('lists nobody twice', () => {
    const r = roster()
    expect(applyChange(r, change({ joined: [entry('c', 4), entry('c', 5)] })).joined).toHaveLength(1)
    expect(r.members.map(m => m.id)).toEqual(['a', 'b', 'c'])
  })
})
