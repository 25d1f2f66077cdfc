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

/** Decodes a frame of this version. Of a later one it has no payload, if it counts, or is undefined. Throws if it breaks the protocol. */
export function decodeFrame(data: ArrayBuffer): Omit<Frame, 'payload'> & { payload?: Frame['payload'] } | undefined {
  if (data.byteLength < headerSize || data.byteLength > maxFrame) throw refused()
  const header = new DataView(data)
  const flags = header.getUint8(1)
  const type = header.getUint8(0) === types.control ? 'control' : header.getUint8(0) === types.message ? 'message' : undefined
  if (!type) return undefined
  const frame = { type, channel: header.getUint16(2), sequence: header.getUint32(4) } as const
  if (flags > flagText) return frame
  const bytes = new Uint8Array(data, headerSize)
  return { ...frame, payload: flags ? textOf(bytes) : bytes.slice() }
}

/** Text in UTF-8, decoded. Throws if it is none. */
export function textOf(payload: string | Uint8Array): string {
  if (typeof payload === 'string') return payload
  try {
    return decoder.decode(payload)
  } catch {
    throw refused()
  }
}

function refused(): SnugError {
  return new SnugError('malformed', 'The other side broke the protocol.')
}
