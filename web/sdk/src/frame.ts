import { count, object, parse, string } from './decode.ts'
import { SnugError } from './errors.ts'

// LINK.md, section 5.
export const maxFrame = 16384
const headerSize = 8
/** The longest message, in bytes. */
export const maxMessage = maxFrame - headerSize

const types = { control: 1, message: 2 } as const
const flagText = 1

export interface Frame {
  type: keyof typeof types
  channel: number
  sequence: number
  payload: string | Uint8Array
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function bytesOf(payload: string | Uint8Array): Uint8Array {
  return typeof payload === 'string' ? encoder.encode(payload) : payload
}

export function encodeFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  const payload = bytesOf(frame.payload)
  const data = new Uint8Array(headerSize + payload.length)
  const header = new DataView(data.buffer)
  header.setUint8(0, types[frame.type])
  header.setUint8(1, typeof frame.payload === 'string' ? flagText : 0)
  header.setUint16(2, frame.channel)
  header.setUint32(4, frame.sequence)
  data.set(payload, headerSize)
  return data
}

/** Decodes a frame; undefined for those of later versions. Throws if it breaks the protocol. */
export function decodeFrame(data: ArrayBuffer): Frame | undefined {
  if (data.byteLength < headerSize || data.byteLength > maxFrame) throw refused()
  const header = new DataView(data)
  const flags = header.getUint8(1)
  const type = header.getUint8(0) === types.control ? 'control' : header.getUint8(0) === types.message ? 'message' : undefined
  if (!type || flags > flagText) return undefined
  const bytes = new Uint8Array(data, headerSize)
  return { type, channel: header.getUint16(2), sequence: header.getUint32(4), payload: flags & flagText ? text(bytes) : bytes.slice() }
}

function text(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw refused()
  }
}

function refused(): SnugError {
  return new SnugError('malformed', 'The other side broke the protocol.')
}

export type Control = { type: 'bye'; messages: number } | { type: 'bye-ack' }

/** Decodes a control message; undefined for unknown types. Throws if it is none. */
export function decodeControl(payload: string | Uint8Array): Control | undefined {
  const m = object(parse(typeof payload === 'string' ? payload : text(payload)))
  switch (string(m['type'] ?? '', 'type', true)) {
    case 'bye': return { type: 'bye', messages: count(m['messages'] ?? 0, 'messages') }
    case 'bye-ack': return { type: 'bye-ack' }
    default: return undefined
  }
}
