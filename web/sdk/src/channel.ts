import type { Channels } from './channels.ts'
import { SnugError } from './errors.ts'
import { type Listen, RoomMessageEvent } from './events.ts'
import type { Inlet } from './inlet.ts'
import type { Member } from './member.ts'
import type { SendOptions } from './outlet.ts'

export interface ChannelOptions {
  /** Messages are sent once, in no order, and may get lost; each has to fit into a frame. What comes is taken either way. */
  unreliable?: boolean
}

export interface Channel {
  removeEventListener: Listen<{ message: RoomMessageEvent }>
}

/**
 * A room's channel of one name. What comes waits until somebody listens to `message` (RoomMessageEvent) or iterates over
 * messages(); each sender may have so much wait as its window allows. Its messages are in order, and keep no other channel waiting.
 */
export class Channel extends EventTarget {
  readonly name: string
  readonly unreliable: boolean
  #all: Channels
  #inlets = new Map<Inlet, () => Member>()
  #ready = new Set<Inlet>() // those with something to take, in the order of their turns
  #listening = false
  #iterators = 0
  #waiting: Array<() => void> = [] // iterators
  #closed = false

  /** For Room.channel(). */
  constructor(all: Channels, name: string, unreliable: boolean) {
    super()
    this.#all = all
    this.name = name
    this.unreliable = unreliable
  }

  /** Sends to one member, like Room.send(). */
  async send(to: string, data: string | Uint8Array, options?: Omit<SendOptions, 'unreliable'>): Promise<void> {
    this.#check()
    await this.#all.send(to, data, { ...options, unreliable: this.unreliable }, this.name)
  }

  /** Sends to everybody who is in the room now, like Room.broadcast(). */
  async broadcast(data: string | Uint8Array, options?: Omit<SendOptions, 'unreliable'>): Promise<void> {
    this.#check()
    await this.#all.broadcast(data, { ...options, unreliable: this.unreliable }, this.name)
  }

  #check(): void {
    if (this.#closed) throw new SnugError('closed', 'This channel is closed.')
  }

  /**
   * What comes, one after the other, each sender in turn, until the channel is closed. While there is an iterator, what it hasn't
   * taken waits: whoever sends too much waits with it. Each message goes to one iterator, and to all listeners when it is taken.
   */
  messages(): AsyncIterableIterator<RoomMessageEvent, undefined> {
    let over = false
    this.#iterators++
    const end = { done: true, value: undefined } as const
    const iterator: AsyncIterableIterator<RoomMessageEvent, undefined> = {
      [Symbol.asyncIterator]: () => iterator,
      next: async () => {
        while (!over && !this.#closed) {
          const value = this.#next()
          if (value) return { done: false, value }
          await new Promise<void>(resolve => this.#waiting.push(resolve))
        }
        return end
      },
      return: async () => {
        if (!over) this.#iterators--
        over = true
        this.#serve()
        return end
      },
    }
    return iterator
  }

  override addEventListener(type: 'message', listener: (event: RoomMessageEvent) => void, options?: boolean | AddEventListenerOptions): void
  override addEventListener(type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void
  override addEventListener(type: string, listener: unknown, options?: boolean | AddEventListenerOptions): void {
    super.addEventListener(type, listener as EventListener, options)
    this.#listening = true
    queueMicrotask(() => this.#serve())
  }

  /** Nothing more is sent or taken: what waits here is dropped, and the others are told that nobody reads. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#all.close(this)
    for (const inlet of this.#inlets.keys()) inlet.stop()
    this.#inlets.clear()
    this.#serve()
  }

  /** For the room: something has come. */
  arrived(inlet: Inlet, from: () => Member): void {
    this.#inlets.set(inlet, from)
    if (inlet.waiting.length) this.#ready.add(inlet)
    else if (inlet.closed) this.#inlets.delete(inlet)
    this.#serve()
  }

  #serve(): void {
    if (this.#listening && !this.#iterators) while (this.#next());
    for (const look of this.#waiting.splice(0)) look()
  }

  /** Takes the next message, and tells listeners of it. */
  #next(): RoomMessageEvent | undefined {
    const [inlet] = this.#ready
    if (!inlet) return undefined
    this.#ready.delete(inlet)
    const { data, unreliable, key } = inlet.take()!
    const event = new RoomMessageEvent(data, this.#inlets.get(inlet)!(), unreliable, key)
    if (inlet.waiting.length) this.#ready.add(inlet)
    else if (inlet.closed) this.#inlets.delete(inlet)
    this.dispatchEvent(event)
    return event
  }
}
