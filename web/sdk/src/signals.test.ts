import { describe, expect, test } from 'vitest'
import { goldens, valueOf } from '../fakes/goldens.ts'
import { decodeSignal } from './signals.ts'

describe('golden signals', () => {
  for (const c of goldens.linkSignals) {
    test(c.name, () => {
      const body: unknown = JSON.parse(c.text)
      if (c.error === 'unknown-type') {
        expect(decodeSignal(body)).toBeUndefined()
      } else if (c.error) {
        expect(() => decodeSignal(body)).toThrow(expect.objectContaining({ code: c.error }))
      } else {
        const { end, ...rest } = valueOf(c) as Record<string, unknown> // `end: false` may be left out
        expect(decodeSignal(body)).toEqual(end ? { ...rest, end } : rest)
      }
    })
  }
})

describe('limits count bytes', () => {
  const umlaut = 'ü' // two of them
  for (const [what, atMost, tooLong] of [
    ['a description', { type: 'offer', n: 1, carrier: 1, sdp: 'x'.repeat(32768) }, { type: 'offer', n: 1, carrier: 1, sdp: umlaut.repeat(16385) }],
    ['a candidate', oneOf({ candidate: 'x'.repeat(1024) }), oneOf({ candidate: umlaut.repeat(513) })],
    ['a mid', oneOf({ candidate: 'c', mid: 'x'.repeat(64) }), oneOf({ candidate: 'c', mid: umlaut.repeat(33) })],
  ] as const) {
    test(what, () => {
      expect(decodeSignal(atMost)).toEqual(atMost)
      expect(() => decodeSignal(tooLong)).toThrow('too long')
    })
  }
})

test('64 candidates are allowed', () => {
  const signal = { type: 'candidates', n: 1, candidates: Array.from({ length: 64 }, () => ({ candidate: 'c' })) }
  expect(decodeSignal(signal)).toEqual(signal)
})

test('an offer’s number has 32 bits', () => {
  expect(decodeSignal({ type: 'offer', n: 2 ** 32 - 1, carrier: 1, sdp: 'v=0' })).toMatchObject({ n: 2 ** 32 - 1 })
  expect(() => decodeSignal({ type: 'offer', n: 2 ** 32, carrier: 1, sdp: 'v=0' })).toThrow('number')
})

function oneOf(candidate: object): object {
  return { type: 'candidates', n: 1, candidates: [candidate] }
}
