import { beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeConnection } from '../fakes/connection.ts'
import { control, live, reliable, settle, unreliable } from '../fakes/links.ts'

const types = { control: 1, message: 2 }

/** A frame as it travels, whatever it says. */
function raw(type: number, flags: number, channel: number, sequence: number, payload: string | number[] = ''): ArrayBuffer {
  const bytes = typeof payload === 'string' ? [...new TextEncoder().encode(payload)] : payload
  return Uint8Array.of(type, flags, channel >> 8, channel & 255, sequence >>> 24, (sequence >> 16) & 255, (sequence >> 8) & 255, sequence & 255, ...bytes).buffer
}

beforeEach(() => {
  vi.useFakeTimers()
  FakeConnection.install()
})

describe('what breaks the protocol ends the link', () => {
  const message = (sequence: number, payload?: string) => raw(types.message, 1, 0, sequence, payload)
  for (const [name, channel, data] of [
    ['too short', reliable, message(1).slice(0, 7)],
    ['empty', reliable, new ArrayBuffer(0)],
    ['too long', reliable, new ArrayBuffer(16_385)],
    ['far too long', reliable, new ArrayBuffer(60_000)],
    ['too long, unreliable', unreliable, new ArrayBuffer(16_385)],
    ['not UTF-8', reliable, raw(types.message, 1, 0, 1, [255])],
    ['skipped sequence', reliable, message(2)],
    ['sequence from 0', reliable, message(0)],
    ['control no JSON', control, raw(types.control, 1, 0, 2, 'bye')],
    ['control no object', control, raw(types.control, 1, 0, 2, '[]')],
    ['control, skipped sequence', control, raw(types.control, 1, 0, 3, '{"type":"dance"}')],
    ['bye of no count', control, raw(types.control, 1, 0, 2, '{"type":"bye","frames":"all"}')],
    ['ack of more than was sent', control, raw(types.control, 1, 0, 2, '{"type":"ack","frames":1}')],
    ['a string', reliable, 'hello'],
    ['a blob', reliable, new Blob(['hello'])],
  ] as const) {
    test(name, async () => {
      const { ann } = await live()
      ann.receive(channel, data)
      expect(ann.link).toMatchObject({ state: 'gone', cause: 'refused' })
      expect(ann.heard).toEqual([])
      expect(ann.pc.signalingState).toBe('closed')
    })
  }

  test('a sequence that comes twice', async () => {
    const { ann } = await live()
    ann.receive(reliable, message(1, 'once'))
    ann.receive(reliable, message(1, 'twice'))
    expect(ann.link).toMatchObject({ state: 'gone', cause: 'refused' })
    expect(ann.heard).toEqual(['once'])
  })
})

test('what later versions may say is ignored', async () => {
  const { ann } = await live()
  ann.receive(reliable, raw(9, 0, 0, 1, 'another type'))
  ann.receive(reliable, raw(types.control, 1, 0, 2, '{"type":"bye","frames":0}')) // not on its data channel
  ann.receive(control, raw(types.message, 1, 0, 1, 'nor this'))
  ann.receive(reliable, raw(types.message, 32, 0, 3, 'another flag'))
  ann.receive(control, raw(types.control, 2, 0, 2, 'and here'))
  ann.receive(control, raw(types.control, 1, 0, 3, '{"type":"dance"}'))
  ann.receive(reliable, raw(types.message, 1, 0, 4, 'all of these count'))
  await settle()
  expect(ann.heard).toEqual(['all of these count'])
  expect(ann.link.state).toBe('live')
})

test('unreliable messages may come in any order, and twice', async () => {
  const { ann } = await live()
  for (const sequence of [5, 2, 2]) ann.receive(unreliable, raw(types.message, 1, 0, sequence, `${sequence}`))
  expect(ann.heard).toEqual(['5', '2', '2'])
})

test('a bye that promises more than comes ends nothing for a minute', async () => {
  const { ann } = await live()
  ann.receive(control, raw(types.control, 1, 0, 2, '{"type":"bye","frames":9007199254740991}'))
  await vi.advanceTimersByTimeAsync(59_999)
  expect(ann.link.state).toBe('live')
  await vi.advanceTimersByTimeAsync(1)
  expect(ann.link).toMatchObject({ state: 'gone', cause: 'closed' })
})

test('an answer to no bye ends nothing', async () => {
  const { ann } = await live()
  ann.receive(control, raw(types.control, 1, 0, 2, '{"type":"bye-ack"}'))
  await settle()
  expect(ann.link.state).toBe('live')
})
