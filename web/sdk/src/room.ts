import { SnugError, throwIfAborted } from './errors.ts'
import { EndEvent, type Listen, type RoomEvents, RoomMessageEvent } from './events.ts'
import { Client, type HubState } from './hub.ts'
import { endpoint, inviteTo, parseInvite } from './invite.ts'
import { Link } from './link.ts'
import { type Cause, isTemporary, type Member } from './member.ts'
import type { SendOptions } from './outbox.ts'
import type { Leg } from './path.ts'
import type { FromHub, Holds, Welcome } from './protocol.ts'
import { offers } from './role.ts'
import { applyChange, type Departure, type Entry, type Roster, type RosterChange } from './roster.ts'
import { isSealed, type Sealed, sealedBy } from './sealed.ts'
import { begins, decodeSignal, type Signal } from './signals.ts'
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

// After a link has failed another is made, after a pause that doubles each time. In ms.
const retryFirst = 2_000
const retryMax = 60_000

type Timer = ReturnType<typeof setTimeout> | undefined

/** How a member stands: the hub lists it, or may list it again until missed fires, or a link to it lives. After so many failures in a row, another is made when retry fires. */
interface Standing { entry: Entry; listed: boolean; missed: Timer; link: Link; failures: number; retry: Timer; before: Cause | undefined; forged: boolean }

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
 * `message` (RoomMessageEvent), `hub` when hub or permissions changed, `locked` when
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
  #strangers = new Map<string, Entry>() // without the room's key, or made up by the hub
  #self: Entry
  #hub: Client
  #roster: Roster = { epoch: '', n: 0, members: [] }
  #standings = new Map<string, Standing>()
  #configuration: RTCConfiguration
  #hubThere = false
  #closed = false
  #told = false // that members changed, soon
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
    this.#hub = new Client(endpoint(hub, name), sealed ? { name: '', meta: sealed.entry, secret: sealed.secret, token } : { name: own, meta, token }, {
      welcome: welcome => this.#inTurn(welcome, opened => this.#welcomed(opened)),
      message: message => this.#inTurn(message, opened => this.#heard(opened)),
      repeat: () => this.#repeat(),
      state: () => this.#inTurn(undefined, () => this.#hubChanged()),
      network: () => this.#networkChanged(),
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
    const strangers = [...this.#strangers.values()].map((entry): Member => ({ ...entry, state: 'gone', cause: 'sealed', away: entry.away === true }))
    return [...this.#standings.values()].map(snapshot).concat(strangers).sort((a, b) => a.joined - b.joined || (a.id < b.id ? -1 : 1))
  }

  /** How this side reaches a member, now: its half of the path, the round-trip time and how many bytes have travelled. */
  async statistics(id: string): Promise<Leg | undefined> {
    return this.#standings.get(id)?.link.statistics()
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

  /** Sends to one member. Waits while the link is connecting or full; rejects with a SnugError when it ends. */
  async send(to: string, data: string | Uint8Array, options?: SendOptions): Promise<void> {
    const standing = this.#standings.get(to)
    if (!standing) throw new SnugError('gone', 'This member isn’t in the room.')
    await standing.link.send(data, options)
  }

  /** Sends to everybody who is in the room now. Resolves when it is handed over to all; who leaves meanwhile is passed over. */
  async broadcast(data: string | Uint8Array, options?: SendOptions): Promise<void> {
    const sending = [...this.#standings.values()].map(({ link }) => link.send(data, options))
    for (const { status, ...result } of await Promise.allSettled(sending)) {
      const reason = 'reason' in result ? result.reason : undefined
      if (status === 'rejected' && !(reason instanceof SnugError && reason.code === 'gone')) throw reason
    }
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
    const closing = Promise.all([...this.#standings.values()].map(({ link }) => link.close()))
    if (!error && !atOnce) await closing
    for (const { missed, retry } of this.#standings.values()) {
      clearTimeout(missed)
      clearTimeout(retry)
    }
    this.#hub.close(error, atOnce)
    await closing
    this.dispatchEvent(new EndEvent(error))
  }

  /** The browser says that it may keep the page. Mostly it doesn't, so the others are told bye; if it does, they are met again. */
  #pause(): void {
    if (this.#first) return
    this.#hub.pause()
    for (const { link } of this.#standings.values()) void link.close(true)
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
      else if (message.type === 'signal') this.#forged(message.from)
    }).catch(rethrow)
  }

  /** What came in a member's name can't be opened. */
  #forged(from: string): void {
    const standing = this.#standings.get(from)
    if (standing) standing.forged = true
  }

  /** Says a signal, in a sealed room sealed, in order. */
  #say(to: string, body: Signal): void {
    const seal = this.#sealed?.seal
    if (!seal) return this.#hub.signal(to, body)
    this.#said = this.#said.then(async () => this.#hub.signal(to, await seal.signal(to, body))).catch(rethrow)
  }

  #hubChanged(): void {
    const state = this.#hub?.state
    if (this.#hubThere && state?.state !== 'connected') for (const { link } of this.#standings.values()) link.post({ type: 'hub-lost' })
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
    for (const standing of this.#standings.values()) standing.listed = false
    this.#strangers.clear()
    for (const entry of roster.members) this.#meet(entry)
    for (const standing of this.#standings.values()) if (reborn && !standing.listed) this.#miss(standing, heartbeat.grace)
    this.#sweep()
    this.#tellLocked(locked)
    this.#first?.resolve()
    this.#first = undefined
  }

  /** The hub has dropped signals: links that wait for an answer say again what they said. */
  #repeat(): void {
    for (const { link } of this.#standings.values()) link.post({ type: 'hub-back' })
  }

  /** The hub is tried again first. A link that failed has another chance. */
  #networkChanged(): void {
    for (const standing of this.#standings.values()) {
      standing.link.post({ type: 'network' })
      if (standing.retry !== undefined) this.#again(standing)
    }
  }

  /** Keeps a member's place for so many ms, link or not. */
  #miss(standing: Standing, grace: number): void {
    standing.missed ??= setTimeout(() => {
      standing.missed = undefined
      if (standing.link.state === 'connecting') standing.link.post({ type: 'left' })
      this.#sweep()
    }, grace)
  }

  #heard(message: Exclude<FromHub, Welcome>): void {
    if (this.#closed) return
    switch (message.type) {
      case 'roster': return this.#changed(message)
      case 'signal': return this.#signaled(message.from, message.body)
      case 'undeliverable': return this.#standings.get(message.to)?.link.post({ type: 'undelivered', reason: message.reason, retry: message.retry })
      case 'ice':
        this.#configuration = { ...this.#configuration, iceServers: message.servers }
        for (const { link } of this.#standings.values()) link.serversChanged()
    }
  }

  #changed(change: RosterChange): void {
    const { locked } = this
    const { left, joined, moved } = applyChange(this.#roster, change)
    for (const departure of left) this.#lose(departure)
    for (const entry of joined) this.#meet(entry)
    for (const entry of moved) this.#moved(entry)
    this.#sweep()
    this.#tellLocked(locked)
  }

  /** Who comes back without a link gets one. */
  #moved(entry: Entry): void {
    if (this.#strangers.has(entry.id)) this.#strangers.set(entry.id, entry)
    const standing = this.#standings.get(entry.id)
    if (standing?.link.state === 'gone') this.#meet(entry)
    else if (standing) standing.entry = entry
  }

  #tellLocked(before: boolean): void {
    if (this.locked !== before && !this.#first) this.dispatchEvent(new Event('locked'))
  }

  /** Makes a link to a member, unless there is one that isn't gone. */
  #meet(entry: Entry): void {
    if (entry.id === this.#self.id || this.#closed) return
    if (entry.sealed) {
      this.#strangers.set(entry.id, entry)
      return
    }
    const known = this.#standings.get(entry.id)
    if (known) {
      clearTimeout(known.missed)
      known.missed = undefined
      known.entry = entry
      known.listed = true
      if (known.link.state !== 'gone') return known.link.post({ type: 'hub-back' })
      if (entry.away) return
      clearTimeout(known.retry)
    }
    const standing: Standing = { entry, listed: true, missed: undefined, link: undefined as never, failures: known?.failures ?? 0, retry: undefined, before: known && isTemporary(known.link.cause) ? snapshot(known).cause : undefined, forged: known?.forged ?? false }
    standing.link = new Link(offers(this.#self, entry), {
      configuration: () => this.#configuration,
      signal: body => this.#say(entry.id, body),
      probe: () => this.#hub.probe(),
      report: report => this.#hub.report(report),
      anew: signal => {
        if (standing.listed && this.#standings.get(entry.id) === standing) this.#renew(standing, signal)
      },
      changed: () => this.#linkChanged(standing),
      message: (data, unreliable) => this.dispatchEvent(new RoomMessageEvent(data, snapshot(standing), unreliable)),
    })
    this.#standings.set(entry.id, standing)
  }

  /** After a failure that may pass, another link is made, with jitter, lest all members of a room try at the same instant. */
  #linkChanged(standing: Standing): void {
    const { state, cause } = standing.link
    if (state === 'live') {
      standing.failures = 0
      standing.forged = false
    }
    if (state === 'gone' && isTemporary(cause) && !this.#closed && standing.retry === undefined) {
      const pause = Math.min(retryFirst * 2 ** standing.failures++, retryMax)
      standing.retry = setTimeout(() => this.#again(standing), pause * (0.5 + Math.random()))
    }
    this.#sweep()
  }

  #again(standing: Standing): void {
    clearTimeout(standing.retry)
    standing.retry = undefined
    if (!this.#hubThere) return // its welcome makes another
    if (standing.listed && this.#standings.get(standing.entry.id) === standing) this.#meet(standing.entry)
    this.#sweep()
  }

  /** A member that said bye is gone; one that the hub only lost stays while its link lives. */
  #lose({ id, reason }: Departure): void {
    this.#strangers.delete(id)
    const standing = this.#standings.get(id)
    if (!standing) return
    standing.listed = false
    clearTimeout(standing.missed)
    standing.missed = undefined
    if (reason === 'bye' || reason === 'kicked') standing.link.post({ type: 'left' })
  }

  #signaled(from: string, body: unknown): void {
    const standing = this.#standings.get(from)
    if (!standing) return
    try {
      const signal = decodeSignal(body)
      if (!signal) return
      if (standing.link.state !== 'gone') standing.link.take(signal)
      else if (standing.listed) this.#renew(standing, signal)
    } catch {
      // A signal that breaks the rules is dropped; it never ends anything.
    }
  }

  /** The other member has begun another link, or knows nothing yet of the end of the one that was. */
  #renew({ entry }: Standing, signal: Signal): void {
    if (!begins(signal) && signal.type !== 'offer') return
    this.#meet(entry)
    if (begins(signal)) this.#standings.get(entry.id)?.link.take(signal)
    this.#sweep()
  }

  /** Drops who is neither listed nor linked, and tells, once for all that changes now. */
  #sweep(): void {
    for (const [id, { listed, missed, link }] of this.#standings) {
      if (!listed && missed === undefined && link.state === 'gone') this.#standings.delete(id)
    }
    if (this.#told) return
    this.#told = true
    queueMicrotask(() => {
      this.#told = false
      this.dispatchEvent(new Event('members'))
    })
  }
}

/** What fails is nobody's to deal with, and stops nothing that follows. */
function rethrow(error: unknown): void {
  queueMicrotask(() => { throw error })
}

function snapshot({ entry, listed, link, before, forged }: Standing): Member {
  const { state, path } = link
  const cause = state === 'connecting' ? before : link.cause === 'timeout' && forged ? 'forged' : link.cause
  return { ...entry, state, away: !listed || entry.away === true, ...(cause ? { cause } : {}), ...(path ? { path } : {}) }
}
