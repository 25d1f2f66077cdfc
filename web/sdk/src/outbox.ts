import { type Carrier, reliable, unreliable } from './carrier.ts'
import { malformed } from './decode.ts'
import { maxFrame } from './frame.ts'

// In bytes. What waits for the other side to have taken it: nothing new is sent while it is so much.
const maxUnacknowledged = 1024 * 1024

/** Who sends frames. After each it is everybody else's turn. */
export interface Source {
  /** Its next frame, which gets this sequence if it is reliable; undefined if it has none now. */
  next(sequence: number): Uint8Array<ArrayBuffer> | undefined
}

/** Frames of a link, on their way out. Reliable ones are kept until the other side has them: another carrier sends them again. */
export class Outbox {
  /** Reliable frames, as long as the link lives. */
  sent = 0
  #kept: Array<Uint8Array<ArrayBuffer>> = [] // the newest of those that were sent
  #bytes = 0
  #put = 0 // of kept, on the newest carrier
  #carrier: Carrier | undefined
  #resumed = false // it is known what is missing there
  #opened = false
  #turns = { [reliable]: new Set<Source>(), [unreliable]: new Set<Source>() } // who has something to send, in the order of their turns
  #looking: Array<() => void> = []

  /** There is another carrier, or none for now. */
  use(carrier: Carrier | undefined): void {
    this.#carrier = carrier
    this.#resumed = false
    this.#put = 0
  }

  /** The carrier is open. Only on the first one it is known what is missing: everything. */
  open(): void {
    this.#opened = true
    if (this.#carrier?.number === 1) this.#resumed = true
    this.flush()
  }

  /** Drops what the other side has, so many frames in all, and begins to send what is missing. Throws if it can't have so many. */
  acknowledged(frames: number): void {
    if (frames > this.sent) throw malformed('more was acknowledged than was sent')
    const count = Math.max(0, this.#kept.length - this.sent + frames)
    for (const { length } of this.#kept.splice(0, count)) this.#bytes -= length
    this.#put = Math.max(0, this.#put - count)
    this.#resumed = true
    this.flush()
  }

  /** A source has something to send. */
  ready(source: Source, id: typeof reliable | typeof unreliable = reliable): void {
    this.#turns[id].add(source)
    this.#serve(id)
  }

  /** Hands over what waits, as far as there is room. */
  flush(): void {
    this.#hand()
    this.#serve(reliable)
    this.#serve(unreliable)
    for (const look of this.#looking.splice(0)) look()
  }

  /** Waits until something may be possible that wasn't. */
  look(): Promise<void> {
    return new Promise(resolve => this.#looking.push(resolve))
  }

  /** Hands over what is kept. */
  #hand(): void {
    const c = this.#carrier
    for (let frame; this.#resumed && (frame = this.#kept[this.#put]) && c?.fits(reliable, frame.length) && c.put(reliable, frame);) this.#put++
  }

  /** A set goes on to what is added to it again. */
  #serve(id: typeof reliable | typeof unreliable): void {
    const turns = this.#turns[id]
    for (const source of turns) {
      if (!this.#takes(id)) return
      turns.delete(source)
      const frame = source.next(this.sent + 1)
      if (!frame) continue
      turns.add(source)
      if (id === unreliable) {
        this.#carrier?.put(unreliable, frame)
        continue
      }
      this.sent++
      this.#bytes += frame.length
      this.#kept.push(frame)
      this.#hand()
    }
  }

  /** A carrier that is lost holds up nobody: what is reliable goes out on the next, what isn't is dropped. */
  #takes(id: typeof reliable | typeof unreliable): boolean {
    const c = this.#carrier
    if (!this.#opened || (id === reliable && this.#bytes >= maxUnacknowledged)) return false
    if (!c?.isOpen || (id === reliable && !this.#resumed)) return true
    return c.fits(id, maxFrame) && (id === unreliable || this.#put === this.#kept.length)
  }
}
