import { SnugError } from './errors.ts'

// LINK.md, section 5. In bytes.
export const maxFrame = 16384
const headerSize = 8
/** What fits into one frame. */
export const maxPayload = maxFrame - headerSize
/** The longest message. */
export const maxMessage = 8 * 1024 * 1024

// Types of frames.
export const typeControl = 1
export const typeMessage = 2
export const typeOpen = 3
export const typeClose = 4
export const typeStop = 5

// Flags of a message; `dropped` also of a close.
export const flagText = 1
export const flagMore = 2
export const flagDropped = 4
export const flagSized = 8
export const flagKeyed = 16

export interface Frame {
  type: number
  flags: number
  channel: number
  sequence: number
  payload: Uint8Array
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const lenient = new TextDecoder('utf-8', { ignoreBOM: true })

export function bytesOf(payload: string | Uint8Array): Uint8Array {
  return typeof payload === 'string' ? encoder.encode(payload) : payload
}

/** Makes a frame; its payload is all of these, one after the other. */
export function encodeFrame(type: number, flags: number, channel: number, sequence: number, ...payload: ArrayLike<number>[]): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(payload.reduce((sum, { length }) => sum + length, headerSize))
  const header = new DataView(data.buffer)
  header.setUint8(0, type)
  header.setUint8(1, flags)
  header.setUint16(2, channel)
  header.setUint32(4, sequence)
  let at = headerSize
  for (const part of payload) {
    data.set(part, at)
    at += part.length
  }
  return data
}

/** Decodes a frame, whatever it is for; its payload stays in data. Throws if its length is wrong. */
export function decodeFrame(data: ArrayBuffer): Frame {
  if (data.byteLength < headerSize || data.byteLength > maxFrame) throw refused()
  const header = new DataView(data)
  return { type: header.getUint8(0), flags: header.getUint8(1), channel: header.getUint16(2), sequence: header.getUint32(4), payload: new Uint8Array(data, headerSize) }
}

/** Whether this revision knows its type, and each of its flags. What isn't known is passed over. */
export function isKnown({ type, flags }: Frame): boolean {
  const known = [0, flagText, flagText | flagMore | flagDropped | flagSized | flagKeyed, 0, flagDropped, 0][type]
  return known !== undefined && type > 0 && !(flags & ~known)
}

/** Text in UTF-8, decoded. Throws if it is none. */
export function textOf(payload: Uint8Array): string {
  try {
    return decoder.decode(payload)
  } catch {
    throw refused()
  }
}

/** A key as text; others may have keys that are none. */
export function keyOf(bytes: Uint8Array): string {
  return lenient.decode(bytes)
}

/** The other side broke the protocol, which ends the link. */
export function refused(): SnugError {
  return new SnugError('malformed', 'The other side broke the protocol.')
}
