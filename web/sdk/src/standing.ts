import type { Entry } from './roster.ts'
import type { Signal } from './signals.ts'

// What the SDK has of trust.ts, which is loaded in sealed rooms only.

/** What is known of a member of a sealed room: its key wasn’t there before, it was, two people have compared its emoji, or its name, or whom its token names, was seen with another key. */
export type MemberStanding = 'unverified' | 'known' | 'verified' | 'changed'

/** Seven emoji, which two people compare by voice or in sight. */
export interface Comparison {
  readonly emoji: ReadonlyArray<{ symbol: string; en: string; zh: string }>
  /** Tells whether they are the same on both sides. Rejects like Room.verify() if the exchange has ended. */
  answer(same: boolean): Promise<void>
}

/** What a room knows of its members’ keys. */
export interface Trusting {
  /** For a link to another member. */
  prover(self: string, on: ProverHandlers): Prover
}

export interface ProverHandlers {
  /** The other member, as it is now. */
  entry(): Entry
  /** Sends a control message. */
  say(message: object): void
  /** A description came that isn’t the member’s own. */
  forged(): void
  /** The standing has changed, or whether the other side asks. */
  changed(): void
  /** Somebody there wants to compare emoji. */
  asked(): void
}

/** What the prover has of a carrier. */
export interface Proving { readonly number: number; certificate(): ArrayBuffer | undefined }

/** Holds back what comes on a carrier. */
export interface Gate {
  take(id: number, data: unknown): void
  /** Passes on what was held back, and what comes. */
  open(): void
}

/** Shows the other side of a link who this is, and has it show who it is: LINK.md, section 8. */
export interface Prover {
  readonly standing: MemberStanding | undefined
  /** Somebody there wants to compare emoji. */
  readonly asks: boolean
  /** There is another carrier. */
  moved(number: number): void
  /** The carrier has made or taken these. */
  described(role: 'offer' | 'answer' | 'accept', taken: string, made?: string): void
  /** Adds a proof to a description, always the same one. */
  sign(signal: Signal): Promise<Signal>
  /** Whether a signal may be taken: descriptions of the other side’s own. */
  check(signal: Signal): Promise<boolean>
  gate(frame: (id: number, data: unknown) => void): Gate
  /** What this side confirms as the first thing on a carrier. */
  hello(carrier: Proving): Promise<object>
  /** Resolves when the other side’s hello fits. Rejects if it doesn’t. */
  meet(carrier: Proving, gate: Gate): Promise<void>
  verify(signal?: AbortSignal): Promise<Comparison>
  /** Nobody here wants to compare, or to go on. */
  stop(): void
  /** Somebody has made sure by another way who a changed member is. */
  accept(): Promise<void>
  /** Takes a control message about comparing. */
  heard(message: unknown): void
  /** The link has ended. */
  end(): void
}
