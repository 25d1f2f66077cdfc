import type { Acknowledgement } from './control.ts'
import { SnugError } from './errors.ts'
import { encodeFrame, maxMessage, typeStop } from './frame.ts'
import type { Kind } from './names.ts'
import { gone, LossyOutlet, Outlet } from './outlet.ts'
import { Outbox, type Source } from './outbox.ts'

// What may wait in send() for one link, in bytes; beyond, it rejects.
const maxWaiting = 64 * 1024 * 1024
const maxID = 0xffff

/** A link's channels to the other side. Each side numbers its own. */
export class Outlets implements Source {
  readonly outbox = new Outbox()
  /** The longest message that the other side takes, once it has said so. */
  longest: number | undefined
  #all = new Set<Outlet>()
  #named = new Map<string, Outlet>() // but no streams
  #ids = new Map<number, Outlet>() // also of those whose close isn't acknowledged
  #newest = 0 // id
  #opened = 0
  #opens = 0 // how many may be, in all
  #stops = new Set<number>() // ids of the other side that it is to close
  #waiting = 0 // bytes in send()
  #count = 0 // of what waits
  #ended: SnugError | undefined
  #drained: (() => void) | undefined

  /** The channel of this name; undefined is the one that is always there. */
  get(kind: Kind, name?: string): Outlet {
    const key = `${kind} ${name ?? ''}`
    let outlet = this.#named.get(key)
    if (!outlet) {
      this.#named.set(key, outlet = this.#add(kind === 'unreliable' ? new LossyOutlet(this, key, { name }) : new Outlet(this, key, { name, kind })))
      if (name === undefined) outlet.id = 0
      if (name === undefined && kind === 'messages') this.#ids.set(0, outlet)
    }
    return outlet
  }

  /** A stream of its own, which opens at once. It may be the way back of one of the other side's. */
  stream(name: string, answers?: number): Outlet {
    const outlet = this.#add(new Outlet(this, '', { name, kind: 'stream', answers }))
    outlet.ready()
    return outlet
  }

  #add(outlet: Outlet): Outlet {
    if (this.#ended) outlet.fail(this.#ended)
    this.#all.add(outlet)
    return outlet
  }

  /** A message of this size waits. Throws when too much does, or the link is ending. */
  enter(size: number): void {
    if (this.#ended) throw this.#ended
    if (this.#waiting + size > maxWaiting) throw new SnugError('too-much', 'Too much is waiting to be sent. Await send() before sending more.')
    this.hold(size)
  }

  /** Something waits, and the end waits for it. */
  hold(size = 0): void {
    this.#waiting += size
    this.#count++
  }

  leave(size = 0): void {
    this.#waiting -= size
    if (!--this.#count) this.#drained?.()
  }

  /** Gives an outlet an id, if the other side takes another channel now, and has none of this name. */
  claim(outlet: Outlet): number | undefined {
    if (this.#opened >= this.#opens || this.#ids.size > maxID) return undefined
    for (const { key, closedAt } of this.#ids.values()) if (key && key === outlet.key && !closedAt) return undefined
    this.#opened++
    do this.#newest = this.#newest % maxID + 1
    while (this.#ids.has(this.#newest))
    this.#ids.set(this.#newest, outlet)
    return this.#newest
  }

  /** An outlet takes nothing more. It may have something to send still. */
  forget(outlet: Outlet, empty: boolean): void {
    if (empty) this.#all.delete(outlet)
    if (this.#named.get(outlet.key) === outlet) this.#named.delete(outlet.key)
  }

  /** An outlet has closed. */
  closed({ key }: Outlet): void {
    this.leave()
    const next = this.#named.get(key)
    if (next) queueMicrotask(() => next.ready())
  }

  /** Closes the channel of this name, after what waits in it. */
  close(kind: Kind, name: string): void {
    this.#named.get(`${kind} ${name}`)?.close()
  }

  /** The other side has said what it takes. Only the first time counts. */
  hello({ message, channels }: { message: number; channels: number }): void {
    if (this.longest !== undefined) return
    this.longest = Math.min(message, maxMessage)
    this.#opens = Math.max(this.#opens, channels)
    for (const outlet of this.#all) outlet.ready()
  }

  /** The other side has so many frames, and takes more. */
  acknowledged({ frames, windows, opens }: Acknowledgement): void {
    this.outbox.acknowledged(frames)
    for (const [id, outlet] of this.#ids) {
      if (!outlet.closedAt || outlet.closedAt > frames) continue
      this.#ids.delete(id)
      this.#all.delete(outlet)
    }
    for (const id in windows) this.#ids.get(Number(id))?.grant(windows[id]!)
    if (opens <= this.#opens) return
    this.#opens = opens
    for (const outlet of this.#all) if (outlet.id === undefined) outlet.ready()
  }

  /** Nobody reads this channel: what waits in it is dropped. The next send opens another. */
  stopped(id: number): void {
    if (id) this.#ids.get(id)?.close(new SnugError('closed', 'The other side has closed this channel.'))
  }

  /** The other side is to close a channel of its own. */
  stop(id: number): void {
    this.#stops.add(id)
    this.outbox.ready(this)
  }

  next(sequence: number): Uint8Array<ArrayBuffer> | undefined {
    const [id] = this.#stops
    if (id === undefined) return undefined
    this.#stops.delete(id)
    return encodeFrame(typeStop, 0, id, sequence)
  }

  /** Nobody may begin to send any more. Resolves when nothing waits that was begun. */
  drain(): Promise<void> {
    this.#ended ??= gone()
    return new Promise(resolve => {
      this.#drained = resolve
      if (!this.#count) resolve()
    })
  }

  /** Nothing more may be sent. */
  end(): void {
    this.#ended ??= gone()
    for (const outlet of this.#all) outlet.fail(this.#ended)
    this.outbox.flush()
  }
}
