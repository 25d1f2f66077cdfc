import { bytesOf } from './frame.ts'
import type { Hello, ToHub, Welcome } from './protocol.ts'

// The hub waits two seconds for an ack; the client is faster.
const ackWait = 1_000 // ms, after the first counted message that isn't acknowledged
const ackCount = 32
const ackSize = 32 * 1024 // bytes
const stuckWait = 5_000 // ms without an ack from the hub

export interface SessionHandlers {
  write(text: string): void
  /** The hub has acknowledged nothing for five seconds. */
  stuck(): void
  /** Signals weren't taken, for want of room, and there is room again. */
  room(): void
}

/**
 * What is counted in a session, in both directions: PROTOCOL.md, section 5. It
 * outlives its connections. Signals are kept in one list, bounded in bytes, until
 * the hub has acknowledged them; `written` marks how many of it this connection has had.
 */
export class Session {
  #on: SessionHandlers
  #name: string | undefined
  #connected = false

  #kept: Array<{ text: string; size: number }> = []
  #size = 0 // bytes of kept
  #bound = 0
  #written = 0
  #taken = 0 // signals that the hub has acknowledged
  #refused = false
  #stuck: ReturnType<typeof setTimeout> | undefined

  #received = 0
  #owed = { count: 0, size: 0 } // of received, not acknowledged yet
  #ack: ReturnType<typeof setTimeout> | undefined

  constructor(on: SessionHandlers) {
    this.#on = on
  }

  /** What a hello says to resume. */
  get resumption(): Pick<Hello, 'session' | 'received'> {
    return this.#name === undefined ? {} : { session: this.#name, received: this.#received }
  }

  /** Says a signal, now or as soon as there is a connection. */
  say(signal: ToHub): void {
    const text = JSON.stringify(signal)
    const size = bytesOf(text).length
    if (this.#size > 0 && this.#size + size > this.#bound) {
      this.#refused = true
      return
    }
    this.#kept.push({ text, size })
    this.#size += size
    if (this.#connected) this.#write()
  }

  /** A counted message of this size has come. */
  count(size: number): void {
    this.#received++
    this.#owed.count++
    this.#owed.size += size
    if (this.#owed.count >= ackCount || this.#owed.size >= ackSize) this.#acknowledge()
    else this.#ack ??= setTimeout(() => this.#acknowledge(), ackWait)
  }

  /** The hub has taken this many signals. */
  acknowledged(received: number): void {
    const count = received - this.#taken
    if (count <= 0 || count > this.#written) return
    for (const { size } of this.#kept.splice(0, count)) this.#size -= size
    this.#taken = received
    this.#written -= count
    clearTimeout(this.#stuck)
    this.#stuck = undefined
    this.#watch()
    if (!this.#refused || this.#size > this.#bound / 2) return
    this.#refused = false
    this.#on.room()
  }

  /** A connection begins. Returns whether nothing was lost. */
  welcomed({ session, recovered, received, limits }: Welcome): boolean {
    this.#bound = limits.replay
    const goesOn = recovered && session === this.#name
    if (goesOn) {
      this.#written = this.#kept.length
      this.acknowledged(received)
    } else {
      this.#name = session
      this.#kept = []
      this.#size = this.#taken = this.#received = 0
      this.#refused = false
    }
    this.#written = 0
    this.#connected = true
    this.#write()
    return goesOn
  }

  /** The connection has ended. What is said from now on waits for the next one. */
  lost(): void {
    this.#connected = false
    this.#written = 0
    this.#settled()
    clearTimeout(this.#stuck)
    this.#stuck = undefined
  }

  #write(): void {
    while (this.#written < this.#kept.length) this.#on.write(this.#kept[this.#written++]!.text)
    this.#watch()
  }

  #watch(): void {
    if (this.#written === 0) return
    this.#stuck ??= setTimeout(() => {
      this.#stuck = undefined
      this.#on.stuck()
      this.#watch()
    }, stuckWait)
  }

  #acknowledge(): void {
    this.#settled()
    this.#on.write(JSON.stringify({ type: 'ack', received: this.#received }))
  }

  #settled(): void {
    clearTimeout(this.#ack)
    this.#ack = undefined
    this.#owed = { count: 0, size: 0 }
  }
}
