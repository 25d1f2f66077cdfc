import type { SnugError } from './errors.ts'
import type { Member } from './member.ts'

export class RoomMessageEvent extends Event {
  readonly data: string | Uint8Array
  readonly member: Member
  readonly unreliable: boolean
  /** Of an unreliable message that has one. */
  readonly key: string | undefined

  constructor(data: string | Uint8Array, member: Member, unreliable: boolean, key?: string) {
    super('message')
    this.data = data
    this.member = member
    this.unreliable = unreliable
    this.key = key
  }
}

/** A member has opened a channel that nobody here has asked for yet. What comes on it waits for Room.channel(). */
export class ChannelEvent extends Event {
  readonly name: string
  readonly unreliable: boolean
  readonly member: Member

  constructor(name: string, unreliable: boolean, member: Member) {
    super('channel')
    this.name = name
    this.unreliable = unreliable
    this.member = member
  }
}

/** A member wants to compare emoji: Room.verify() agrees, Room.stopVerify() doesn’t. */
export class VerifyEvent extends Event {
  readonly member: Member

  constructor(member: Member) {
    super('verify')
    this.member = member
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
  channel: ChannelEvent
  verify: VerifyEvent
  hub: Event
  locked: Event
  end: EndEvent
}

/** Listening, or not any more, to events of these types, as to any EventTarget's. */
export interface Listen<Events> {
  <T extends keyof Events>(type: T, listener: (event: Events[T]) => void, options?: boolean | AddEventListenerOptions): void
  (type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void
}
