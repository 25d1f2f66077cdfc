import { count, malformed, object, parse, string } from './decode.ts'
import { decodeFrame, isKnown, type Frame, flagDropped, flagKeyed, flagMore, flagSized, flagText, maxMessage, maxPayload, refused, textOf, typeClose, typeMessage, typeOpen, typeStop } from './frame.ts'
import { Inlet, type Item } from './inlet.ts'
import { Lossy, lossyItem } from './lossy.ts'
import { isKind, isName } from './names.ts'
import { costOf, firstWindow, frameCost } from './outlet.ts'

// What one link may have here that the application hasn't taken, in bytes: LINK.md, section 5.
/** Channels that are open at once, besides the one that is always there; each has a window. */
export const maxChannels = 64
const maxWindow = 1024 * 1024 // of a channel whose application keeps up
const maxWider = 4 * 1024 * 1024 // beyond the first window, of all channels
const maxReserved = 2 * maxMessage // for long messages
const reserveFrom = firstWindow / 2 // a message that costs more needs a reservation
const windowStep = 64 * 1024 // that a window grows by to be told at once
const ackBytes = 64 * 1024 // of frames, likewise

/** What a frame brought: a channel was opened (if it isn't refused at once), has a message, was closed, or isn't wanted by the other side. */
export type Arrival = { type: 'open' | 'message' | 'close'; inlet: Inlet } | { type: 'stop'; id: number }

export interface InboundHandlers {
  /** The application has taken something. */
  taken(): void
  /** The other side is to close this channel. */
  unwanted(id: number): void
}

/** How soon the other side has to be told something. */
export type Urgency = 'not' | 'soon' | 'now'

/**
 * What this side knows of the frames that the other sends: which channels are open, what may come on them, and how
 * pieces join. Without clock and network: the same traces drive it here and in Go. Throws when the protocol is broken.
 */
export class Inbound {
  /** Of the reliable data channel, taken in. */
  frames = 0
  #repeats = false // what came on the carrier before may come again
  #inlets = new Map<number, Inlet>()
  #opened = 0 // so far
  #freed = 0 // of which nothing is left
  #reserved = 0
  #wider = 0
  #lossy = new Lossy()
  #queue: Inlet[] = [] // those that wait for a reservation
  #unacknowledged = 0 // bytes of frames
  /** How soon the other side has to be told something. */
  urgency: Urgency = 'not'
  #opens = maxChannels // may be opened in all, as the other side knows
  #tellAll = false // what was told may be lost
  #on: InboundHandlers

  constructor(on: InboundHandlers) {
    this.#on = on
    this.#inlets.set(0, new Inlet(this, 0, 'messages'))
  }

  /** There is another carrier than the first. */
  resume(): void {
    this.#repeats = true
    this.resay()
  }

  /** Takes what came on the reliable data channel. */
  take(data: ArrayBuffer): Arrival | undefined {
    const frame = decodeFrame(data)
    const ahead = (frame.sequence - this.frames - 1) | 0
    if (ahead < 0 && this.#repeats) return undefined
    if (ahead !== 0) throw malformed('out of order')
    const arrival = isKnown(frame) ? this.#frame(frame) : undefined
    this.frames++
    this.#unacknowledged += data.byteLength
    this.#want(this.#unacknowledged >= ackBytes)
    return arrival
  }

  #frame(frame: Frame): Arrival | undefined {
    const { type, flags, channel } = frame
    if (type === typeOpen) return this.#open(frame)
    if (type === typeStop) return { type: 'stop', id: channel }
    if (type !== typeClose && type !== typeMessage) return undefined
    const inlet = this.#inlets.get(channel)
    if (!inlet) throw refused()
    return type === typeClose ? this.#close(inlet, flags === flagDropped) : this.#message(inlet, frame)
  }

  #open({ channel, payload }: Frame): Arrival {
    const o = object(parse(textOf(payload)))
    const name = string(o['name'], 'name')
    const kind = string(o['kind'] ?? '', 'kind', true)
    const answers = count(o['answers'] ?? 0, 'answers')
    if (!isName(name) || answers > 0xffff || this.#inlets.has(channel) || this.#opened >= this.#opens) throw refused()
    if (kind !== 'stream') for (const other of this.#inlets.values()) if (isKind(kind) && other.kind === kind && other.name === name) throw refused()
    const inlet = new Inlet(this, channel, kind, name, answers)
    this.#opened++
    this.#inlets.set(channel, inlet)
    if (!isKind(kind)) this.refuse(inlet)
    return { type: 'open', inlet }
  }

  #close(inlet: Inlet, dropped: boolean): Arrival | undefined {
    if (!inlet.id || (inlet.part && !dropped && !inlet.refused)) throw refused()
    inlet.closed = true
    inlet.dropped = dropped
    this.#forget(inlet)
    this.#inlets.delete(inlet.id)
    this.#free(inlet)
    return inlet.refused ? undefined : { type: 'close', inlet }
  }

  /** Nothing more will come. What has come can still be taken. */
  end(): Inlet[] {
    const open = [...this.#inlets.values()]
    for (const inlet of open) inlet.closed = inlet.dropped = true
    return open
  }

  /** Nobody wants what comes on a channel. */
  refuse(inlet: Inlet): void {
    if (inlet.closed || inlet.refused) return
    inlet.refused = true
    this.#forget(inlet)
    this.#on.unwanted(inlet.id)
  }

  /** Gives up the message that is being joined, and its reservation. */
  #forget(inlet: Inlet): void {
    const { part } = inlet
    inlet.part = undefined
    this.#unqueue(inlet)
    if (part) this.#unreserve(inlet, part.reserved)
  }

  #message(inlet: Inlet, { flags, payload }: Frame): Arrival | undefined {
    const dropped = flags === flagDropped
    const cost = dropped ? 0 : payload.length + frameCost
    if (cost && inlet.received + cost > inlet.told) throw refused()
    if (inlet.refused) {
      inlet.received += cost
      return undefined
    }
    if (inlet.kind === 'unreliable' || flags & flagKeyed) throw refused()
    if (dropped) return this.#drop(inlet, payload)
    if (inlet.kind !== 'stream') return this.#piece(inlet, flags, payload, cost)
    if (flags) throw refused()
    inlet.received += cost
    return this.#arrived(inlet, payload.slice(), cost)
  }

  /** Each piece but the last fills its frame: what a message costs is known from its length, and nobody can send it in crumbs. */
  #piece(inlet: Inlet, flags: number, payload: Uint8Array, cost: number): Arrival | undefined {
    const more = !!(flags & flagMore)
    const text = !!(flags & flagText)
    const first = more && !inlet.part
    if (flags & flagDropped || !!(flags & flagSized) !== first || (more && payload.length !== maxPayload)) throw refused()
    let bytes = payload
    if (first) {
      const length = new DataView(payload.buffer, payload.byteOffset).getUint32(0)
      if (length > maxMessage || length <= maxPayload) throw refused()
      inlet.part = { text, start: inlet.received, length, pieces: [], size: 0, reserved: 0 }
      bytes = payload.subarray(4)
      if (costOf(length) > reserveFrom) {
        this.#queue.push(inlet)
        this.#reserve()
      }
    }
    inlet.received += cost
    const { part } = inlet
    if (!part) return this.#arrived(inlet, text ? textOf(bytes) : bytes.slice(), cost)
    part.size += bytes.length
    if (text !== part.text || part.size > part.length || more === (part.size === part.length)) throw refused()
    part.pieces.push(bytes)
    if (!more) return this.#joined(inlet)
    this.#note(inlet)
    return undefined
  }

  #joined(inlet: Inlet): Arrival {
    const { text, length, pieces, reserved } = inlet.part!
    const bytes = new Uint8Array(length)
    let at = 0
    for (const piece of pieces) {
      bytes.set(piece, at)
      at += piece.length
    }
    inlet.part = undefined
    this.#unqueue(inlet)
    return this.#arrived(inlet, text ? textOf(bytes) : bytes, costOf(length), reserved)
  }

  /** The other side has given a message up. It counts as if all of it had come, so nothing of what was granted for it lingers. */
  #drop(inlet: Inlet, { length }: Uint8Array): undefined {
    const { part } = inlet
    if (!part || length) throw refused()
    const cost = costOf(part.length)
    inlet.received = part.start + cost
    inlet.released += cost
    this.#forget(inlet)
    this.#note(inlet)
  }

  #arrived(inlet: Inlet, data: string | Uint8Array, cost: number, reserved = 0): Arrival {
    inlet.waiting.push({ data, cost, reserved, unreliable: false })
    this.#note(inlet)
    return { type: 'message', inlet }
  }

  /** The application has taken it. */
  taken(inlet: Inlet, { cost, reserved, unreliable }: Item): void {
    if (unreliable) this.#lossy.used -= cost
    else {
      inlet.released += cost
      this.#unreserve(inlet, reserved)
      this.#widen(inlet)
      this.#note(inlet)
    }
    this.#free(inlet)
    this.#on.taken()
  }

  /** Doubles the window of a channel whose application keeps up while the other side is short of room. */
  #widen(inlet: Inlet): void {
    const { window } = inlet
    if (!inlet.pressed || inlet.waiting.length || inlet.closed || inlet.refused) return
    inlet.pressed = false
    if (2 * window > maxWindow || this.#wider + window > maxWider) return
    inlet.window += window
    this.#wider += window
  }

  /** Counts a channel of which nothing is left: another may be opened. */
  #free(inlet: Inlet): void {
    if (!inlet.closed || inlet.waiting.length) return
    this.#wider -= inlet.window - firstWindow
    this.#freed++
    this.#want(this.#opened === this.#opens) // the other side may wait for it
  }

  /** Gives what is free to those who wait for it, in turn. A channel has one reservation at a time, and keeps nobody waiting while it waits for its own application. */
  #reserve(): void {
    for (const inlet of [...this.#queue]) {
      const part = inlet.part!
      if (inlet.holds) continue
      if (this.#reserved + part.length > maxReserved) return
      this.#reserved += part.reserved = part.length
      inlet.holds = costOf(part.length)
      this.#queue.splice(this.#queue.indexOf(inlet), 1)
      this.#note(inlet)
    }
  }

  #unqueue(inlet: Inlet): void {
    this.#queue = this.#queue.filter(other => other !== inlet)
    this.#reserve() // it may have kept others waiting
  }

  #unreserve(inlet: Inlet, bytes: number): void {
    if (!bytes) return
    this.#reserved -= bytes
    inlet.holds = 0
    this.#reserve()
  }

  /** Takes what came on the unreliable data channel. What can't be placed is dropped: it may be early, or late. */
  takeUnreliable(data: ArrayBuffer): Arrival | undefined {
    const frame = decodeFrame(data)
    if (frame.type !== typeMessage || !isKnown(frame)) return undefined
    const item = lossyItem(frame)
    const inlet = this.#inlets.get(frame.channel)
    if (!inlet || inlet.refused || (inlet.id && inlet.kind !== 'unreliable')) return undefined
    return this.#lossy.put(inlet, item, frame.sequence) ? { type: 'message', inlet } : undefined
  }

  /** How much of what all channels share is in use, in bytes. */
  get used(): { reserved: number; wider: number; unreliable: number } {
    return { reserved: this.#reserved, wider: this.#wider, unreliable: this.#lossy.used }
  }

  #want(now: boolean): void {
    if (this.urgency !== 'now') this.urgency = now ? 'now' : 'soon'
  }

  /** What the other side has left of a window has changed, or the window. */
  #note(inlet: Inlet): void {
    const { limit, told, received, window, closed, refused } = inlet
    const left = told - received // negative when a message was dropped of which not all had been allowed
    if (left < window / 2) inlet.pressed = true
    if (limit > told && !closed && !refused) this.#want(left <= window / 2 && limit - told >= windowStep)
  }

  /** What the other side has to be told. It counts as told: if it couldn't be said, resay() is called. */
  acknowledge(): { type: 'ack'; frames: number; windows: Record<string, number> | undefined; opens: number | undefined } {
    let windows: Record<string, number> | undefined
    for (const inlet of this.#inlets.values()) {
      const { id, limit, told, refused, kind } = inlet
      if (!refused && kind !== 'unreliable' && (limit !== told || (this.#tellAll && limit !== firstWindow))) (windows ??= {})[id] = inlet.told = limit
    }
    const opens = maxChannels + this.#freed
    const more = opens !== this.#opens || (this.#tellAll && this.#freed > 0)
    this.#opens = opens
    this.#unacknowledged = 0
    this.#tellAll = false
    this.urgency = 'not'
    return { type: 'ack', frames: this.frames, windows, opens: more ? opens : undefined }
  }

  /** All of it has to be told: what was told may be lost. */
  resay(): void {
    this.#tellAll = true
    this.#want(false)
  }
}
