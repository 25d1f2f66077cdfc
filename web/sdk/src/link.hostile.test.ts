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

describe('what channels may not do ends the link', () => {
  const open = (sequence: number, channel: number, name = `${channel}`) => raw(3, 0, channel, sequence, `{"name":"${name}","kind":"messages"}`)
  const piece = (sequence: number, length: number[], size = 16_372) => raw(2, 10, 0, sequence, [...length, ...new Array<number>(size).fill(0)])
  for (const [name, ...frames] of [
    ['a message on no channel', raw(2, 0, 7, 1)],
    ['a close of no channel', raw(4, 0, 7, 1)],
    ['a close of what is always there', raw(4, 0, 0, 1)],
    ['an open of what is always there', open(1, 0)],
    ['an open that is open', open(1, 1), open(2, 1, 'other')],
    ['one name twice', open(1, 1, 'a'), open(2, 2, 'a')],
    ['65 channels', ...Array.from({ length: 65 }, (_, i) => open(i + 1, i + 1))],
    ['an open of no JSON', raw(3, 0, 1, 1, 'files')],
    ['a length of 8 MiB and a byte', piece(1, [0, 128, 0, 1])],
    ['a length of 4 GiB', piece(1, [255, 255, 255, 255])],
    ['a length that fits a frame', piece(1, [0, 0, 63, 248])],
    ['a piece that isn’t full', piece(1, [0, 1, 0, 0], 1_000)],
    ['a length cut off', raw(2, 10, 0, 1, [0, 0])],
    ['more without a length', raw(2, 2, 0, 1, new Array<number>(16_376).fill(0))],
    ['nothing to drop', raw(2, 4, 0, 1)],
    ['a key on the reliable data channel', raw(2, 16, 0, 1, [1, 65])],
  ] as const) {
    test(name, async () => {
      const { ann } = await live()
      for (const frame of frames) ann.receive(reliable, frame)
      expect(ann.link).toMatchObject({ state: 'gone', cause: 'refused' })
    })
  }

  test('more than the window, of who doesn’t read', async () => {
    const { ann } = await live()
    ann.reads = false
    for (let i = 1; i <= 15; i++) ann.receive(reliable, raw(2, 0, 0, i, new Array<number>(16_376).fill(0)))
    expect(ann.link.state).toBe('live')
    ann.receive(reliable, raw(2, 0, 0, 16, new Array<number>(16_376).fill(0)))
    expect(ann.link).toMatchObject({ state: 'gone', cause: 'refused' })
  })

  test('but silence in the middle of a long message doesn’t, and other channels go on', async () => {
    const { ann } = await live()
    ann.channel(control).held = true // its acknowledgements are for what the other end hasn't sent
    ann.receive(reliable, piece(1, [0, 128, 0, 0]))
    ann.receive(reliable, open(2, 1))
    for (let i = 3; i < 100; i++) ann.receive(reliable, raw(2, 1, 1, i, 'hello'))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(ann.heardOn['1']).toHaveLength(97)
    expect(ann.link.state).toBe('live')
  })
})

test('one link holds no more than LINK.md says, whatever is sent', async () => {
  const { ann, bob } = await live()
  bob.reads = false
  const sizes = [1_000_000, 16_000, 8 * 1024 * 1024, 100_000]
  const sending = Array.from({ length: 64 }, async (_, i) => {
    for (let n = 0; n < 30; n++) await ann.send(new Uint8Array(sizes[(i + n) % 4]! / (n > 0 ? 1 : 8)), {}, `${i}`).catch(() => {})
  })
  for (let i = 0; i < 100; i++) void ann.send(new Uint8Array(16_000), { unreliable: true })
  await vi.advanceTimersByTimeAsync(20_000)
  const held = bob.inlets.reduce((sum, { waiting, part }) => sum + (part?.size ?? 0) + waiting.reduce((all, { data }) => all + data.length, 0), 0)
  expect(bob.link.state).toBe('live')
  expect(held).toBeGreaterThan(16 * 1024 * 1024)
  expect(held).toBeLessThanOrEqual((65 * 256 + 256) * 1024 + 20 * 1024 * 1024)
  ann.link.post({ type: 'left' })
  await Promise.all(sending)
}, 30_000)

test('thousands of channels that are opened and closed leave nothing', async () => {
  const { ann } = await live()
  ann.channel(control).held = true
  let sequence = 0
  for (let i = 0; i < 20_000; i++) {
    const id = i % 65_535 + 1
    ann.receive(reliable, raw(3, 0, id, ++sequence, `{"name":"${i}","kind":"${i % 2 ? 'messages' : 'dance'}"}`))
    ann.receive(reliable, raw(4, 0, id, ++sequence))
    if (i % 32 === 31) await vi.advanceTimersByTimeAsync(200) // what may be opened is told
  }
  expect(ann.link.state).toBe('live')
  for (let i = 1; i <= 64; i++) ann.receive(reliable, raw(3, 0, 60_000 + i, ++sequence, `{"name":"x${i}","kind":"messages"}`))
  expect(ann.link.state).toBe('live')
  ann.receive(reliable, raw(3, 0, 60_100, ++sequence, '{"name":"one more","kind":"messages"}'))
  expect(ann.link).toMatchObject({ state: 'gone', cause: 'refused' })
}, 30_000)
