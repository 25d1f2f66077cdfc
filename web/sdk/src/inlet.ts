import type { Inbound } from './inbound.ts'
import { firstWindow } from './outlet.ts'

/** A message that waits for the application, or a piece of a stream. reserved: bytes of the link's reserve that it has. */
export interface Item { data: string | Uint8Array; key?: string | undefined; cost: number; reserved: number; unreliable: boolean }

/** A message of which pieces have come. */
interface Part { text: boolean; start: number; length: number; pieces: Uint8Array[]; size: number; reserved: number }

/** A channel that the other side has opened: what may come on it, and what has come and waits. Numbers are costs in bytes, from the beginning on. */
export class Inlet {
  readonly id: number
  /** Undefined for the one that is always there. */
  readonly name: string | undefined
  readonly kind: string
  /** Of a stream: this side's, of which it is the way back. */
  readonly answers: number
  received = 0
  released = 0 // of what the application has taken
  window = firstWindow
  holds = 0 // the cost of the long message that room is reserved for
  told = firstWindow // what may come, as the other side knows
  pressed = false // the other side was short of room
  /** Nothing more will come; what has come waits still. */
  closed = false
  /** The end was lost. */
  dropped = false
  /** Nobody wants it. */
  refused = false
  part: Part | undefined
  readonly waiting: Item[] = []
  /** Of an unreliable one, the newest message of each key, the one that was updated longest ago first. */
  readonly keys = new Map<string, { sequence: number; item: Item }>()
  #all: Inbound

  constructor(all: Inbound, id: number, kind: string, name?: string, answers = 0) {
    this.#all = all
    this.id = id
    this.kind = kind
    this.name = name
    this.answers = answers
  }

  /** What waits, one after the other. */
  take(): Item | undefined {
    const item = this.waiting.shift()
    if (item) this.#all.taken(this, item)
    return item
  }

  /** What came and waits is dropped, and so is what may come still; the other side is told so. */
  stop(): void {
    this.#all.refuse(this)
    while (this.take());
  }

  /** What may come in all. */
  get limit(): number {
    return Math.max(this.told, this.released + this.window + this.holds)
  }
}
