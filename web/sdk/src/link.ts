import { Carrier, control, reliable, unreliable } from './carrier.ts'
import { decodeControl } from './control.ts'
import { malformed } from './decode.ts'
import { bytesOf, decodeFrame, maxMessage } from './frame.ts'
import { Legs } from './legs.ts'
import { byeWait, Machine } from './machine.ts'
import type { Cause, LinkState } from './member.ts'
import { Outbox, type SendOptions } from './outbox.ts'
import type { Leg, Path } from './path.ts'
import type { Outcome, Report } from './report.ts'
import type { Signal } from './signals.ts'
import type { Action, LinkEvent, Via } from './step.ts'

const describeWait = 10_000 // ms, for the browser to make or take a description
const maxEvents = 256 // that wait for it; signals beyond are dropped, and repeated if they matter
// What came is acknowledged when it is so much, or so old.
const ackBytes = 64 * 1024
const ackDelay = 200 // ms

export interface LinkHandlers {
  /** What carriers are made and restarted with. */
  configuration(): RTCConfiguration
  /** Sends a signal to the other member through the hub. */
  signal(signal: Signal): void
  /** Makes sure that the hub is there. */
  probe(): void
  /** How the attempt to open the link came out, once. */
  report(report: Report): void
  /** The link has ended, and the other member has begun another with this signal. */
  anew(signal: Signal): void
  /** The state, the cause or the path has. */
  changed(): void
  message(data: string | Uint8Array, unreliable: boolean): void
}

/** The relation to one other member: LINK.md. It outlives the carriers that it rides on. */
export class Link {
  state: LinkState = 'connecting'
  cause: Cause | undefined
  path: Path | undefined
  #on: LinkHandlers

  // One thing is done after the other, so that awaiting can't reorder descriptions and candidates.
  #machine: Machine
  #began = performance.now()
  #events: Array<{ event: LinkEvent; from: Carrier | undefined }> = []
  #running = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #carrier: Carrier | undefined // the newest
  #legs = new Legs(path => this.#say({ type: 'path', path }), (path, known) => this.#pathIs(path, known))
  #outbox = new Outbox()
  #opened = 0 // ms from the beginning; 0: it never was open
  #reported = false
  #gone!: () => void
  #ended = new Promise<void>(resolve => { this.#gone = resolve })

  // What comes.
  #received = 0 // reliable messages, handed to the application
  #unacknowledged = 0 // bytes of them
  #ack: ReturnType<typeof setTimeout> | undefined
  #byeMessages = Infinity // how many there will have been

  constructor(offerer: boolean, on: LinkHandlers) {
    this.#on = on
    this.#machine = new Machine(offerer)
    this.post({ type: 'begin', turn: hasTURN(on.configuration()) })
  }

  /** Takes a signal from the other member. */
  take(signal: Signal): void {
    if (this.#events.length < maxEvents) this.post({ type: 'signaled', signal })
  }

  /** There are other ICE servers. */
  serversChanged(): void {
    this.post({ type: 'servers', turn: hasTURN(this.#on.configuration()) })
  }

  /** Has something happen, in turn, unless it concerns a carrier that has been given up meanwhile. */
  post(event: LinkEvent, from?: Carrier): void {
    this.#events.push({ event, from })
    if (!this.#running) void this.#run()
  }

  async #run(): Promise<void> {
    this.#running = true
    let actions: Action[] = []
    for (;;) {
      const action = actions.shift()
      if (action) {
        if (action.do === 'offer' || action.do === 'answer' || action.do === 'accept') actions.unshift(...this.#step(await this.#describe(action)))
        else this.#do(action)
        continue
      }
      const next = this.#events.shift()
      if (!next) break
      if (!next.from || next.from === this.#carrier) actions = this.#step(next.event)
    }
    this.#running = false
    this.#wind()
  }

  #step(event: LinkEvent): Action[] {
    return this.#machine.step(performance.now() - this.#began, event)
  }

  /** Sets the timer for what is due next. */
  #wind(): void {
    clearTimeout(this.#timer)
    const { due } = this.#machine
    if (due) this.#timer = setTimeout(() => this.post({ type: 'tick' }), Math.ceil(due + this.#began - performance.now()))
  }

  #do(action: Exclude<Action, { do: 'offer' | 'answer' | 'accept' }>): void {
    switch (action.do) {
      case 'carrier': return this.#makeCarrier(action.number)
      case 'candidates': return this.#carrier?.add(action.candidates)
      case 'send': return this.#signal(action.signal, action.via)
      case 'probe': return this.#on.probe()
      case 'state':
        this.state = action.state
        return this.#on.changed()
      case 'end': return this.#end(action.cause)
      case 'replace': return this.#on.anew(action.signal)
      case 'close': return this.#drop()
    }
  }

  /** Has the carrier make or take a description, and returns what came of it. */
  async #describe(action: Action & { do: 'offer' | 'answer' | 'accept' }): Promise<LinkEvent> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new Error('it took too long')), describeWait) })
    try {
      const c = this.#carrier
      if (!c) throw new Error('there is no RTCPeerConnection')
      if (action.do === 'accept') {
        await Promise.race([c.accept(action.sdp), late])
        return { type: 'accepted' }
      }
      c.use(this.#on.configuration())
      return { type: 'described', sdp: await Promise.race([action.do === 'offer' ? c.offer(!!action.restart) : c.answer(action.sdp), late]) }
    } catch (error) {
      console.warn('snug: a description could not be made or taken:', error)
      return { type: 'undescribed' }
    } finally {
      clearTimeout(timer)
    }
  }

  /** Closes the carrier that is there, and makes the next. */
  #makeCarrier(number: number): void {
    this.#drop()
    try {
      const c: Carrier = this.#carrier = new Carrier(number, this.#on.configuration(), {
        candidate: candidate => this.post({ type: 'gathered', candidate }, c),
        opened: () => this.#open(c),
        state: (type, dtls) => {
          this.post({ type, dtls }, c)
          if (type === 'connected') this.#legs.follow(c)
        },
        frame: (id, data) => this.#receive(c, id, data),
        room: () => this.#outbox.flush(),
      })
      this.#outbox.use(c)
    } catch (error) {
      console.warn('snug: no RTCPeerConnection could be made:', error)
    }
  }

  #drop(): void {
    this.#legs.stop()
    clearTimeout(this.#ack)
    this.#ack = undefined
    this.#carrier?.close()
    this.#carrier = undefined
    this.#outbox.use(undefined)
  }

  #open(c: Carrier): void {
    this.#opened ||= performance.now() - this.#began || 1
    if (c.number > 1) this.#acknowledge() // what is missing is sent again
    this.post({ type: 'opened' }, c)
    this.#outbox.open()
    this.#legs.follow(c)
  }

  #pathIs(path: Path, known: boolean): void {
    this.post({ type: 'path', path })
    if (known && this.#opened) this.#report('opened', path)
    if (path === this.path) return
    this.path = path
    this.#on.changed()
  }

  /** Tells the hub when the path is known, or at the end. */
  #report(outcome: Outcome, path = this.path): void {
    if (!this.#reported) this.#on.report({ outcome, ...(path ? { path } : {}), time: this.#opened })
    this.#reported = true
  }

  /** How this side reaches the other, now. */
  async statistics(): Promise<Leg | undefined> {
    return this.#carrier?.leg().catch(() => undefined) // it has just ended
  }

  #signal(signal: Signal, via: Via): void {
    if (via !== 'hub' && bytesOf(JSON.stringify(signal)).length <= maxMessage) {
      this.#say(signal)
      if (via === 'link') return
    }
    this.#on.signal(signal)
  }

  /** Sends a control message, if that can be done at once, and tells whether it was. */
  #say(message: object): boolean {
    return this.#carrier?.say(JSON.stringify(message)) ?? false
  }

  /**
   * Waits while connecting or full, and resolves when the message is kept here for the other side: nothing but the
   * end of the link keeps it from arriving, once and in order, unless it is unreliable. Rejects with a SnugError when the link ends.
   */
  send(data: string | Uint8Array, options: SendOptions = {}): Promise<void> {
    return this.#outbox.send(data, options)
  }

  /** Says bye, and waits until everything that was sent has arrived, for two seconds at most; or ends the link at once. */
  async close(atOnce = false): Promise<void> {
    const ended = Promise.race([this.#ended, new Promise(resolve => setTimeout(resolve, byeWait))])
    this.#outbox.close()
    this.post({ type: 'close' })
    if (atOnce) this.post({ type: 'close' })
    await Promise.race([ended, this.#outbox.drained])
    void this.#sayBye()
    await ended
  }

  async #sayBye(): Promise<void> {
    while (!this.#say({ type: 'bye', messages: this.#outbox.sent }) && !await this.#outbox.look());
  }

  #end(cause: Cause): void {
    this.state = 'gone'
    this.cause = cause
    this.#outbox.stop()
    this.#gone()
    this.#report(this.#opened ? 'opened' : cause as Outcome)
    this.#on.changed()
  }

  #receive(c: Carrier, id: number, data: unknown): void {
    if (this.state === 'gone') return
    try {
      if (!(data instanceof ArrayBuffer)) throw malformed('a string')
      const frame = decodeFrame(data)
      if (!frame || frame.channel !== 0 || (frame.type === 'control') !== (id === control)) return
      if (id === control) {
        if (frame.sequence !== ++c.received >>> 0) throw malformed('out of order')
        if (frame.payload !== undefined) this.#control(frame.payload)
      } else if (id === unreliable || this.#isNext(frame.sequence, c)) {
        if (frame.payload !== undefined) this.#on.message(frame.payload, id === unreliable)
        if (id === reliable) this.#took(data.byteLength)
      }
    } catch {
      this.post({ type: 'broken' }, c)
    }
  }

  /** Messages are numbered as long as the link lives. What came on a carrier before may come again. */
  #isNext(sequence: number, c: Carrier): boolean {
    const ahead = (sequence - this.#received - 1) | 0
    if (ahead === 0) return true
    if (ahead < 0 && c.number > 1) return false
    throw malformed('out of order')
  }

  #took(bytes: number): void {
    this.#received++
    this.#unacknowledged += bytes
    if (this.#unacknowledged >= ackBytes) this.#acknowledge()
    else this.#ack ??= setTimeout(() => this.#acknowledge(), ackDelay)
    this.#checkBye()
  }

  /** Tells the other side how many messages are here. */
  #acknowledge(): void {
    clearTimeout(this.#ack)
    this.#unacknowledged = 0
    const said = this.#say({ type: 'ack', messages: this.#received })
    this.#ack = said || !this.#carrier ? undefined : setTimeout(() => this.#acknowledge(), ackDelay)
  }

  #control(payload: string | Uint8Array): void {
    const message = decodeControl(payload)
    switch (message?.type) {
      case undefined: return // of a later version
      case 'ack': return this.#outbox.acknowledged(message.messages)
      case 'path': return this.#legs.heard(message.path)
      case 'bye-ack': return this.post({ type: 'bye-ack' })
      case 'bye':
        this.#byeMessages = message.messages
        this.#outbox.stop()
        this.post({ type: 'bye' })
        return this.#checkBye()
      default: this.take(message!)
    }
  }

  /** Answers a bye once everything before it is here. The other side closes then; until it has, the answer may be on its way. */
  #checkBye(): void {
    if (this.#received < this.#byeMessages) return
    this.#byeMessages = Infinity
    this.#say({ type: 'bye-ack' })
    this.post({ type: 'drained' })
  }
}

function hasTURN({ iceServers = [] }: RTCConfiguration): boolean {
  return iceServers.flatMap(({ urls }) => urls).some(url => /^turns?:/.test(url))
}
