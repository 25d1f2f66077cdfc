import type { SnugError } from './errors.ts'
import type { Member } from './member.ts'

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
