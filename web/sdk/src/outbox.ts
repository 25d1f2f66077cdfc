import { type Carrier, reliable } from './carrier.ts'
import { malformed } from './decode.ts'
import { encodeFrame } from './frame.ts'

/** How much waits for the other side to have taken it, in bytes. Who sends waits while it is so much. */
const maxUnacknowledged = 1024 * 1024

/** Keeps what was sent on the reliable channel until the other side has it: another carrier sends it again. */
export class Outbox {
  /** Messages, as long as the link lives. */
  sent = 0
  #frames: Array<Uint8Array<ArrayBuffer>> = [] // the newest of those that were sent
  #bytes = 0
  #put = 0 // of frames, on the newest carrier

  get isFull(): boolean {
    return this.#bytes >= maxUnacknowledged
  }

  /** The newest carrier has everything. */
  get isPut(): boolean {
    return this.#put === this.#frames.length
  }

  /** Keeps the next message. */
  add(payload: string | Uint8Array): void {
    const frame = encodeFrame({ type: 'message', channel: 0, sequence: ++this.sent, payload })
    this.#frames.push(frame)
    this.#bytes += frame.length
  }

  /** Hands over what the carrier has room for. */
  flush(carrier: Carrier): void {
    for (let frame; (frame = this.#frames[this.#put]) && carrier.fits(reliable, frame.length) && carrier.put(reliable, frame);) this.#put++
  }

  /** Drops what the other side has, so many messages in all. Throws if it can't have so many. */
  acknowledged(messages: number): void {
    if (messages > this.sent) throw malformed('more was acknowledged than was sent')
    const count = Math.max(0, this.#frames.length - this.sent + messages)
    for (const { length } of this.#frames.splice(0, count)) this.#bytes -= length
    this.#put = Math.max(0, this.#put - count)
  }

  /** There is another carrier: what is kept is sent again. */
  rewind(): void {
    this.#put = 0
  }
}
