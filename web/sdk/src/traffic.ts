import { type Carrier, control, reliable } from './carrier.ts'
import { decodeControl } from './control.ts'
import { malformed } from './decode.ts'
import { decodeFrame, flagText, maxMessage, textOf, typeControl } from './frame.ts'
import { type Arrival, Inbound, maxChannels } from './inbound.ts'
import type { Inlet } from './inlet.ts'
import { Outlets } from './outlets.ts'
import type { Path } from './path.ts'
import type { Signal } from './signals.ts'

// What came is acknowledged when it is so much that inbound.ts says so, or so old.
const ackDelay = 200 // ms

export interface TrafficHandlers {
  /** A channel of the other side's was opened, has something to take, or was closed. */
  arrived(inlet: Inlet): void
  /** The other side closes; all that it had sent before is here, and it was told so; it has all that was sent from here. */
  post(event: { type: 'bye' | 'drained' | 'bye-ack' }): void
  /** The other side has said a signal, or its leg of the path. */
  take(signal: Signal): void
  heard(leg: Path): void
  /** The other side has said something about comparing emoji. */
  verify(message: unknown): void
}

/** What a link carries, on whatever carrier there is: frames in and out, their acknowledgement, and the last of them. */
export class Traffic {
  readonly outlets = new Outlets()
  #on: TrafficHandlers
  #carrier: Carrier | undefined
  #inbound = new Inbound({ taken: () => this.#owe(), unwanted: id => this.outlets.stop(id) })
  #ack: ReturnType<typeof setTimeout> | undefined
  #last = Infinity // how many frames there will have been
  #over = false
  #silent = false // until the hello is said

  constructor(on: TrafficHandlers) {
    this.#on = on
  }

  /** There is another carrier, or none for now. */
  use(carrier: Carrier | undefined): void {
    this.#settled()
    this.#silent = true
    this.#carrier = carrier
    this.outlets.outbox.use(carrier)
  }

  /** It is open: hello comes first. On a later one, what is missing is sent again once the other side has said what is there. */
  hello(identity?: object): void {
    this.#silent = false
    this.say({ type: 'hello', message: maxMessage, channels: maxChannels, ...(identity && { identity }) })
    if (this.#carrier!.number === 1) return
    this.#inbound.resume()
    this.#acknowledge()
  }

  /** Messages may be sent. */
  open(): void {
    this.outlets.outbox.open()
  }

  /** There is room for more. */
  flush(): void {
    this.outlets.outbox.flush()
  }

  /** Sends a control message, if that can be done at once, and tells whether it was. */
  say(message: object): boolean {
    return !this.#silent && (this.#carrier?.say(JSON.stringify(message)) ?? false)
  }

  /** Nothing more is sent, and nothing taken. What was taken can still be read. */
  end(): void {
    this.#over = true
    this.#settled()
    this.outlets.end()
    for (const inlet of this.#inbound.end()) if (!inlet.refused) this.#on.arrived(inlet)
  }

  /** Says bye, when there is a carrier for it. */
  async sayBye(): Promise<void> {
    while (!this.#over && !this.say({ type: 'bye', frames: this.outlets.outbox.sent })) await this.outlets.outbox.look()
  }

  /** Takes what has come on a data channel. Throws if it breaks the protocol. */
  receive(c: Carrier, id: number, data: unknown): void {
    if (this.#over) return
    if (!(data instanceof ArrayBuffer)) throw malformed('a string')
    if (id === control) this.#controlled(c, data)
    else this.#arrived(id === reliable ? this.#inbound.take(data) : this.#inbound.takeUnreliable(data))
    if (id === reliable) this.#checkBye()
  }

  #arrived(arrival: Arrival | undefined): void {
    if (arrival?.type === 'stop') this.outlets.stopped(arrival.id)
    else if (arrival && !arrival.inlet.refused) this.#on.arrived(arrival.inlet)
    this.#owe()
  }

  #controlled(c: Carrier, data: ArrayBuffer): void {
    const { type, flags, channel, sequence, payload } = decodeFrame(data)
    if (type !== typeControl || channel) return
    if (sequence !== ++c.received >>> 0) throw malformed('out of order')
    const message = flags > flagText ? undefined : decodeControl(textOf(payload))
    switch (message?.type) {
      case undefined: return // of a later version
      case 'hello': return this.outlets.hello(message)
      case 'ack': return this.outlets.acknowledged(message)
      case 'bye':
        this.#last = message.frames
        this.outlets.end()
        this.#on.post({ type: 'bye' })
        return this.#checkBye()
      case 'bye-ack': return this.#on.post(message)
      case 'verify':
      case 'verify-cancel': return this.#on.verify(message.message)
      case 'path': return this.#on.heard(message.path)
      default: this.#on.take(message!)
    }
  }

  /** Has what is to be told be told in time. */
  #owe(): void {
    const { urgency } = this.#inbound
    if (this.#over || urgency === 'not') return
    if (urgency === 'now') this.#acknowledge()
    else this.#ack ??= setTimeout(() => this.#acknowledge(), ackDelay)
  }

  /** Tells the other side what is here, and what may come. */
  #acknowledge(): void {
    this.#settled()
    if (this.say(this.#inbound.acknowledge())) return
    this.#inbound.resay()
    if (this.#carrier) this.#ack = setTimeout(() => this.#acknowledge(), ackDelay)
  }

  #settled(): void {
    clearTimeout(this.#ack)
    this.#ack = undefined
  }

  /** Answers a bye once everything before it is here. The other side closes then; until it has, the answer may be on its way. */
  #checkBye(): void {
    if (this.#inbound.frames < this.#last) return
    this.#last = Infinity
    this.say({ type: 'bye-ack' })
    this.#on.post({ type: 'drained' })
  }
}
