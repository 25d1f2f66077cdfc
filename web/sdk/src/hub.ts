import type { Transport } from './conn.ts'
import { Comeback } from './comeback.ts'
import { Dial } from './dial.ts'
import { SnugError } from './errors.ts'
import { type FromHub, type Holds, newSecret, type ToHub, type Welcome } from './protocol.ts'
import { Questions } from './questions.ts'
import { familyOf, type Report } from './report.ts'
import { Session } from './session.ts'
import { Renewal, type Token } from './token.ts'
import { isHidden, isOffline, whenAwake } from './wake.ts'

// Full jitter: each wait is a random part of a bound that doubles. In ms.
const redialFirst = 500
const redialMax = 30_000
const retryMax = 3_600_000 // of what a hub may ask for
const pongWait = 5_000
const lateness = 1_000 // of a timer, and the page was asleep
const quietMin = 10_000 // of the hub's silence, whatever it says, until it is asked
const quietMax = 600_000

export type HubState =
  | { state: 'connecting' }
  | { state: 'connected'; transport: Transport }
  /** Without retryAt, there is no network: it is tried again when there is. */
  | { state: 'waiting'; retryAt?: number; error: SnugError }
  | { state: 'closed'; error?: SnugError }

export interface HubHandlers {
  /** Its `recovered` is true only if this session has lost nothing. */
  welcome(welcome: Welcome): void
  message(message: Exclude<FromHub, Welcome>): void
  /** Signals weren't taken, and now are again: what waits for an answer is to be repeated. */
  repeat(): void
  /** The state or the permissions changed. */
  state(): void
  /** This machine's network has changed, and the hub is being tried again. */
  network(): void
}

export interface Who {
  name: string
  meta: Record<string, unknown>
  token?: Token | undefined
  secret?: string | undefined
}

/** A session with a hub, over as many connections as it takes, until close() or a refusal that is final. */
export class Client {
  #endpoint: URL
  #who: Who
  #on: HubHandlers
  #secret: string
  #session: Session
  #renewal: Renewal
  #dial: Dial | undefined
  #previous: Dial | undefined // that was lost
  #transport: Transport = 'websocket' // that got through last
  #features: readonly string[] = ['http'] // what the hub may have
  #attempt = 0
  #asking = 0 // for a token; a newer attempt makes the answer void
  #notBefore = 0 // the hub asked for so much patience
  #timer: ReturnType<typeof setTimeout> | undefined
  #pongTimer: ReturnType<typeof setTimeout> | undefined
  #quiet: ReturnType<typeof setTimeout> | undefined // of the next look whether the hub has said anything
  #heardAt = 0
  #pings = 0 // of this connection
  #pongs = 0
  #questions = new Questions()
  #slow = false // WebSocket was, when it was tried last, and not refused
  #comeback: Comeback
  #permissions: readonly string[] = []
  #awake = new AbortController()
  #state: HubState = { state: 'connecting' }

  constructor(endpoint: URL, who: Who, on: HubHandlers) {
    this.#endpoint = endpoint
    this.#who = who
    this.#secret = who.secret ?? newSecret()
    this.#on = on
    this.#session = new Session({
      write: text => this.#dial?.send(text),
      stuck: () => this.probe(),
      room: () => on.repeat(),
    })
    this.#comeback = new Comeback(endpoint, () => this.#move())
    this.#renewal = new Renewal(who.token, token => this.#say({ type: 'token', token }))
    whenAwake(this.#awake.signal, {
      online: () => {
        this.#online()
        on.network()
      },
      offline: () => this.#offline(),
      shown: () => this.#wake(),
      frozen: () => this.#frozen(),
    })
    this.#begin()
  }

  get state(): HubState {
    return this.#state
  }

  /** What this session may: `join`, `kick`, `lock`. */
  get permissions(): readonly string[] {
    return this.#permissions
  }

  /** Says something to another member. It arrives once and in order, or on.repeat or a welcome tells that it may not have. */
  signal(to: string, body: unknown): void {
    this.#session.say({ type: 'signal', to, body })
  }

  kick(id: string): Promise<Holds> {
    return this.#ask({ type: 'kick', id }) as Promise<Holds>
  }

  async lock(locked: boolean): Promise<void> {
    await this.#ask({ type: 'lock', locked })
  }

  /** Tells how an attempt to open a link came out. Never waits: what the hub doesn't ask for, or can't be told now, is dropped. */
  report({ outcome, path, time }: Report): void {
    if (this.#state.state !== 'connected' || !this.#features.includes('report')) return
    const opened = outcome === 'opened'
    this.#say({
      type: 'report', outcome,
      ...(opened && path !== undefined ? { path } : {}),
      ...(opened && time !== undefined ? { time: Math.max(0, Math.round(time)) } : {}),
      family: familyOf(globalThis.navigator ?? {}),
    })
  }

  /** Makes sure that the connection isn't dead without having said so. */
  probe(): void {
    if (this.#state.state !== 'connected' || this.#pongTimer !== undefined) return
    this.#expectPong()
    this.#ping()
  }

  /** Says bye, unless the hub has ended it with this error. A page that goes has no time to lose. */
  close(error?: SnugError, atOnce = false): void {
    this.#bye(atOnce)
    this.#reset(error ?? new SnugError('closed', 'You have left the room.'))
    this.#awake.abort()
    this.#become(error ? { state: 'closed', error } : { state: 'closed' })
  }

  /** Says bye for a page that goes and may come back: then the session begins anew, under the same id. */
  pause(): void {
    const error = new SnugError('closed', 'The page was left.')
    this.#bye(true)
    this.#reset(error)
    this.#notBefore = 0
    this.#become({ state: 'waiting', error })
  }

  #bye(atOnce: boolean): void {
    const dial = this.#dial ?? (atOnce ? this.#previous : undefined)
    this.#dial = undefined
    dial?.close(atOnce)
  }

  #become(state: HubState): void {
    this.#state = state
    this.#on.state()
  }

  #say(message: ToHub): void {
    this.#dial?.send(JSON.stringify(message))
  }

  /** Begins an attempt, with a token of its own where there are tokens. */
  #begin(): void {
    clearTimeout(this.#timer)
    this.#become({ state: 'connecting' })
    const asking = ++this.#asking
    this.#renewal.ask(
      token => { if (asking === this.#asking) this.#connect(token) },
      error => { if (asking === this.#asking) this.#lost(error) },
    )
  }

  #connect(token: string | undefined): void {
    const { name, meta } = this.#who
    const hello: ToHub = { type: 'hello', secret: this.#secret, name, kind: 'browser', meta, ...(token === undefined ? {} : { token }), ...this.#session.resumption }
    this.#dial = new Dial(this.#endpoint, JSON.stringify(hello), this.#transport, this.#features.includes('http'), {
      welcome: welcome => this.#welcomed(welcome),
      message: (message, size) => this.#heard(message, size),
      end: error => {
        if (this.#state.state === 'connecting') this.#transport = 'websocket' // and HTTP after it
        this.#lost(error)
      },
    })
  }

  #welcomed(welcome: Welcome): void {
    this.#previous = undefined
    this.#attempt = this.#pings = this.#pongs = 0
    const tried = this.#transport === 'websocket'
    this.#transport = this.#dial!.transport
    this.#features = welcome.features
    this.#state = { state: 'connected', transport: this.#transport }
    this.#grant(welcome)
    this.#heardAt = Date.now()
    if (tried) this.#slow = this.#dial!.slow
    if (this.#transport === 'websocket') this.#comeback.forget()
    else if (this.#slow) this.#comeback.plan()
    if (this.#transport === 'websocket') this.#listen(Math.min(quietMax, Math.max(quietMin, welcome.heartbeat.timeout)))
    const recovered = this.#session.welcomed(welcome)
    this.#on.welcome({ ...welcome, recovered })
    this.#on.state()
  }

  /** Probes a connection on which nothing came for so long: a page can't see the hub's pings. Nobody waits for a page that isn't seen. */
  #listen(patience: number): void {
    const left = this.#heardAt + patience - Date.now()
    this.#quiet = setTimeout(() => {
      const silent = Date.now() - this.#heardAt >= patience
      if (silent && !isHidden()) this.probe()
      this.#listen(patience)
    }, left > 0 ? left : patience)
  }

  /** A WebSocket gets through: the session goes on over one, as after a lost connection. Not while the hub is asked something. */
  #move(): boolean {
    if (this.#questions.pending) return false
    this.#transport = 'websocket'
    this.#dial?.drop()
    this.#reset(new SnugError('unreachable', 'The connection is being replaced.'))
    this.#previous = this.#dial
    this.#dial = undefined
    this.#begin()
    return true
  }

  #grant({ permissions, expires }: { permissions: string[]; expires?: number }): void {
    this.#permissions = permissions
    this.#renewal.schedule(expires)
  }

  #heard(message: Exclude<FromHub, Welcome>, size: number): void {
    this.#expectNothing()
    this.#heardAt = Date.now()
    switch (message.type) {
      case 'signal':
      case 'undeliverable':
        this.#session.count(size)
        break
      case 'ack': return this.#session.acknowledged(message.received)
      case 'ping': return this.#say({ type: 'pong' })
      case 'pong': return this.#questions.ponged(++this.#pongs)
      case 'kicked': return this.#questions.kicked(message.holds)
      case 'error': return this.#questions.refused(new SnugError(message.code, message.message, message))
      case 'granted':
        this.#grant(message)
        return this.#on.state()
    }
    this.#on.message(message)
  }

  #lost(error: SnugError): void {
    const lasting = error.code === 'expired' && typeof this.#who.token !== 'function' // there is no newer one
    if (error.final || lasting) {
      this.close(error)
      return
    }
    this.#reset(error)
    this.#previous = this.#dial ?? this.#previous
    this.#dial = undefined
    const bound = Math.min(redialMax, redialFirst * 2 ** this.#attempt++)
    this.#notBefore = error.retry ? Date.now() + Math.min(error.retry, retryMax) : 0
    this.#wait(this.#notBefore || Date.now() + Math.random() * bound, error)
  }

  /** What belonged to a connection, or to an attempt, is over. */
  #reset(error: SnugError): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#quiet)
    this.#comeback.stop()
    this.#asking++
    this.#expectNothing()
    this.#session.lost()
    this.#renewal.stop()
    this.#questions.end(error)
  }

  #wait(retryAt: number, error: SnugError): void {
    clearTimeout(this.#timer)
    if (isOffline(this.#endpoint)) {
      this.#become({ state: 'waiting', error })
      return
    }
    this.#timer = setTimeout(() => this.#begin(), retryAt - Date.now())
    this.#become({ state: 'waiting', retryAt, error })
  }

  /** There is a network, perhaps another one: what was found out about the old one is void, and what is under way on it may hang. */
  #online(): void {
    this.#transport = 'websocket'
    this.#comeback.forget()
    if (this.#state.state === 'connecting') {
      this.#dial?.drop()
      this.#dial = undefined
      this.#begin()
    } else {
      if (this.#pongTimer !== undefined) this.#giveUp('The hub didn’t answer.') // when the network went away
      if (this.#state.state === 'connected' && this.#state.transport === 'http') this.#comeback.plan()
      this.#wake()
    }
  }

  #offline(): void {
    if (this.#state.state !== 'waiting') this.probe()
    else if (isOffline(this.#endpoint)) this.#wait(0, this.#state.error)
  }

  /** The network came back, or somebody looks: no waiting but what the hub asked for, and no trusting. */
  #wake(): void {
    if (this.#state.state !== 'waiting') return this.probe()
    if (isOffline(this.#endpoint)) return
    this.#attempt = 0
    if (this.#notBefore > Date.now()) this.#wait(this.#notBefore, this.#state.error)
    else this.#begin()
  }

  /** Chromium says bye for a page that thaws: its WebSocket closes with 1001. So the page goes away by itself before. */
  #frozen(): void {
    if (this.#state.state === 'connected') this.#giveUp('The page was asleep.')
  }

  /** Ends the connection, without a bye. */
  #giveUp(message: string): void {
    this.#dial?.drop()
    this.#lost(new SnugError('unreachable', message))
  }

  #ping(): void {
    this.#pings++
    this.#say({ type: 'ping' })
  }

  /** A timer that comes late may come before what the hub said meanwhile, so it is set once more. */
  #expectPong(again = false): void {
    const due = Date.now() + pongWait
    this.#pongTimer = setTimeout(() => {
      if (!again && Date.now() > due + lateness) this.#expectPong(true)
      else this.#giveUp('The hub doesn’t answer.')
    }, pongWait)
  }

  #expectNothing(): void {
    clearTimeout(this.#pongTimer)
    this.#pongTimer = undefined
  }

  async #ask(message: ToHub): Promise<string> {
    if (this.#state.state !== 'connected') throw new SnugError('unreachable', 'The hub can’t be reached now. Try again when it is back.')
    const answer = this.#questions.ask(this.#pings + 1)
    this.#say(message)
    this.#ping()
    return answer
  }
}
