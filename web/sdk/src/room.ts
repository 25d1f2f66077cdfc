import { SnugError, throwIfAborted } from './errors.ts'
import { Hub, type HubState } from './hub.ts'
import { endpoint, inviteTo, parseInvite } from './invite.ts'
import { type Cause, Link, type LinkState, type SendOptions } from './link.ts'
import { applyChange, type Departure, type Entry, type FromHub, newSecret, type Roster, type Welcome } from './protocol.ts'
import { offers } from './role.ts'
import { begins, decodeSignal, type Signal } from './signals.ts'

export interface JoinOptions {
  /** What the member calls itself; at most 128 bytes. */
  name?: string
  /** Public metadata; at most 1,024 bytes of JSON. */
  meta?: Record<string, unknown>
  /** Aborts joining. */
  signal?: AbortSignal
}

/** Somebody in the room, at one moment. */
export interface Member extends Readonly<Entry> {
  /** Of the link to it. */
  readonly state: LinkState
  /** Why the link is gone, if it is. */
  readonly cause?: Cause
  /** The hub has lost it from sight, the link hasn't. */
  readonly away: boolean
}

export class RoomMessageEvent extends Event {
  readonly data: string | Uint8Array
  readonly member: Member
  readonly unreliable: boolean

  constructor(data: string | Uint8Array, member: Member, unreliable: boolean) {
    super('message')
    this.data = data
    this.member = member
    this.unreliable = unreliable
  }
}

export class EndEvent extends Event {
  /** Why, unless leave() was called. */
  readonly error: SnugError | undefined

  constructor(error?: SnugError) {
    super('end')
    this.error = error
  }
}

/** How a member stands: the hub lists it, or a link to it lives, or both. */
interface Standing { entry: Entry; listed: boolean; link: Link }

/**
 * Joins the room of an invite. Rejects with a SnugError at the first failure;
 * afterwards the room goes back to its hub by itself.
 */
export async function join(invite: string | URL, options: JoinOptions = {}): Promise<Room> {
  const { hub, room } = parseInvite(invite)
  if (typeof RTCPeerConnection === 'undefined') {
    throw new SnugError('no-webrtc', 'This browser has no WebRTC, or it is switched off. Use a current Firefox, Chromium or Chrome.')
  }
  throwIfAborted(options.signal)
  const joined = new Room(hub, room, options)
  await joined.joined(options.signal)
  return joined
}

/**
 * A membership in a room. Emits `members` when something in members changed,
 * `message` (RoomMessageEvent), `hub` when hub changed, and at last `end` (EndEvent).
 */
export class Room extends EventTarget {
  /** The room's name. */
  readonly name: string
  /** What lets others in. */
  readonly invite: string
  #self: Entry
  #hub: Hub
  #roster: Roster = { epoch: '', n: 0, members: [] }
  #standings = new Map<string, Standing>()
  #iceServers: RTCIceServer[] = []
  #closed = false
  #told = false // that members changed, soon
  #leaveWithPage = () => void this.#end(undefined, true)
  #first: { resolve: () => void; reject: (error: SnugError) => void } | undefined

  /** For join(). */
  constructor(hub: URL, name: string, { name: own = '', meta = {} }: JoinOptions) {
    super()
    this.name = name
    this.invite = inviteTo(hub, name)
    this.#self = { id: '', name: own, kind: 'browser', meta, joined: 0 }
    const hello = { type: 'hello', secret: newSecret(), name: own, kind: 'browser', meta } as const
    this.#hub = new Hub(endpoint(hub, name), hello, {
      welcome: welcome => this.#welcomed(welcome),
      message: message => this.#heard(message),
      state: () => this.#hubChanged(),
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
    return [...this.#standings.values()].map(snapshot).sort((a, b) => a.joined - b.joined || (a.id < b.id ? -1 : 1))
  }

  get hub(): HubState {
    return this.#hub.state
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
    this.#hub.close(error)
    await closing
    this.dispatchEvent(new EndEvent(error))
  }

  #fail(error: SnugError): void {
    const first = this.#first
    this.#first = undefined
    void this.#end(error)
    first?.reject(error)
  }

  #hubChanged(): void {
    const state = this.#hub?.state
    if (this.#first && state?.state === 'waiting') this.#fail(state.error)
    else if (this.#first && state?.state === 'closed' && state.error) this.#fail(state.error)
    else if (state?.state === 'closed' && state.error && !this.#closed) void this.#end(state.error)
    if (state && !this.#first) this.dispatchEvent(new Event('hub'))
  }

  /** Members that a welcome doesn't list are lost from sight, not gone: they may be about to come back. */
  #welcomed(welcome: Welcome): void {
    if (this.#closed) return
    this.#roster = welcome.roster
    this.#iceServers = welcome.ice.servers
    this.#self = welcome.roster.members.find(m => m.id === welcome.you) ?? { ...this.#self, id: welcome.you }
    for (const standing of this.#standings.values()) {
      standing.listed = false
      standing.link.hubBack()
    }
    for (const entry of welcome.roster.members) this.#meet(entry)
    this.#sweep()
    this.#first?.resolve()
    this.#first = undefined
  }

  #heard(message: Exclude<FromHub, Welcome>): void {
    if (this.#closed) return
    if (message.type === 'roster') {
      const { left, joined } = applyChange(this.#roster, message)
      for (const departure of left) this.#lose(departure)
      for (const entry of joined) this.#meet(entry)
      this.#sweep()
    } else if (message.type === 'signal') {
      this.#signaled(message.from, message.body)
    }
  }

  /** Makes a link to a member, unless there is one that isn't gone. */
  #meet(entry: Entry): void {
    if (entry.id === this.#self.id || this.#closed) return
    const known = this.#standings.get(entry.id)
    if (known && known.link.state !== 'gone') {
      known.entry = entry
      known.listed = true
      return
    }
    const standing: Standing = { entry, listed: true, link: undefined as never }
    standing.link = new Link(offers(this.#self, entry), this.#iceServers, {
      signal: body => this.#hub.send({ type: 'signal', to: entry.id, body }),
      anew: signal => {
        if (standing.listed && this.#standings.get(entry.id) === standing) this.#renew(entry, signal)
      },
      hubAway: () => this.#hub.state.state !== 'connected',
      changed: () => {
        if (standing.link?.state === 'shaky') this.#hub.probe()
        this.#sweep()
      },
      message: (data, unreliable) => this.dispatchEvent(new RoomMessageEvent(data, snapshot(standing), unreliable)),
    })
    this.#standings.set(entry.id, standing)
  }

  /** A member that said bye is gone; one that the hub only lost stays while its link lives. */
  #lose({ id, reason }: Departure): void {
    const standing = this.#standings.get(id)
    if (!standing) return
    standing.listed = false
    if (reason === 'bye' || reason === 'kicked') standing.link.end('left')
  }

  #signaled(from: string, body: unknown): void {
    const standing = this.#standings.get(from)
    if (!standing) return
    try {
      const signal = decodeSignal(body)
      if (!signal) return
      if (standing.link.state !== 'gone') standing.link.take(signal)
      else if (standing.listed && begins(signal)) this.#renew(standing.entry, signal)
    } catch {
      // A signal that breaks the rules is dropped; it never ends anything.
    }
  }

  /** The other member has begun a new link, so this side does. */
  #renew(entry: Entry, signal: Signal): void {
    this.#meet(entry)
    this.#standings.get(entry.id)?.link.take(signal)
    this.#sweep()
  }

  /** Drops who is neither listed nor linked, and tells, once for all that changes now. */
  #sweep(): void {
    for (const [id, { listed, link }] of this.#standings) {
      if (!listed && link.state === 'gone') this.#standings.delete(id)
    }
    if (this.#told) return
    this.#told = true
    queueMicrotask(() => {
      this.#told = false
      this.dispatchEvent(new Event('members'))
    })
  }
}

function snapshot({ entry, listed, link }: Standing): Member {
  return { ...entry, state: link.state, away: !listed, ...(link.cause ? { cause: link.cause } : {}) }
}
