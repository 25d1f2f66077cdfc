import type { Channel, ChannelOptions } from './channel.ts'
import { Channels } from './channels.ts'
import { SnugError, throwIfAborted } from './errors.ts'
import { EndEvent, type Listen, type RoomEvents, VerifyEvent } from './events.ts'
import { Client, type HubState } from './hub.ts'
import { endpoint, inviteTo, parseInvite } from './invite.ts'
import { Links, snapshot } from './links.ts'
import type { Member } from './member.ts'
import type { SendOptions } from './outlet.ts'
import type { Leg } from './path.ts'
import type { FromHub, Holds, Welcome } from './protocol.ts'
import { applyChange, type Entry, type Roster } from './roster.ts'
import { isSealed, type Sealed, sealedBy } from './sealed.ts'
import type { Answer, RequestHandler, RequestOptions } from './request.ts'
import type { Signal } from './signals.ts'
import type { Comparison, Prover } from './standing.ts'
import type { Stream } from './stream.ts'
import type { Token } from './token.ts'

export interface JoinOptions {
  /** What the member calls itself; at most 128 bytes. */
  name?: string
  /** Metadata, at most 1,024 bytes of JSON. In a sealed room it is for members only, and has with the name 704. */
  meta?: Record<string, unknown>
  /** Where the hub asks for one: proves who may enter. A function is asked at each connection, and again before its token expires. */
  token?: Token
  /** Links go over the hub's TURN servers only, so that members don't learn each other's addresses. */
  relayOnly?: boolean
  /** Aborts joining. */
  signal?: AbortSignal
}

/**
 * Joins the room of an invite. Rejects with a SnugError at the first failure;
 * afterwards the room goes back to its hub by itself.
 */
export async function join(invite: string | URL, options: JoinOptions = {}): Promise<Room> {
  const { hub, room, key } = parseInvite(invite)
  if (typeof RTCPeerConnection === 'undefined') {
    throw new SnugError('no-webrtc', 'This browser has no WebRTC, or it is switched off. Use a current Firefox, Chromium or Chrome.')
  }
  throwIfAborted(options.signal)
  const sealed = key || isSealed(room) ? await sealedBy(room, key, options.name ?? '', options.meta ?? {}) : undefined
  throwIfAborted(options.signal)
  const joined = new Room(hub, room, options, sealed)
  await joined.joined(options.signal)
  return joined
}

export interface Room {
  addEventListener: Listen<RoomEvents>
  removeEventListener: Listen<RoomEvents>
}

/**
 * A membership in a room. Emits `members` when something in members changed,
 * `message` (RoomMessageEvent), `channel` (ChannelEvent), `verify` (VerifyEvent), `hub` when hub or permissions changed, `locked` when
 * locked did, and at last `end` (EndEvent).
 */
export class Room extends EventTarget {
  /** The room's name. */
  readonly name: string
  /** What lets others in. */
  readonly invite: string
  /** Whether the room has a key: the hub learns no names then, and can't read or forge what opens links. */
  readonly sealed: boolean
  #sealed: Sealed | undefined
  #said = Promise.resolve() // in a sealed room: signals so far
  #heardAll = Promise.resolve() // and what the hub has said
  #self: Entry
  #hub: Client
  #roster: Roster = { epoch: '', n: 0, members: [] }
  #configuration: RTCConfiguration
  #hubThere = false
  #closed = false
  #links: Links
  #channels: Channels
  #leaveWithPage = ({ persisted }: PageTransitionEvent) => {
    if (persisted) this.#pause()
    else void this.#end(undefined, true)
  }
  #first: { resolve: () => void; reject: (error: SnugError) => void } | undefined

  /** For join(). */
  constructor(hub: URL, name: string, { name: own = '', meta = {}, token, relayOnly }: JoinOptions, sealed?: Sealed) {
    super()
    this.#configuration = { iceServers: [], ...(relayOnly ? { iceTransportPolicy: 'relay' } : {}) }
    this.name = name
    this.invite = inviteTo(hub, name, sealed?.key)
    this.sealed = sealed !== undefined
    this.#sealed = sealed
    this.#self = { id: '', name: own, kind: 'browser', meta, joined: 0 }
    this.#links = new Links({
      trust: sealed?.trust,
      self: () => this.#self,
      configuration: () => this.#configuration,
      hubThere: () => this.#hubThere,
      signal: (id, body) => this.#say(id, body),
      probe: () => this.#hub.probe(),
      report: report => this.#hub.report(report),
      changed: () => {
        this.#channels.changed()
        this.dispatchEvent(new Event('members'))
      },
      arrived: (inlet, from) => this.#channels.arrived(inlet, from),
      asked: from => this.dispatchEvent(new VerifyEvent(snapshot(from))),
    })
    this.#channels = new Channels(this.#links, event => this.dispatchEvent(event))
    this.#hub = new Client(endpoint(hub, name), sealed ? { name: '', meta: sealed.entry, secret: sealed.secret, token } : { name: own, meta, token }, {
      welcome: welcome => this.#inTurn(welcome, opened => this.#welcomed(opened)),
      message: message => this.#inTurn(message, opened => this.#heard(opened)),
      repeat: () => this.#links.post({ type: 'hub-back' }), // it has dropped signals: links that wait for an answer say again what they said
      state: () => this.#inTurn(undefined, () => this.#hubChanged()),
      network: () => this.#links.network(),
    })
    globalThis.addEventListener?.('pagehide', this.#leaveWithPage)
  }

  /** For join(): resolves with the first welcome. */
  async joined(signal: AbortSignal | undefined): Promise<void> {
    const abort = () => this.#fail(new SnugError('aborted', 'Joining was aborted.', { cause: signal?.reason }))
    signal?.addEventListener('abort', abort, { once: true })
    try {
      await new Promise<void>((resolve, reject) => { this.#first = { resolve, reject } })
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }

  /** This member. */
  get self(): Readonly<Entry> {
    return this.#self
  }

  /** The others, in the order of joining. */
  get members(): readonly Member[] {
    return this.#links.members.sort((a, b) => a.joined - b.joined || (a.id < b.id ? -1 : 1))
  }

  /** How this side reaches a member, now: its half of the path, the round-trip time and how many bytes have travelled. */
  async statistics(id: string): Promise<Leg | undefined> {
    return this.#links.get(id)?.link.statistics()
  }

  get hub(): HubState {
    return this.#hub.state
  }

  /** Whether newcomers are kept out. */
  get locked(): boolean {
    return this.#roster.locked ?? false
  }

  /** What this member may: `join`, `kick`, `lock`. */
  get permissions(): readonly string[] {
    return this.#hub.permissions
  }

  /** Puts a member out, with the permission `kick`, and resolves with what that keeps out. Rejects with a SnugError, code `forbidden` without the permission. */
  kick(id: string): Promise<Holds> {
    return this.#hub.kick(id)
  }

  /** Keeps newcomers out until the room is unlocked or empty, with the permission `lock`. Rejects like kick(). */
  lock(locked = true): Promise<void> {
    return this.#hub.lock(locked)
  }

  /**
   * Sends to one member, up to 8 MiB. Waits while the link is connecting or full, and resolves when the message is kept here for the other
   * side: nothing but the end of the link keeps it from arriving, once and in order, unless it is unreliable. Rejects with a SnugError.
   */
  send(to: string, data: string | Uint8Array, options?: SendOptions): Promise<void> {
    return this.#channels.send(to, data, options)
  }

  /** Sends to everybody who is in the room now. Resolves when it is handed over to all; who leaves meanwhile is passed over. */
  broadcast(data: string | Uint8Array, options?: SendOptions): Promise<void> {
    return this.#channels.broadcast(data, options)
  }

  /** The channel of this name, to everybody; always the same one until it is closed. Throws a SnugError, code `channel`, if that can't be a name. */
  channel(name: string, options?: ChannelOptions): Channel {
    return this.#channels.get(name, options)
  }

  /**
   * Opens a stream of bytes to a member that listens for this name. Waits while the link is connecting, or the other side takes no more
   * channels. Rejects with a SnugError, code `closed` if nobody listens there, and if the signal is aborted.
   */
  dial(to: string, name: string, { signal }: { signal?: AbortSignal } = {}): Promise<Stream> {
    return this.#channels.dial(to, name, signal)
  }

  /** The streams that others dial by this name, one after the other, from the first next() until the signal is aborted or the room ends. */
  listen(name: string, { signal }: { signal?: AbortSignal } = {}): AsyncGenerator<Stream, void> {
    return this.#channels.listen(name, signal)
  }

  /**
   * Compares seven emoji with the person at a member’s end, in a sealed room, if both want to: asks the other side, or agrees if that has asked
   * (VerifyEvent). Resolves when there is something to compare. Rejects with a SnugError, code `verify-…`; an aborted signal stops it.
   */
  async verify(id: string, { signal }: { signal?: AbortSignal } = {}): Promise<Comparison> {
    const prover = this.#prover(id)
    if (!prover) throw this.sealed ? new SnugError('gone', 'This member isn’t in the room.') : new SnugError('verify-open', 'Members of a room without a key can’t be verified.')
    return prover.verify(signal)
  }

  /** Nobody here wants to compare with this member, or to go on. */
  stopVerify(id: string): void {
    this.#prover(id)?.stop()
  }

  /** Has a member whose standing is `changed` be known from now on: somebody has made sure by another way who it is. */
  async accept(id: string): Promise<void> {
    await this.#prover(id)?.accept()
  }

  #prover(id: string): Prover | undefined {
    return this.#links.get(id)?.link.prover
  }

  /**
   * Answers the requests of this name, of all members, until the function that it returns is called. Each is handled by itself, up to 64 of a member at the same
   * time. Requests and answers are what JSON can say, 256 KiB at most. What it throws is told as it is if it is a RequestError; of other errors the other side hears `failed`
   * alone, and this page its reportError(). Throws a SnugError, code `limit`, if somebody handles the name already.
   */
  handle<Request = any, Answer = unknown>(name: string, handler: RequestHandler<Request, Answer>): () => void {
    return this.#channels.handle(name, handler)
  }

  /**
   * Asks a member, and resolves with its answer. Rejects with a RequestError if the other side says that it failed (its code may be `unknown`, `malformed`, `failed`, `timeout`, `cancelled`,
   * `too-long` or a handler's own), and with a SnugError, code `gone`, `timeout` or `aborted`, if there was no answer. It is handled once at most, whatever happens to connections.
   */
  request<Answer = unknown>(to: string, name: string, body?: unknown, options?: RequestOptions): Promise<Answer> {
    return this.#channels.request(to, name, body, options) as Promise<Answer>
  }

  /** Asks everybody who is in the room at the first next(), and gives the answers as they come: one for each, or its error. Who stops to iterate gives up the others. */
  requestAll<Body = unknown>(name: string, body?: unknown, options?: RequestOptions): AsyncGenerator<Answer<Body>, void> {
    return this.#channels.requestAll(name, body, options) as AsyncGenerator<Answer<Body>, void>
  }

  /** Leaves: everything sent before has arrived then, or two seconds have passed. */
  async leave(): Promise<void> {
    await this.#end()
  }

  /** The hub hears of it last, or its word would overtake what links still carry; a page that goes has no time for that. */
  async #end(error?: SnugError, atOnce = false): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    globalThis.removeEventListener?.('pagehide', this.#leaveWithPage)
    const closing = this.#links.close()
    if (!error && !atOnce) await closing
    this.#links.settle()
    this.#hub.close(error, atOnce)
    await closing
    this.#channels.end()
    this.dispatchEvent(new EndEvent(error))
  }

  /** The browser says that it may keep the page. Mostly it doesn't, so the others are told bye; if it does, they are met again. */
  #pause(): void {
    if (this.#first) return
    this.#hub.pause()
    for (const { link } of this.#links.all) void link.close(true)
  }

  #fail(error: SnugError): void {
    const first = this.#first
    this.#first = undefined
    void this.#end(error)
    first?.reject(error)
  }

  /** What the hub says and how it is, in order. In a sealed room it has to be opened first; what can't be is dropped. */
  #inTurn<M extends FromHub | undefined>(message: M, take: (opened: M) => void): void {
    const seal = this.#sealed?.seal
    if (!seal) return take(message)
    this.#heardAll = this.#heardAll.then(async () => {
      const opened = message && await seal.open(message)
      if (opened || !message) take(opened as M)
      else if (message.type === 'signal') this.#links.forged(message.from)
    }).catch(rethrow)
  }

  /** Says a signal, in a sealed room sealed, in order. */
  #say(to: string, body: Signal): void {
    const seal = this.#sealed?.seal
    if (!seal) return this.#hub.signal(to, body)
    this.#said = this.#said.then(async () => this.#hub.signal(to, await seal.signal(to, body))).catch(rethrow)
  }

  #hubChanged(): void {
    const state = this.#hub?.state
    if (this.#hubThere && state?.state !== 'connected') this.#links.post({ type: 'hub-lost' })
    this.#hubThere = state?.state === 'connected'
    if (this.#first && state?.state === 'waiting') this.#fail(state.error)
    else if (this.#first && state?.state === 'closed' && state.error) this.#fail(state.error)
    else if (state?.state === 'closed' && state.error && !this.#closed) void this.#end(state.error)
    if (state && !this.#first) this.dispatchEvent(new Event('hub'))
  }

  /** Members that a welcome doesn't list are lost from sight, not gone. In a new epoch they may be about to come back, too. */
  #welcomed({ you, roster, ice, heartbeat }: Welcome): void {
    if (this.#closed) return
    const reborn = this.#roster.epoch !== '' && roster.epoch !== this.#roster.epoch
    const locked = this.locked
    this.#roster = roster
    this.#configuration = { ...this.#configuration, iceServers: ice.servers }
    this.#self = roster.members.find(m => m.id === you) ?? { ...this.#self, id: you }
    this.#links.list(roster.members, reborn ? heartbeat.grace : undefined)
    this.#tellLocked(locked)
    this.#first?.resolve()
    this.#first = undefined
  }

  #heard(message: Exclude<FromHub, Welcome>): void {
    if (this.#closed) return
    switch (message.type) {
      case 'roster': {
        const { locked } = this
        this.#links.change(applyChange(this.#roster, message))
        return this.#tellLocked(locked)
      }
      case 'signal': return this.#links.signaled(message.from, message.body)
      case 'undeliverable': return this.#links.get(message.to)?.link.post({ type: 'undelivered', reason: message.reason, retry: message.retry })
      case 'ice':
        this.#configuration = { ...this.#configuration, iceServers: message.servers }
        for (const { link } of this.#links.all) link.serversChanged()
    }
  }

  #tellLocked(before: boolean): void {
    if (this.locked !== before && !this.#first) this.dispatchEvent(new Event('locked'))
  }
}

/** What fails is nobody's to deal with, and stops nothing that follows. */
function rethrow(error: unknown): void {
  queueMicrotask(() => { throw error })
}
