import { describe, expect, test } from 'vitest'
import { goldens } from '../fakes/goldens.ts'
import { decodeControl } from './control.ts'
import { bytesOf, decodeFrame, encodeFrame, type Frame, maxFrame, maxMessage } from './frame.ts'

describe('golden frames', () => {
  for (const c of goldens.frames) {
    test(c.name, () => {
      const data = bytes(c.hex)
      if (c.ignored) {
        expect(decodeFrame(data.buffer)?.payload).toBeUndefined()
        return
      }
      if (c.error) {
        expect(() => decodeFrame(data.buffer)).toThrow(expect.objectContaining({ code: 'malformed' }))
        return
      }
      const frame = decodeFrame(data.buffer) as Frame
      expect(frame).toMatchObject({ type: c.type, channel: c.channel, sequence: c.sequence })
      expect(typeof frame.payload).toBe(c.text ? 'string' : 'object')
      expect(bytesOf(frame.payload)).toEqual(bytes(c.payload!))
      expect(encodeFrame(frame)).toEqual(data)
    })
  }
})

test('a message of 16,376 bytes fills a frame, and one more is too long', () => {
  const frame = { type: 'message', channel: 0, sequence: 1, payload: new Uint8Array(maxMessage).fill(7) } as const
  const data = encodeFrame(frame)
  expect(data.length).toBe(16384)
  expect(decodeFrame(data.buffer)).toEqual(frame)
  expect(() => decodeFrame(new ArrayBuffer(maxFrame + 1))).toThrow()
})

test('text keeps a byte order mark and what is outside the first plane', () => {
  const payload = '\ufeff小明 👋🏽'
  expect(decodeFrame(encodeFrame({ type: 'message', channel: 0, sequence: 1, payload }).buffer)?.payload).toBe(payload)
})

test('bytes are not those of the buffer that they came in', () => {
  const data = encodeFrame({ type: 'message', channel: 0, sequence: 1, payload: Uint8Array.of(1) })
  const frame = decodeFrame(data.buffer)!
  data.fill(9)
  expect(frame.payload).toEqual(Uint8Array.of(1))
})

describe('control messages', () => {
  test('known', () => {
    expect(decodeControl('{"type":"bye","messages":12}')).toEqual({ type: 'bye', messages: 12 })
    expect(decodeControl('{"type":"bye-ack","later":1}')).toEqual({ type: 'bye-ack' })
    expect(decodeControl(bytesOf('{"type":"bye-ack"}'))).toEqual({ type: 'bye-ack' })
    expect(decodeControl('{"type":"ack","messages":3}')).toEqual({ type: 'ack', messages: 3 })
    expect(decodeControl('{"type":"path","path":"relay-tls"}')).toEqual({ type: 'path', path: 'relay-tls' })
    expect(decodeControl('{"type":"need-offer","n":2,"fresh":true}')).toEqual({ type: 'need-offer', n: 2, fresh: true })
  })

  test('of later versions are ignored', () => {
    expect(decodeControl('{"type":"dance"}')).toBeUndefined()
  })

  test('that are signals and break their rules are dropped', () => {
    expect(decodeControl('{"type":"offer","n":1}')).toBeUndefined()
  })

  for (const wrong of ['', 'bye', '[]', 'null', '{"type":1}', '{"type":"bye","messages":-1}', '{"type":"bye","messages":1.5}', '{"type":"ack","messages":"all"}', '{"type":"path","path":1}']) {
    test(`refused: ${wrong || 'nothing'}`, () => {
      expect(() => decodeControl(wrong)).toThrow(expect.objectContaining({ code: 'malformed' }))
    })
  }
})

function bytes(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], pair => parseInt(pair, 16))
}
