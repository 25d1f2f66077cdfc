import { describe, expect, test } from 'vitest'
import { bytes, hex } from '../fakes/bytes.ts'
import { goldens } from '../fakes/goldens.ts'
import { decodeControl } from './control.ts'
import { bytesOf, decodeFrame, encodeFrame, isKnown, maxFrame, maxPayload, textOf, typeMessage } from './frame.ts'

describe('golden frames', () => {
  for (const c of goldens.frames) {
    test(c.name, () => {
      const data = bytes(c.hex)
      if (c.error) {
        expect(() => decodeFrame(data.buffer)).toThrow(expect.objectContaining({ code: 'malformed' }))
        return
      }
      const frame = decodeFrame(data.buffer)
      expect(isKnown(frame)).toBe(!c.ignored)
      if (c.ignored) return
      const { type, flags, channel, sequence, payload } = frame
      expect({ type: [undefined, 'control', 'message', 'open', 'close', 'stop'][type], flags, channel, sequence, payload: hex(payload) }).toEqual({ type: c.type, flags: c.flags, channel: c.channel, sequence: c.sequence, payload: c.payload })
      expect(encodeFrame(type, flags, channel, sequence, payload)).toEqual(data)
    })
  }
})

test('16,376 bytes fill a frame, and one more is too long', () => {
  const data = encodeFrame(typeMessage, 0, 0, 1, new Uint8Array(maxPayload).fill(7))
  expect(data.length).toBe(16384)
  expect(decodeFrame(data.buffer).payload).toEqual(new Uint8Array(maxPayload).fill(7))
  expect(() => decodeFrame(new ArrayBuffer(maxFrame + 1))).toThrow()
})

test('text keeps a byte order mark and what is outside the first plane', () => {
  expect(textOf(bytesOf('\ufeff小明 👋🏽'))).toBe('\ufeff小明 👋🏽')
})

describe('control messages', () => {
  test('known', () => {
    expect(decodeControl('{"type":"hello","message":16376,"channels":0}')).toEqual({ type: 'hello', message: 16376, channels: 0 })
    expect(decodeControl('{"type":"bye","frames":12}')).toEqual({ type: 'bye', frames: 12 })
    expect(decodeControl('{"type":"bye-ack","later":1}')).toEqual({ type: 'bye-ack' })
    expect(decodeControl('{"type":"ack","frames":3}')).toEqual({ type: 'ack', frames: 3, windows: {}, opens: 0 })
    expect(decodeControl('{"type":"ack","frames":3,"windows":{"0":5},"opens":65}')).toEqual({ type: 'ack', frames: 3, windows: { 0: 5 }, opens: 65 })
    expect(decodeControl('{"type":"path","path":"relay-tls"}')).toEqual({ type: 'path', path: 'relay-tls' })
    expect(decodeControl('{"type":"need-offer","n":2,"fresh":true}')).toEqual({ type: 'need-offer', n: 2, fresh: true })
  })

  test('of later versions are ignored', () => {
    expect(decodeControl('{"type":"dance"}')).toBeUndefined()
  })

  test('that are signals and break their rules are dropped', () => {
    expect(decodeControl('{"type":"offer","n":1}')).toBeUndefined()
  })

  for (const wrong of ['', 'bye', '[]', 'null', '{"type":1}', '{"type":"bye","frames":-1}', '{"type":"bye","frames":1.5}', '{"type":"ack","frames":"all"}',
    '{"type":"ack","windows":[5]}', '{"type":"ack","windows":{"0":-1}}', '{"type":"ack","windows":{"0":"much"}}', '{"type":"ack","opens":-1}', '{"type":"hello","message":16375,"channels":1}', '{"type":"hello","message":16376,"channels":-1}', '{"type":"path","path":1}']) {
    test(`refused: ${wrong || 'nothing'}`, () => {
      expect(() => decodeControl(wrong)).toThrow(expect.objectContaining({ code: 'malformed' }))
    })
  }
})
