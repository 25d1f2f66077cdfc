import type { SnugError } from './errors.ts'
import type { Cause, LinkState } from './link.ts'
import type { Entry } from './roster.ts'

/** Somebody in the room, at one moment. */
export interface Member extends Readonly<Entry> {
  /** Of the link to it. */
  readonly state: LinkState
  /** Why the link is gone, if it is. */
  readonly cause?: Cause
  /** The hub has lost it from sight: it may be about to come back, and its link may work. */
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

/** What a Room emits. */
export interface RoomEvents {
  members: Event
  message: RoomMessageEvent
  hub: Event
  locked: Event
  end: EndEvent
}

/** Listening, or not any more, to events of these types, as to any EventTarget's. */
export interface Listen<Events> {
  <T extends keyof Events>(type: T, listener: (event: Events[T]) => void, options?: boolean | AddEventListenerOptions): void
  (type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void
}
