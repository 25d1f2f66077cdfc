import { Carrier } from './carrier.ts'
import { bytesOf, maxPayload } from './frame.ts'
import type { Inlet } from './inlet.ts'
import { Legs } from './legs.ts'
import { byeWait, Machine } from './machine.ts'
import type { Cause, LinkState } from './member.ts'
import type { Outlets } from './outlets.ts'
import type { Leg, Path } from './path.ts'
import type { Outcome, Report } from './report.ts'
import type { Signal } from './signals.ts'
import type { Gate, Prover } from './standing.ts'
import type { Action, LinkEvent, Via } from './step.ts'
import { Traffic } from './traffic.ts'

const describeWait = 10_000 // ms, for the browser to make or take a description
const maxEvents = 256 // that wait for it; signals beyond are dropped, and repeated if they matter

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
  /** A channel of the other side's was opened, has something to take, or was closed. */
  arrived(inlet: Inlet): void
  /** In a sealed room: what proves to each side who the other is. */
  prover?(say: (message: object) => void): Prover
}

/** The relation to one other member: LINK.md. It outlives the carriers that it rides on. */
export class Link {
  state: LinkState = 'connecting'
  cause: Cause | undefined
  path: Path | undefined
  readonly prover: Prover | undefined
  #on: LinkHandlers

  // One thing is done after the other, so that awaiting can't reorder descriptions and candidates.
  #machine: Machine
  #began = performance.now()
  #events: Array<{ event: LinkEvent; from: Carrier | undefined }> = []
  #running = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #carrier: Carrier | undefined // the newest
  #legs = new Legs(path => this.#traffic.say({ type: 'path', path }), (path, known) => this.#pathIs(path, known))
  #traffic: Traffic
  #hello = false // was said
  #opened = 0 // ms from the beginning; 0: it never was open
  #reported = false
  #gone!: () => void
  #ended = new Promise<void>(resolve => { this.#gone = resolve })

  constructor(offerer: boolean, on: LinkHandlers) {
    this.#on = on
    this.#traffic = new Traffic({
      arrived: inlet => on.arrived(inlet),
      post: event => this.post(event),
      take: signal => this.take(signal),
      heard: leg => this.#legs.heard(leg),
      verify: message => this.prover?.heard(message),
    })
    this.prover = on.prover?.(message => this.#traffic.say(message))
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
        else if (this.prover && action.do === 'send') this.#signal(await this.prover.sign(action.signal), action.via)
        else this.#do(action)
        continue
      }
      const next = this.#events.shift()
      if (!next) break
      if (this.prover && next.event.type === 'signaled' && next.event.signal && !await this.prover.check(next.event.signal)) continue
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
        this.prover?.described('accept', action.sdp)
        return { type: 'accepted' }
      }
      c.use(this.#on.configuration())
      const sdp = await Promise.race([action.do === 'offer' ? c.offer(!!action.restart) : c.answer(action.sdp), late])
      this.prover?.described(action.do, action.do === 'answer' ? action.sdp : '', sdp)
      return { type: 'described', sdp }
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
    this.prover?.moved(number)
    const frame = (id: number, data: unknown) => this.#receive(c, id, data)
    const gate = this.prover?.gate(frame)
    let c: Carrier
    try {
      c = this.#carrier = new Carrier(number, this.#on.configuration(), {
        candidate: candidate => this.post({ type: 'gathered', candidate }, c),
        opened: () => void (gate ? this.#prove(c, gate) : this.#open(c)),
        state: (type, dtls) => {
          this.post({ type, dtls }, c)
          if (type === 'connected') this.#legs.follow(c)
        },
        frame: gate ? (id, data) => gate.take(id, data) : frame,
        room: () => this.#traffic.flush(),
      })
      this.#traffic.use(c)
    } catch (error) {
      console.warn('snug: no RTCPeerConnection could be made:', error)
    }
  }

  #drop(): void {
    this.#legs.stop()
    this.#carrier?.close()
    this.#carrier = undefined
    this.#traffic.use(undefined)
  }

  /** Each side shows who it is before anything else is said or heard. */
  async #prove(c: Carrier, gate: Gate): Promise<void> {
    try {
      const identity = await this.prover!.hello(c)
      if (c !== this.#carrier) return
      this.#hello = true
      this.#traffic.hello(identity)
      await this.prover!.meet(c, gate)
      if (c !== this.#carrier) return
      this.#open(c)
      gate.open()
    } catch (error) {
      if (c === this.#carrier) console.warn('snug: the other side can’t prove who it is:', error)
      this.post({ type: 'broken' }, c)
    }
  }

  #open(c: Carrier): void {
    if (!this.prover) this.#traffic.hello()
    this.#opened ||= performance.now() - this.#began || 1
    this.#traffic.open()
    this.post({ type: 'opened' }, c)
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
    if (via !== 'hub' && bytesOf(JSON.stringify(signal)).length <= maxPayload) {
      this.#traffic.say(signal)
      if (via === 'link') return
    }
    this.#on.signal(signal)
  }

  /** This side's channels to the other. */
  get outlets(): Outlets {
    return this.#traffic.outlets
  }

  /** Says bye, and waits until everything that was sent has arrived, for two seconds at most; or ends the link at once. */
  async close(atOnce = false): Promise<void> {
    const ended = Promise.race([this.#ended, new Promise(resolve => setTimeout(resolve, byeWait))])
    const drained = this.outlets.drain()
    this.post({ type: 'close' })
    if (atOnce) this.post({ type: 'close' })
    await Promise.race([ended, drained])
    void this.#traffic.sayBye()
    await ended
  }

  #end(cause: Cause): void {
    this.state = 'gone'
    // There was a path, but the other side’s hello never came.
    if (this.#hello && !this.#opened && ['no-candidates', 'no-turn', 'turn', 'ice'].includes(cause)) cause = 'timeout'
    this.cause = cause
    this.prover?.end()
    this.#traffic.end()
    this.#gone()
    this.#report(this.#opened ? 'opened' : cause as Outcome)
    this.#on.changed()
  }

  #receive(c: Carrier, id: number, data: unknown): void {
    try {
      this.#traffic.receive(c, id, data)
    } catch {
      this.post({ type: 'broken' }, c)
    }
  }
}

function hasTURN({ iceServers = [] }: RTCConfiguration): boolean {
  return iceServers.flatMap(({ urls }) => urls).some(url => /^turns?:/.test(url))
}
