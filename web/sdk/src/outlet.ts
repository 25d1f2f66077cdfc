import { unreliable } from './carrier.ts'
import { SnugError } from './errors.ts'
import { bytesOf, encodeFrame, flagDropped, flagKeyed, flagMore, flagSized, flagText, maxMessage, maxPayload, typeClose, typeMessage, typeOpen } from './frame.ts'
import type { Source } from './outbox.ts'
import type { Outlets } from './outlets.ts'
import { Queue } from './queue.ts'

// Of each channel, in bytes: how much may be sent before the other side has granted more, and what a frame costs beside its payload.
export const firstWindow = 262_144
export const frameCost = 32
export const maxKey = 64 // bytes

export interface SendOptions {
  /** Send it once, in no order, and don't mind if it is lost. */
  unreliable?: boolean
  /** Gives up waiting. What has been sent of a long message is forgotten by the other side. */
  signal?: AbortSignal
  /** Of an unreliable channel, 1 to 64 bytes: only the newest message of each key counts, here and there. */
  key?: string
}

/** What a message of this length costs in all: its pieces are full, except for the last, and the first begins with the length. */
export function costOf(length: number): number {
  return length > maxPayload ? length + 4 + frameCost * Math.ceil((length + 4) / maxPayload) : length + frameCost
}

/** A message as bytes. */
export interface Outgoing { bytes: Uint8Array; text: boolean; key: string | undefined }

/** Makes one of what an application wants to send. Throws a SnugError, code `too-long` for what nobody takes. */
export function outgoing(data: string | Uint8Array, once = false, key?: string): Outgoing {
  const message = { bytes: bytesOf(data), text: typeof data === 'string', key }
  const { length } = bytesOf(key ?? '')
  if (key === '' || length > maxKey || (key && !once)) throw new SnugError('channel', `A key has 1 to ${maxKey} bytes, and only unreliable messages have one.`)
  checkLength(message, once ? maxPayload - (key ? 1 + length : 0) : maxMessage)
  return message
}

function checkLength({ bytes: { length } }: Outgoing, most: number): void {
  if (length > most) throw new SnugError('too-long', `This message is ${length} bytes long; ${most} are allowed.`)
}

/** A message that waits. settle may be called again, to no effect. */
interface Waiting extends Outgoing { at: number; start: number; settle(error?: unknown): void; settled: boolean }

/** A channel of this side's to the other, reliable: what is sent on it, in order. It opens when something is. */
export class Outlet implements Source {
  /** Undefined until it has begun to open. */
  id: number | undefined
  /** Its last frame; 0 before that. */
  closedAt = 0
  /** What no other that is open may have; empty for streams. */
  readonly key: string
  /** Why nobody may send any more. */
  ended: SnugError | undefined
  /** Called when nothing more can be sent, with why. */
  failed: (error: SnugError) => void = () => {}
  protected items = new Queue<Waiting>()
  protected all: Outlets
  #opening: object
  #window = firstWindow
  #used = 0
  #close: number | undefined // flags of the frame that is still to be sent

  constructor(all: Outlets, key: string, opening: object) {
    this.all = all
    this.key = key
    this.#opening = opening
  }

  /** Resolves when all of it is kept for the other side. Rejects with a SnugError. */
  async send(message: Outgoing, signal?: AbortSignal): Promise<void> {
    const size = message.bytes.length + frameCost
    if (signal?.aborted) throw abortion(signal)
    if (this.ended) throw this.ended
    this.all.enter(size)
    await new Promise<void>((resolve, reject) => {
      const item: Waiting = { ...message, at: 0, start: 0, settled: false, settle: error => {
        if (item.settled) return
        item.settled = true
        this.all.leave(size)
        signal?.removeEventListener('abort', abort)
        if (error) reject(error)
        else resolve()
      } }
      const abort = () => {
        item.settle(abortion(signal!, item.at > 0))
        this.ready()
      }
      signal?.addEventListener('abort', abort)
      this.put(item)
      this.ready()
    })
  }

  protected put(item: Waiting): void {
    this.items.push(item)
  }

  /** It may have something to send. */
  ready(): void {
    this.all.outbox.ready(this)
  }

  next(sequence: number): Uint8Array<ArrayBuffer> | undefined {
    if (this.id === undefined) return this.#open(sequence)
    for (let item; (item = this.items.first); this.items.shift()) {
      if (!item.settled) {
        const piece = this.#piece(item, sequence)
        if (piece) return piece
        if (!item.settled) return undefined
      } else if (item.at > 0) {
        // It counts as if all of it had been sent, on both sides.
        this.items.shift()
        this.#used = item.start + costOf(item.bytes.length)
        return encodeFrame(typeMessage, flagDropped, this.id, sequence)
      }
    }
    return this.closing(sequence)
  }

  /** Opens it, when it is known that the other side takes channels, and there is anything to send. */
  #open(sequence: number): Uint8Array<ArrayBuffer> | undefined {
    while (this.items.first?.settled) this.items.shift()
    if (!this.items.first && this.#close === undefined && (this.key || this.ended)) return undefined
    this.id = this.all.claim(this)
    return this.id === undefined ? undefined : encodeFrame(typeOpen, 0, this.id, sequence, bytesOf(JSON.stringify(this.#opening)))
  }

  /** The next piece of a message, if it may be sent now. */
  #piece(item: Waiting, sequence: number): Uint8Array<ArrayBuffer> | undefined {
    const { bytes: { length }, at } = item
    const { longest } = this.all
    const stream = !this.key
    if (!stream && length > maxPayload) {
      if (longest === undefined) return undefined
      try {
        checkLength(item, longest)
      } catch (error) {
        item.settle(error)
        return undefined
      }
    }
    const head = !stream && at === 0 && length > maxPayload ? [length >>> 24, length >>> 16, length >>> 8, length] : []
    const end = Math.min(at + maxPayload - head.length, length)
    const cost = head.length + end - at + frameCost
    if (this.#used + cost > this.#window) return undefined
    if (at === 0) item.start = this.#used
    this.#used += cost
    item.at = end
    if (end === length) {
      this.items.shift()
      item.settle()
    }
    const flags = stream ? 0 : (item.text ? flagText : 0) | (end < length ? flagMore : 0) | (head.length ? flagSized : 0)
    return encodeFrame(typeMessage, flags, this.id!, sequence, head, item.bytes.subarray(at, end))
  }

  protected closing(sequence: number): Uint8Array<ArrayBuffer> | undefined {
    const flags = this.#close
    if (flags === undefined) return undefined
    this.#close = undefined
    this.closedAt = sequence
    this.all.closed(this)
    return encodeFrame(typeClose, flags, this.id!, sequence)
  }

  /** The other side takes so much in all. */
  grant(window: number): void {
    if (window <= this.#window) return
    this.#window = window
    this.ready()
  }

  /** Nothing more is sent on it: after what waits, or instead of it. */
  close(error?: SnugError): void {
    if (this.closedAt) return
    const first = !this.ended
    if (error) this.fail(error)
    this.ended ??= new SnugError('closed', 'This channel is closed.')
    const unknown = this.id === undefined && !this.items.first && !!this.key
    this.all.forget(this, unknown)
    if (unknown || !(first || error)) return
    this.all.hold()
    this.#close = error ? flagDropped : 0
    this.ready()
  }

  /** Nothing more can be sent. */
  fail(error: SnugError): void {
    this.ended ??= error
    for (const item of this.items.clear()) item.settle(error)
    if (this.#close !== undefined) this.all.leave()
    this.#close = undefined
    this.failed(error)
  }
}

/** Unreliable: each message is one frame, sent once. Only opening and closing are reliable. */
export class LossyOutlet extends Outlet {
  #count = 0
  #lossy: Source = { next: () => this.#next() }

  constructor(all: Outlets, key: string, opening: object) {
    super(all, key, { ...opening, kind: 'unreliable' })
  }

  /** Takes the place of what waits with the same key. */
  protected override put(item: Waiting): void {
    const old = item.key === undefined ? undefined : this.items.replace(item, i => !i.settled && i.key === item.key)
    if (old) old.settle()
    else super.put(item)
  }

  override ready(): void {
    super.ready()
    this.all.outbox.ready(this.#lossy, unreliable)
  }

  override next(sequence: number): Uint8Array<ArrayBuffer> | undefined {
    const frame = this.id === undefined ? super.next(sequence) : this.closing(sequence)
    if (this.closedAt) for (const item of this.items.clear()) item.settle()
    else if (frame) queueMicrotask(() => this.ready())
    return frame
  }

  #next(): Uint8Array<ArrayBuffer> | undefined {
    while (this.items.first?.settled) this.items.shift()
    const item = this.id === undefined ? undefined : this.items.shift()
    if (!item) return undefined
    item.settle()
    const key = bytesOf(item.key ?? '')
    return encodeFrame(typeMessage, (item.text ? flagText : 0) | (item.key ? flagKeyed : 0), this.id!, ++this.#count, item.key ? [key.length, ...key] : [], item.bytes)
  }
}

export function gone(): SnugError {
  return new SnugError('gone', 'The link is gone.')
}

function abortion(signal: AbortSignal, begun = false): SnugError {
  return new SnugError('aborted', `Sending was aborted${begun ? ': the other side forgets the part of it that it has' : ''}.`, { cause: signal.reason })
}
