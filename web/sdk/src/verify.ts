import { base64url, malformed, object } from './decode.ts'
import { bytesOf } from './frame.ts'
import { type Bytes, fromBase64url, join, sha256, texts } from './transcript.ts'

// Bounds of LINK.md, section 8.
const wait = 300_000 // ms in each state but idle
const maxAsked = 32 // times that the other side may ask, as long as the link lives
const maxReason = 32 // bytes

/** One side of a link: the member’s id, its key, and the fingerprint of the carrier that both hellos confirmed. */
export interface VerifyEnd { id: string; key: Bytes; fingerprint: Bytes }

/** What both sides must see alike. The initiator is the one with the smaller member id. */
export interface VerifyView { room: string; self: VerifyEnd; other: VerifyEnd }

/**
 * `asked`: the other side wants to; waits for begin or cancel. `comparing`: waits for the user, match or differ. `matched`: the other side may
 * still say that they differ.
 */
export type VerifyState = 'idle' | 'asked' | 'waiting' | 'comparing' | 'matched'

/** Why nothing, or nothing more, is compared: our user or the other one didn’t want to; somebody saw other emoji; the other side didn’t keep to the exchange; the link has another carrier. */
export type VerifyEnding = 'stopped' | 'cancelled' | 'timeout' | 'differs' | 'broken' | 'moved'

/** What the user does, what comes (a control message of the types verify and verify-cancel, undecoded), and that the link has another carrier, whose hellos are checked. */
export type VerifyEvent =
  | { type: 'begin' | 'match' | 'differ' | 'cancel' | 'tick' }
  | { type: 'heard'; message: unknown }
  | { type: 'moved'; own?: Bytes; theirs?: Bytes }

export interface VerifyMessage { type: 'verify' | 'verify-cancel'; commit?: string | undefined; nonce?: string | undefined; reason?: string | undefined }

/** To be said, told, remembered as verified, or not after all. `code` are indices into the table of emoji. */
export type VerifyAction =
  | { do: 'send'; message: VerifyMessage }
  | { do: 'state'; state: VerifyState; code?: number[] | undefined; ended?: VerifyEnding | undefined }
  | { do: 'pin' | 'withdraw' }

/**
 * Compares seven emoji with the other side of a link: LINK.md, section 8. Who began can’t choose its number once it knows the
 * other’s, and the other side chooses before it knows the first: nobody in between can try keys until the
 * emoji are alike. It has no clock, no link and no user; the same traces drive it here and in Go
 * (signaling/testdata/verify-traces.json).
 */
export class Verification {
  #view: VerifyView
  #initiator: boolean
  #draw: () => Bytes
  #now = 0 // of the event that is dealt with
  #do: VerifyAction[] = [] // for that event
  #last: Promise<unknown> = Promise.resolve()

  #state: VerifyState = 'idle'
  #due = 0
  #asked = 0
  #nonce: Bytes | undefined // ours, when it is drawn
  #commit: string | undefined // the initiator’s, at the other side

  constructor(view: VerifyView, draw: () => Bytes = () => crypto.getRandomValues(new Uint8Array(32))) {
    this.#view = { ...view, self: { ...view.self }, other: { ...view.other } }
    this.#initiator = view.self.id < view.other.id
    this.#draw = draw
  }

  /** When a tick is wanted, once all events are dealt with; 0: never. */
  get due(): number {
    return this.#due
  }

  /** Takes an event that happened at now, in ms since the link began. They are dealt with one after the other. */
  step(now: number, event: VerifyEvent): Promise<VerifyAction[]> {
    const done = this.#last.then(async () => {
      this.#now = now
      this.#do = []
      await this.#happened(event)
      return this.#do
    })
    this.#last = done.catch(() => {})
    return done
  }

  async #happened(e: VerifyEvent): Promise<void> {
    switch (e.type) {
      case 'begin': return this.#begin()
      case 'match': return this.#match()
      case 'differ': return this.#state === 'comparing' ? this.#stop('differs', 'differs') : undefined
      case 'cancel': return this.#stop('stopped')
      case 'heard': return this.#heard(e.message)
      case 'moved': return this.#moved(e)
      case 'tick': return this.#tick()
    }
  }

  get #running(): boolean {
    return this.#state !== 'idle' && this.#state !== 'matched'
  }

  async #begin(): Promise<void> {
    if (this.#state !== 'idle' && this.#state !== 'asked') return
    if (this.#initiator) {
      this.#nonce = this.#draw()
      this.#say({ commit: await commitTo(this.#view, this.#nonce) })
    } else if (this.#state === 'asked') {
      this.#reveal()
    } else {
      this.#say({})
    }
    this.#become('waiting')
  }

  #match(): void {
    if (this.#state !== 'comparing') return
    this.#do.push({ do: 'pin' })
    this.#become('matched')
  }

  /** What was begun on the carrier before ends: its control messages may be lost, and the code is about its certificates. */
  #moved({ own, theirs }: { own?: Bytes; theirs?: Bytes }): void {
    if (own) this.#view.self.fingerprint = own
    if (theirs) this.#view.other.fingerprint = theirs
    if (this.#running) this.#end('moved')
  }

  #tick(): void {
    if (!this.#due || this.#now < this.#due) return
    if (this.#state === 'matched') this.#end()
    else this.#stop('timeout', 'timeout')
  }

  async #heard(message: unknown): Promise<void> {
    let m
    try {
      m = decode(message)
    } catch {
      return this.#stop('broken', 'broken')
    }
    if (m.cancel) this.#heardCancel(m.reason)
    else if (m.commit) this.#heardCommit(m.commit)
    else if (m.nonce) await this.#heardNonce(m.nonce)
    else if (!this.#initiator || this.#state === 'comparing') this.#stop('broken', 'broken')
    else if (!this.#running) this.#ask()
  }

  #heardCommit(commit: string): void {
    if (!this.#initiator && !this.#running) {
      if (this.#ask()) this.#commit = commit
    } else if (!this.#initiator && this.#state === 'waiting' && !this.#commit) {
      this.#commit = commit
      this.#reveal() // our user has agreed already
    } else {
      this.#stop('broken', 'broken')
    }
  }

  /** Has our user agree first, unless it was asked too often. Returns whether it did. */
  #ask(): boolean {
    if (this.#asked === maxAsked) {
      this.#sayCancel()
      return false
    }
    this.#asked++
    this.#nonce = undefined
    this.#become('asked')
    return true
  }

  #reveal(): void {
    this.#nonce = this.#draw()
    this.#say({ nonce: base64url(this.#nonce) })
  }

  async #heardNonce(theirs: Bytes): Promise<void> {
    const ours = this.#nonce
    if (!this.#running) return this.#sayCancel() // we have cancelled, and it didn’t know
    if (this.#state !== 'waiting' || !ours) return this.#stop('broken', 'broken')
    if (this.#initiator) {
      this.#say({ nonce: base64url(ours) })
      return this.#become('comparing', { code: await codeOf(this.#view, ours, theirs) })
    }
    if (await commitTo(this.#view, theirs) !== this.#commit) return this.#stop('broken', 'broken')
    this.#become('comparing', { code: await codeOf(this.#view, theirs, ours) })
  }

  #heardCancel(reason: string): void {
    if (this.#state === 'matched' && reason === 'differs') this.#do.push({ do: 'withdraw' })
    else if (!this.#running) return
    this.#end(reason === 'differs' || reason === 'timeout' || reason === 'broken' ? reason : 'cancelled')
  }

  /** Ends the exchange, if there is one, and tells the other side. */
  #stop(ended: VerifyEnding, reason?: string): void {
    if (!this.#running) return
    this.#sayCancel(reason)
    this.#end(ended)
  }

  #end(ended?: VerifyEnding): void {
    this.#become('idle', { ended })
    this.#due = 0
    this.#nonce = this.#commit = undefined
  }

  #become(state: VerifyState, more: { code?: number[]; ended?: VerifyEnding | undefined } = {}): void {
    this.#state = state
    this.#due = this.#now + wait
    this.#do.push({ do: 'state', state, ...more })
  }

  #say(more: { commit?: string; nonce?: string }): void {
    this.#do.push({ do: 'send', message: { type: 'verify', ...more } })
  }

  #sayCancel(reason?: string): void {
    this.#do.push({ do: 'send', message: { type: 'verify-cancel', reason } })
  }
}

function decode(message: unknown): { cancel: boolean; reason: string; commit?: string; nonce?: Bytes } {
  const { type, commit, nonce, reason } = object(message) as Record<keyof VerifyMessage, unknown>
  const cancel = type === 'verify-cancel'
  if (!cancel && (type !== 'verify' || (commit != null && nonce != null))) throw malformed('neither verify nor verify-cancel')
  if (reason != null && (typeof reason !== 'string' || (cancel && bytesOf(reason).length > maxReason))) throw malformed('no reason')
  return {
    cancel,
    reason: reason ?? '',
    ...(commit != null && { commit: base64url(fromBase64url(commit, 32)) }),
    ...(nonce != null && { nonce: fromBase64url(nonce, 32) }),
  }
}

/** The hash of all that both sides must see alike. */
export function boundOf({ room, self, other }: VerifyView): Promise<Bytes> {
  const [a, b] = self.id < other.id ? [self, other] : [other, self]
  return sha256(join(texts('snug.v1 verify', room, a.id, b.id), a.key, b.key, a.fingerprint, b.fingerprint))
}

/** Binds the initiator to its number, and to what it sees. */
export async function commitTo(view: VerifyView, nonce: Bytes): Promise<string> {
  return base64url(await sha256(join(texts('snug.v1 commit'), await boundOf(view), nonce)))
}

/** Seven numbers of 6 bits, from both sides’ numbers, the initiator’s first (RFC 5869). */
export async function codeOf(view: VerifyView, initiators: Bytes, others: Bytes): Promise<number[]> {
  const key = await crypto.subtle.importKey('raw', join(initiators, others), 'HKDF', false, ['deriveBits'])
  const info = bytesOf('snug.v1 emoji') as Bytes
  const bits = await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: await boundOf(view), info }, key, 48)
  const text = Array.from(new Uint8Array(bits), byte => byte.toString(2).padStart(8, '0')).join('')
  return Array.from({ length: 7 }, (_, i) => parseInt(text.slice(6 * i, 6 * i + 6), 2))
}
