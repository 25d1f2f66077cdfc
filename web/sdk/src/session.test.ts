import { beforeEach, describe, expect, test, vi } from 'vitest'
import { welcomeTo } from '../fakes/members.ts'
import type { ToHub } from './protocol.ts'
import { Session } from './session.ts'

const signal = (body: unknown): ToHub => ({ type: 'signal', to: 'b', body })
const sizeOf = (body: unknown) => JSON.stringify(signal(body)).length

beforeEach(() => {
  vi.useFakeTimers()
})

function begin(replay = 262_144) {
  const on = { write: vi.fn<(text: string) => void>(), stuck: vi.fn(), room: vi.fn() }
  const session = new Session(on)
  const welcome = (more: object = {}) => session.welcomed({ ...welcomeTo('a', []), limits: { replay }, ...more })
  const written = () => on.write.mock.calls.splice(0).map(([text]) => JSON.parse(text) as { type: string; body?: unknown; received?: number })
  const bodies = () => written().filter(m => m.type === 'signal').map(m => m.body)
  return { session, on, welcome, written, bodies }
}

test('a session that hasn’t begun can’t be resumed', () => {
  expect(begin().session.resumption).toEqual({})
})

describe('signals', () => {
  test('are said at once while there is a connection, and with the next one otherwise', () => {
    const { session, welcome, bodies } = begin()
    welcome()
    session.say(signal(1))
    expect(bodies()).toEqual([1])
    session.lost()
    session.say(signal(2))
    expect(bodies()).toEqual([])
    welcome({ recovered: true, received: 1 })
    expect(bodies()).toEqual([2])
  })

  for (const [received, again] of [[0, [1, 2, 3]], [2, [3]], [3, []]] as const) {
    test(`of which the hub has ${received} are said again from there, in order`, () => {
      const { session, welcome, bodies } = begin()
      welcome()
      for (const body of [1, 2, 3]) session.say(signal(body))
      session.lost()
      bodies()
      expect(welcome({ recovered: true, received })).toBe(true)
      session.say(signal(4))
      expect(bodies()).toEqual([...again, 4])
    })
  }

  test('that are acknowledged are never said again, over any number of connections', () => {
    const { session, welcome, bodies } = begin()
    welcome()
    const all: unknown[] = []
    let taken = 0
    for (let i = 1; i <= 100; i++) {
      session.say(signal(i))
      if (i % 7 !== 0) continue
      session.acknowledged(i - 3)
      session.lost()
      all.push(...bodies().slice(0, i - 1 - taken)) // the newest got lost on its way
      taken = i - 1
      welcome({ recovered: true, received: taken })
    }
    all.push(...bodies())
    expect(all).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
  })

  for (const [what, more] of [
    ['isn’t recovered', { recovered: false, session: 's2' }],
    ['isn’t recovered, under the old name', { recovered: false }],
    ['claims to be, under another name', { recovered: true, session: 's2', received: 1 }],
  ] as const) {
    test(`are dropped when a session ${what}, and counts start at zero`, () => {
      const { session, welcome, written } = begin()
      welcome()
      session.say(signal(1))
      session.count(10)
      session.lost()
      session.say(signal(2))
      written()
      expect(welcome(more)).toBe(false)
      expect(written()).toEqual([])
      expect(session.resumption).toEqual({ session: 's1', received: 0, ...('session' in more ? { session: more.session } : {}) })
      session.say(signal(3))
      session.lost()
      welcome({ ...more, recovered: true, received: 0 })
      expect(written().map(m => m.body)).toEqual([3, 3])
    })
  }
})

describe('an ack', () => {
  test('below an earlier one, or above what was said, is ignored', () => {
    const { session, welcome, bodies } = begin()
    welcome()
    for (const body of [1, 2, 3]) session.say(signal(body))
    session.acknowledged(2)
    session.acknowledged(1)
    session.acknowledged(4)
    session.lost()
    bodies()
    session.say(signal(4))
    session.acknowledged(4)
    welcome({ recovered: true, received: 99 })
    expect(bodies()).toEqual([3, 4])
  })

  test('that doesn’t come for 5 s is missed, and again', () => {
    const { session, welcome, on } = begin()
    welcome()
    session.say(signal(1))
    vi.advanceTimersByTime(4_999)
    expect(on.stuck).not.toHaveBeenCalled()
    vi.advanceTimersByTime(5_001)
    expect(on.stuck).toHaveBeenCalledTimes(2)
    session.acknowledged(1)
    vi.advanceTimersByTime(60_000)
    expect(on.stuck).toHaveBeenCalledTimes(2)
  })

  test('that goes on is none to miss, nor is one without a connection', () => {
    const { session, welcome, on } = begin()
    welcome()
    for (let i = 1; i <= 10; i++) {
      session.say(signal(i))
      vi.advanceTimersByTime(3_000)
      session.acknowledged(i)
    }
    session.say(signal(0))
    session.lost()
    vi.advanceTimersByTime(60_000)
    expect(on.stuck).not.toHaveBeenCalled()
  })
})

describe('what is kept is bounded', () => {
  test('by what the hub keeps; what doesn’t fit isn’t taken, and asked for when half is free', () => {
    const { session, welcome, on, bodies } = begin(4 * sizeOf('x'))
    welcome()
    for (let i = 0; i < 6; i++) session.say(signal('x'))
    expect(bodies()).toHaveLength(4)
    session.acknowledged(1)
    expect(on.room).not.toHaveBeenCalled()
    session.acknowledged(2)
    expect(on.room).toHaveBeenCalledOnce()
    session.acknowledged(4)
    expect(on.room).toHaveBeenCalledOnce()
  })

  test('in bytes, not in characters', () => {
    const { session, welcome, bodies } = begin(sizeOf('') + 500)
    welcome()
    session.say(signal('小'.repeat(160))) // 480 bytes
    session.say(signal(''))
    expect(bodies()).toHaveLength(1)
  })

  test('also without a connection', () => {
    const { session, welcome, bodies } = begin(4 * sizeOf('x'))
    welcome()
    session.lost()
    for (let i = 0; i < 100; i++) session.say(signal('x'))
    welcome({ recovered: true })
    expect(bodies()).toHaveLength(4)
  })
})

describe('what comes from the hub is acknowledged', () => {
  const acks = (written: Array<{ type: string; received?: number }>) => written.filter(m => m.type === 'ack').map(m => m.received)

  test('a second after the first', () => {
    const { session, welcome, written } = begin()
    welcome()
    session.count(10)
    vi.advanceTimersByTime(900)
    session.count(10)
    expect(acks(written())).toEqual([])
    vi.advanceTimersByTime(100)
    expect(acks(written())).toEqual([2])
    vi.advanceTimersByTime(60_000)
    expect(acks(written())).toEqual([])
  })

  test('with the 32nd', () => {
    const { session, welcome, written } = begin()
    welcome()
    for (let i = 0; i < 70; i++) session.count(10)
    expect(acks(written())).toEqual([32, 64])
  })

  test('with 32 KiB', () => {
    const { session, welcome, written } = begin()
    welcome()
    session.count(16_384)
    expect(acks(written())).toEqual([])
    session.count(16_384)
    expect(acks(written())).toEqual([2])
  })

  test('by the hello that resumes', () => {
    const { session, welcome, written } = begin()
    welcome()
    session.count(10)
    session.lost()
    expect(session.resumption).toEqual({ session: 's1', received: 1 })
    vi.advanceTimersByTime(60_000)
    welcome({ recovered: true })
    vi.advanceTimersByTime(60_000)
    expect(acks(written())).toEqual([])
    session.count(10)
    vi.advanceTimersByTime(1_000)
    expect(acks(written())).toEqual([2])
  })
})
