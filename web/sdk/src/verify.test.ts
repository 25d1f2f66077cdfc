import { expect, test } from 'vitest'
import { unbase64url, unhex, verifyTraces } from '../fakes/identity.ts'
import type { Bytes } from './transcript.ts'
import { Verification, type VerifyEvent, type VerifyView } from './verify.ts'

const end = (e: { id: string; key: string; fingerprint: string }) => ({ id: e.id, key: unbase64url(e.key), fingerprint: unhex(e.fingerprint) })
const { room } = verifyTraces.view
const [a, b] = [end(verifyTraces.view.a), end(verifyTraces.view.b)]
const views: Record<string, VerifyView> = { a: { room, self: a, other: b }, b: { room, self: b, other: a } }

function eventOf({ type, message, own, theirs }: (typeof verifyTraces.cases)[number]['steps'][number]['event']): VerifyEvent {
  return { type, ...(message !== undefined && { message }), ...(own && { own: unhex(own) }), ...(theirs && { theirs: unhex(theirs) }) } as VerifyEvent
}

// The same traces drive the machine in Go.
for (const { name, side, steps } of verifyTraces.cases) {
  test(name, async () => {
    const numbers = [...verifyTraces.draws[side]!]
    const machine = new Verification(views[side]!, () => unbase64url(numbers.shift()!))
    for (const [i, { at, event, do: wanted, due }] of steps.entries()) {
      expect(await machine.step(at, eventOf(event)), `step ${i}, ${event.type}`).toEqual(wanted)
      expect(machine.due, `due after step ${i}`).toBe(due)
    }
  })
}

test('there are traces', () => expect(verifyTraces.cases.length).toBeGreaterThanOrEqual(50))

test('events that come at once are dealt with in turn, and both sides see the same', async () => {
  const machines = { a: new Verification(views['a']!), b: new Verification(views['b']!) }
  const seen: Record<string, number[]> = {}
  const deliver = async (to: 'a' | 'b', ...events: VerifyEvent[]): Promise<void> => {
    const all = await Promise.all(events.map(event => machines[to].step(0, event)))
    for (const action of all.flat()) {
      if (action.do === 'send') await deliver(to === 'a' ? 'b' : 'a', { type: 'heard', message: JSON.parse(JSON.stringify(action.message)) })
      else if (action.do === 'state' && action.code) seen[to] = action.code
    }
  }
  await deliver('b', { type: 'begin' }, { type: 'begin' })
  await deliver('a', { type: 'begin' }, { type: 'match' })
  expect(seen['a']).toHaveLength(7)
  expect(seen['a']).toEqual(seen['b'])
})

test('numbers are new each time', async () => {
  const numbers = new Set<string>()
  for (let i = 0; i < 20; i++) {
    const [first] = await new Verification(views['a']!).step(0, { type: 'begin' })
    numbers.add(JSON.stringify(first))
  }
  expect(numbers.size).toBe(20)
})

test('a view that changes elsewhere changes nothing', async () => {
  const own = { ...views['a']!, self: { ...a } }
  const draw = () => unbase64url(verifyTraces.draws['a']![0]!)
  const machine = new Verification(own, draw)
  own.self.fingerprint = new Uint8Array(32) as Bytes
  expect(await machine.step(0, { type: 'begin' })).toEqual(await new Verification(views['a']!, draw).step(0, { type: 'begin' }))
})
