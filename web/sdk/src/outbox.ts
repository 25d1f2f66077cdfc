import { type Carrier, reliable, unreliable } from './carrier.ts'
import { malformed } from './decode.ts'
import { SnugError } from './errors.ts'
import { bytesOf, encodeFrame, maxFrame, maxMessage } from './frame.ts'

// In bytes. What waits for the other side to have taken it: who sends waits while it is so much.
const maxUnacknowledged = 1024 * 1024
// What may wait in send() for one link; beyond, send() rejects.
const maxWaiting = 16 * 1024 * 1024

export interface SendOptions {
  /** Send it once, in no order, and don't mind if it is lost. */
  unreliable?: boolean
  signal?: AbortSignal
}

/** Messages of a link, on their way out. Reliable ones are kept until the other side has them: another carrier sends them again. */
export class Outbox {
  /** Reliable messages, as long as the link lives. */
  sent = 0
  /** Settles when nobody waits any more who has begun to send reliably. */
  drained = Promise.resolve()
  #frames: Array<Uint8Array<ArrayBuffer>> = [] // the newest of those that were sent
  #bytes = 0
  #put = 0 // of frames, on the newest carrier
  #carrier: Carrier | undefined
  #resumed = false // it is known what is missing there
  #unreliable = 0 // messages
  #lossy = Promise.resolve() // like drained
  #waiting = 0 // bytes
  #looking: Array<() => void> = [] // who waits until something may be possible
  #opened = false
  #closed = false // nobody may begin to send
  #stopped = false // nothing more may be sent

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

  /** Drops what the other side has, so many messages in all, and begins to send what is missing. Throws if it can't have so many. */
  acknowledged(messages: number): void {
    if (messages > this.sent) throw malformed('more was acknowledged than was sent')
    const count = Math.max(0, this.#frames.length - this.sent + messages)
    for (const { length } of this.#frames.splice(0, count)) this.#bytes -= length
    this.#put = Math.max(0, this.#put - count)
    this.#resumed = true
    this.flush()
  }

  /** Hands over what is kept, as far as there is room, and has those look again who wait. */
  flush(): void {
    const c = this.#carrier
    for (let frame; this.#resumed && (frame = this.#frames[this.#put]) && c?.fits(reliable, frame.length) && c.put(reliable, frame);) this.#put++
    for (const look of this.#looking.splice(0)) look()
  }

  /** Nobody may begin to send any more. */
  close(): void {
    this.#closed = true
  }

  /** Nothing more may be sent. */
  stop(): void {
    this.#closed = this.#stopped = true
    this.flush()
  }

  /** Waits until something may be possible that wasn't; tells whether it is over. */
  async look(): Promise<boolean> {
    if (!this.#stopped) await new Promise<void>(resolve => this.#looking.push(resolve))
    return this.#stopped
  }

  async send(data: string | Uint8Array, { unreliable: once = false, signal }: SendOptions): Promise<void> {
    const { length } = bytesOf(data)
    if (length > maxMessage) throw new SnugError('too-long', `This message is ${length} bytes long; ${maxMessage} are allowed.`)
    if (this.#waiting + length > maxWaiting) throw new SnugError('too-much', 'Too much is waiting to be sent. Await send() before sending more.')
    if (this.#closed) throw gone()
    this.#waiting += length
    try {
      const done = (once ? this.#lossy : this.drained).then(() => this.#write(once, data, signal))
      const next = done.catch(() => {})
      if (once) this.#lossy = next
      else this.drained = next
      await (signal ? orAborted(done, signal) : done)
    } finally {
      this.#waiting -= length
    }
  }

  /** Messages are sent one after the other, in the order of the calls. Who aborts doesn't wait for its turn. */
  async #write(once: boolean, payload: string | Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    while (!this.#stopped && !signal?.aborted && !this.#takes(once)) await this.look()
    if (signal?.aborted) throw abortion(signal)
    if (this.#stopped) throw gone()
    const frame = encodeFrame({ type: 'message', channel: 0, sequence: once ? ++this.#unreliable : ++this.sent, payload })
    if (once) {
      this.#carrier?.put(unreliable, frame)
      return
    }
    this.#frames.push(frame)
    this.#bytes += frame.length
    this.flush()
  }

  /** A carrier that is lost holds up nobody: what is reliable goes out on the next, what isn't is dropped. */
  #takes(once: boolean): boolean {
    const c = this.#carrier
    if (!this.#opened || (!once && this.#bytes >= maxUnacknowledged)) return false
    if (!c?.isOpen || (!once && !this.#resumed)) return true
    return c.fits(once ? unreliable : reliable, maxFrame) && (once || this.#put === this.#frames.length)
  }
}

function gone(): SnugError {
  return new SnugError('gone', 'The link is gone.')
}

function abortion(signal: AbortSignal): SnugError {
  return new SnugError('aborted', 'Sending was aborted.', { cause: signal.reason })
}

function orAborted(done: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(abortion(signal))
    signal.addEventListener('abort', abort)
    done.finally(() => signal.removeEventListener('abort', abort)).then(resolve, reject)
    if (signal.aborted) abort()
  })
}
