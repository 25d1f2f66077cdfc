// Loaded in sealed rooms only, as a file of its own: what it has of other files is bundled into it.
import type { SnugError } from './errors.ts'
import { base64url } from './decode.ts'
import { type Emoji, emojiOf } from './emoji.ts'
import { fingerprintOf } from './fingerprint.ts'
import { loadIdentity } from './identity.ts'
import { Pins, type Recognized, type Sighting } from './pins.ts'
import type { Signal } from './signals.ts'
import type { Comparison, Gate, MemberStanding, Prover, ProverHandlers, Proving, Trusting } from './standing.ts'
import { type Bytes, checkDescription, checkHello, decodeProof, type Description, encodeProof, type HelloView, same, sha256, signDescription, type Signer, signHello } from './transcript.ts'
import { Verification, type VerifyAction, type VerifyEnding, type VerifyEvent, type VerifyState } from './verify.ts'

/** What this file has of the others. */
export interface TrustTools { error(code: string, message: string): SnugError }

/** What a room knows of its members’ keys. */
export class Trust implements Trusting {
  readonly room: string
  readonly identity: Signer
  readonly pins: Pins
  readonly tools: TrustTools
  /** By member id, in base64url: the first that a signature of the id was accepted with. None is forgotten, or another could come under it. */
  readonly keys = new Map<string, string>()
  readonly standings = new Map<string, MemberStanding>()
  #consulted: Promise<unknown> = Promise.resolve()

  /** Loads this browser’s key. Rejects where there can be none. */
  static async load(room: string, tools: TrustTools): Promise<Trust> {
    const { identity } = await loadIdentity(room)
    if (!identity) throw tools.error('no-ed25519', 'This browser can’t prove who it is: it has no Ed25519. Use a current Firefox, Chromium, Chrome or Safari, or a room without a key.')
    return new Trust(room, identity, new Pins(room), tools)
  }

  constructor(room: string, identity: Signer, pins: Pins, tools: TrustTools) {
    this.room = room
    this.identity = identity
    this.pins = pins
    this.tools = tools
  }

  /** For a link to this member. */
  prover(self: string, on: ProverHandlers): Prover {
    return new LinkProver(this, self, on)
  }

  /** Has something asked of the pins, one after the other. */
  consult(id: string, ask: () => Promise<MemberStanding>): Promise<void> {
    const asked = this.#consulted.then(ask).catch((error: unknown): MemberStanding => {
      console.warn('snug: who was here before isn’t known, or can’t be remembered:', error)
      return 'unverified'
    }).then(standing => { this.standings.set(id, standing) })
    this.#consulted = asked
    return asked
  }
}

interface Waiting { resolve(emoji: Emoji[]): void; reject(error: SnugError): void; ended?: SnugError }

class LinkProver implements Prover {
  asks = false
  #trust: Trust
  #self: string
  #on: ProverHandlers
  #signed: (Signal & { type: 'offer' | 'answer' }) | undefined // our newest description
  #offered = '' // the offer that our newest answer is for
  #number = 0 // of the carrier
  #own: Bytes | undefined // the carrier’s two ends, by the descriptions
  #theirs: Bytes | undefined
  #known: Promise<{ own: Bytes; theirs: Bytes }> | undefined // both
  #knows: ((ends: { own: Bytes; theirs: Bytes }) => void) | undefined
  #verification: Verification | undefined
  #state: VerifyState = 'idle'
  #timer: ReturnType<typeof setTimeout> | undefined
  #waiting: Waiting | undefined

  constructor(trust: Trust, self: string, on: ProverHandlers) {
    this.#trust = trust
    this.#self = self
    this.#on = on
  }

  get standing(): MemberStanding | undefined {
    return this.#trust.standings.get(this.#other)
  }

  get #other(): string {
    return this.#on.entry().id
  }

  moved(number: number): void {
    this.#number = number
    this.#own = this.#theirs = undefined
    this.#known = new Promise(resolve => { this.#knows = resolve })
  }

  /** The carrier has made or taken these. */
  described(role: 'offer' | 'answer' | 'accept', taken: string, made?: string): void {
    if (role === 'answer') this.#offered = taken
    if (role !== 'offer') this.#theirs = fingerprintOf(taken)
    if (made) this.#own = fingerprintOf(made)
    if (this.#own && this.#theirs) this.#knows?.({ own: this.#own, theirs: this.#theirs })
  }

  /** Adds a proof to a description, always the same one. */
  async sign(signal: Signal): Promise<Signal> {
    if (signal.type !== 'offer' && signal.type !== 'answer') return signal
    const was = this.#signed
    if (was?.n === signal.n && was.sdp === signal.sdp && was.carrier === signal.carrier) return was
    const proof = await signDescription(this.#trust.identity, this.#description(signal, this.#self, this.#other, this.#offered))
    return this.#signed = { ...signal, identity: encodeProof(proof) }
  }

  /** Whether a signal may be taken: descriptions of the other side’s own. */
  async check(signal: Signal): Promise<boolean> {
    if (signal.type !== 'offer' && signal.type !== 'answer') return true
    const ours = this.#signed
    if (signal.type === 'answer' && ours?.n !== signal.n) return false // to an offer that is over
    try {
      const proof = decodeProof(signal.identity)
      const theirs = await checkDescription(this.#description(signal, this.#other, this.#self, ours?.sdp ?? ''), proof)
      const key = base64url(proof.key)
      const first = this.#trust.keys.get(this.#other)
      if (first && first !== key) throw new Error('another key than the first that came under this id')
      if (this.#theirs && this.#number === signal.carrier && !same(theirs, this.#theirs)) throw new Error('another certificate on the same carrier')
      this.#trust.keys.set(this.#other, key)
      return true
    } catch (error) {
      console.warn('snug: a description was dropped, it may be somebody else’s:', error)
      this.#on.forged()
      return false
    }
  }

  #description({ type, n, carrier, sdp }: Signal & { type: 'offer' | 'answer' }, from: string, to: string, offer: string): Description {
    return { room: this.#trust.room, from, to, role: type, n, carrier, offer: type === 'offer' ? sdp : offer, own: sdp }
  }

  /** What this side confirms as the first thing on a carrier. */
  async hello({ number }: Proving): Promise<object> {
    const { keys, identity, room } = this.#trust
    const { own, theirs } = await this.#known!
    const view: HelloView = { room, from: this.#self, to: this.#other, carrier: number, own, other: theirs, otherKey: bytes(keys.get(this.#other)!) }
    return encodeProof(await signHello(identity, view))
  }

  gate(frame: (id: number, data: unknown) => void): Gate {
    return new HeldBack(frame)
  }

  /** Resolves when the other side’s hello fits. Rejects if it doesn’t. */
  async meet(carrier: Proving, gate: HeldBack): Promise<void> {
    const { own, theirs } = await this.#known!
    const { type, identity } = await gate.first
    const certificate = carrier.certificate()
    if (type !== 'hello' || (certificate && !same(await sha256(new Uint8Array(certificate)), theirs))) throw new Error('another certificate than the description said, or no hello')
    const { keys, room, identity: ours } = this.#trust
    const key = bytes(keys.get(this.#other)!)
    await checkHello({ room, from: this.#other, to: this.#self, carrier: carrier.number, own: theirs, other: own, otherKey: ours.key }, decodeProof(identity), key)
    if (this.#verification) return this.#step({ type: 'moved', own, theirs })
    this.#verification = new Verification({ room, self: { id: this.#self, key: ours.key, fingerprint: own }, other: { id: this.#other, key, fingerprint: theirs } })
    void this.#consult(async sighting => standingOf(await this.#trust.pins.see(sighting)))
  }

  async #consult(ask: (sighting: Sighting) => Promise<MemberStanding>): Promise<void> {
    const { id, name, identity = '' } = this.#on.entry()
    await this.#trust.consult(id, () => ask({ key: this.#trust.keys.get(id)!, name, identity }))
    this.#on.changed()
  }

  /** Compares emoji: begins, or agrees. */
  async verify(signal?: AbortSignal): Promise<Comparison> {
    if (!this.#verification) throw this.#error('early')
    if (this.#waiting || (this.#state !== 'idle' && this.#state !== 'asked')) throw this.#error('busy')
    const stop = () => this.stop()
    let waiting!: Waiting
    const shown = new Promise<Emoji[]>((resolve, reject) => { this.#waiting = waiting = { resolve, reject } })
    shown.catch(() => {})
    signal?.addEventListener('abort', stop)
    try {
      await this.#step(signal?.aborted ? { type: 'cancel' } : { type: 'begin' })
      if (signal?.aborted) this.#ended('stopped')
      const emoji = await shown
      return { emoji, answer: same => this.#answer(waiting, same) }
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  async #answer(waiting: Waiting, same: boolean): Promise<void> {
    if (waiting.ended) throw waiting.ended
    waiting.ended = this.#error('busy')
    this.#waiting = undefined
    await this.#step({ type: same ? 'match' : 'differ' })
  }

  /** Nobody here wants to compare, or to go on. */
  stop(): void {
    void this.#step({ type: 'cancel' })
  }

  /** Somebody has made sure by another way who a changed member is. */
  async accept(): Promise<void> {
    if (this.standing !== 'changed') return
    await this.#consult(async sighting => {
      await this.#trust.pins.accept(sighting)
      return standingOf(await this.#trust.pins.see(sighting))
    })
  }

  /** Takes a control message about comparing. */
  heard(message: unknown): void {
    void this.#step({ type: 'heard', message })
  }

  /** The link has ended. */
  end(): void {
    clearTimeout(this.#timer)
    this.asks = false
    this.#ended('moved')
    this.#verification = undefined
  }

  async #step(event: VerifyEvent): Promise<void> {
    const verification = this.#verification
    for (const action of await verification?.step(performance.now(), event) ?? []) this.#do(action)
    clearTimeout(this.#timer)
    const due = verification?.due
    if (due && verification === this.#verification) this.#timer = setTimeout(() => void this.#step({ type: 'tick' }), Math.ceil(due - performance.now()))
  }

  #do(action: VerifyAction): void {
    const { pins, keys } = this.#trust
    switch (action.do) {
      case 'send': return this.#on.say(action.message)
      case 'pin': return void this.#consult(async sighting => {
        await pins.verify(sighting)
        return 'verified'
      })
      case 'withdraw': return void this.#consult(async sighting => {
        await pins.withdraw(keys.get(this.#other)!)
        return standingOf(await pins.see(sighting))
      })
      case 'state': return this.#shown(action.state, action.code, action.ended)
    }
  }

  #shown(state: VerifyState, code: number[] | undefined, ended: VerifyEnding | undefined): void {
    const asked = state === 'asked'
    this.#state = state
    if (code) this.#waiting?.resolve(emojiOf(code))
    if (state === 'idle' && ended) this.#ended(ended)
    if (asked === this.asks) return
    this.asks = asked
    this.#on.changed()
    if (asked) this.#on.asked()
  }

  #ended(why: VerifyEnding): void {
    const waiting = this.#waiting
    if (!waiting) return
    this.#waiting = undefined
    waiting.reject(waiting.ended = this.#error(why))
  }

  #error(why: keyof typeof reasons): SnugError {
    return this.#trust.tools.error(`verify-${why}`, reasons[why])
  }
}

const reasons = {
  stopped: 'Comparing was stopped here.',
  cancelled: 'The other side doesn’t want to compare now.',
  timeout: 'Nobody answered for five minutes.',
  differs: 'The emoji differ: somebody may be in between. Don’t trust this link.',
  broken: 'The other side, or somebody in between, didn’t keep to the exchange. Try again.',
  moved: 'The connection has changed. Try again.',
  busy: 'This member is being compared already, or was a moment ago.',
  early: 'The link isn’t live yet.',
}

function standingOf({ standing, changed }: Recognized): MemberStanding {
  return changed ? 'changed' : standing
}

function bytes(text: string): Bytes {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), c => c.charCodeAt(0))
}

// A member sends nothing before it has heard a hello, so what comes early is what was overtaken by it: a window’s worth at most. In bytes.
const maxHeld = 2 * 1024 * 1024
const header = 8

/** Holds back what comes on a carrier until its hello fits. */
class HeldBack implements Gate {
  /** The first control message. Rejects if it is none, or too much comes before it. */
  readonly first: Promise<Record<string, unknown>>
  #frame: (id: number, data: unknown) => void
  #held: Array<[number, ArrayBuffer]> | undefined = []
  #bytes = 0
  #resolve!: (hello: Record<string, unknown>) => void
  #reject!: (error: Error) => void

  constructor(frame: (id: number, data: unknown) => void) {
    this.#frame = frame
    this.first = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.first.catch(() => {})
  }

  take(id: number, data: unknown): void {
    if (!this.#held) return this.#frame(id, data)
    if (id === 2) return // what is unreliable may be lost
    if (!(data instanceof ArrayBuffer) || (this.#bytes += data.byteLength) > maxHeld) return this.#reject(new Error('too much came before the hello'))
    this.#held.push([id, data])
    if (id !== 0) return
    try {
      this.#resolve(Object(JSON.parse(new TextDecoder().decode(new Uint8Array(data, header)))))
    } catch (error) {
      this.#reject(error as Error)
    }
  }

  /** Passes on what was held back, and what comes. */
  open(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const [id, data] of held) this.#frame(id, data)
  }
}
