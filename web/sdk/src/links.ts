import type { Inlet } from './inlet.ts'
import { Link, type LinkHandlers } from './link.ts'
import { type Cause, isTemporary, type Member } from './member.ts'
import { offers } from './role.ts'
import type { Departure, Entry } from './roster.ts'
import { begins, decodeSignal, type Signal } from './signals.ts'
import type { Trusting } from './standing.ts'
import type { LinkEvent } from './step.ts'

// After a link has failed another is made, after a pause that doubles each time. In ms.
const retryFirst = 2_000
const retryMax = 60_000

type Timer = ReturnType<typeof setTimeout> | undefined

/** How a member stands: the hub lists it, or may list it again until missed fires, or a link to it lives. After so many failures in a row, another is made when retry fires. */
export interface Standing { entry: Entry; listed: boolean; missed: Timer; link: Link; failures: number; retry: Timer; before: Cause | undefined; forged: boolean }

export interface LinksHandlers extends Pick<LinkHandlers, 'configuration' | 'probe' | 'report'> {
  /** In a sealed room. */
  trust: Trusting | undefined
  self(): Entry
  /** There is a connection to the hub. */
  hubThere(): boolean
  /** Sends a signal to a member through the hub. */
  signal(id: string, signal: Signal): void
  /** Something in members has changed. It is told once for all that changes now. */
  changed(): void
  /** A channel was opened by a member, has something to take, or was closed. */
  arrived(inlet: Inlet, from: Standing): void
  /** A member wants to compare emoji. */
  asked(from: Standing): void
}

/** Who is in the room, and the link to each. */
export class Links {
  #on: LinksHandlers
  #standings = new Map<string, Standing>()
  #strangers = new Map<string, Entry>() // without the room's key, or made up by the hub: no links are made to them
  #closed = false
  #told = false // that members changed, soon

  constructor(on: LinksHandlers) {
    this.#on = on
  }

  get(id: string): Standing | undefined {
    return this.#standings.get(id)
  }

  get all(): Standing[] {
    return [...this.#standings.values()]
  }

  /** Everybody in the room, linked or not. */
  get members(): Member[] {
    const strangers = [...this.#strangers.values()].map((entry): Member => ({ ...entry, state: 'gone', cause: 'sealed', away: entry.away === true }))
    return this.all.map(snapshot).concat(strangers)
  }

  /** Has something happen to all links. */
  post(event: LinkEvent): void {
    for (const { link } of this.all) link.post(event)
  }

  /** The hub lists these, and nobody else. In a new epoch the others keep their places for so many ms. */
  list(entries: Entry[], grace: number | undefined): void {
    for (const standing of this.all) standing.listed = false
    this.#strangers.clear()
    for (const entry of entries) this.#meet(entry)
    for (const standing of this.all) if (grace !== undefined && !standing.listed) this.#miss(standing, grace)
    this.#sweep()
  }

  /** The roster has changed so. */
  change({ left, joined, moved }: { left: Departure[]; joined: Entry[]; moved: Entry[] }): void {
    for (const departure of left) this.#lose(departure)
    for (const entry of joined) this.#meet(entry)
    for (const entry of moved) this.#moved(entry)
    this.#sweep()
  }

  /** This machine's network has changed: a link that failed has another chance. */
  network(): void {
    for (const standing of this.all) {
      standing.link.post({ type: 'network' })
      if (standing.retry !== undefined) this.#again(standing)
    }
  }

  /** No more links are made. Resolves when all have ended. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.all.map(({ link }) => link.close()))
  }

  /** Nobody is waited for any more. */
  settle(): void {
    for (const { missed, retry } of this.all) {
      clearTimeout(missed)
      clearTimeout(retry)
    }
  }

  /** A member has sent a signal. */
  signaled(from: string, body: unknown): void {
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

  /** What came in a member's name can't be opened. */
  forged(from: string): void {
    const standing = this.#standings.get(from)
    if (standing) standing.forged = true
  }

  /** Keeps a member's place for so many ms, link or not. */
  #miss(standing: Standing, grace: number): void {
    standing.missed ??= setTimeout(() => {
      standing.missed = undefined
      if (standing.link.state === 'connecting') standing.link.post({ type: 'left' })
      this.#sweep()
    }, grace)
  }

  /** Who comes back without a link gets one. */
  #moved(entry: Entry): void {
    if (this.#strangers.has(entry.id)) this.#strangers.set(entry.id, entry)
    const standing = this.#standings.get(entry.id)
    if (standing?.link.state === 'gone') this.#meet(entry)
    else if (standing) standing.entry = entry
  }

  /** Makes a link to a member, unless there is one that isn't gone. */
  #meet(entry: Entry): void {
    if (entry.id === this.#on.self().id || this.#closed) return
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
    standing.link = new Link(offers(this.#on.self(), entry), {
      ...this.#on,
      signal: body => this.#on.signal(entry.id, body),
      anew: signal => {
        if (standing.listed && this.#standings.get(entry.id) === standing) this.#renew(standing, signal)
      },
      changed: () => this.#linkChanged(standing),
      ...(this.#on.trust && { prover: say => this.#on.trust!.prover(this.#on.self().id, {
        entry: () => standing.entry,
        say,
        forged: () => this.forged(entry.id),
        changed: () => this.#sweep(),
        asked: () => this.#on.asked(standing),
      }) }),
      arrived: inlet => this.#on.arrived(inlet, standing),
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
    if (!this.#on.hubThere()) return // its welcome makes another
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
      this.#on.changed()
    })
  }
}

/** Somebody in the room, as of now. */
export function snapshot({ entry, listed, link, before, forged }: Standing): Member {
  const { state, path, prover } = link
  const cause = state === 'connecting' ? before : link.cause === 'timeout' && forged ? 'forged' : link.cause
  return { ...entry, state, away: !listed || entry.away === true, ...(cause ? { cause } : {}), ...(path ? { path } : {}), ...(prover?.standing && { standing: prover.standing }), ...(prover?.asks && { asks: true }) }
}
