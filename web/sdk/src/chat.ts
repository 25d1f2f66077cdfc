import { base64url, count, list, malformed, memberID, object, parse, string } from './decode.ts'
import { SnugError } from './errors.ts'
import type { Listen, RoomMessageEvent } from './events.ts'
import { bytesOf } from './frame.ts'
import type { Member } from './member.ts'
import type { Room } from './room.ts'

/** A reference to another message; `author` is left out if it is the message's own. */
export interface Ref { rel: string; id: string; author?: string }

/** Something that somebody wrote: LINK.md, section 6. */
export interface ChatMessage {
  type: 'text'
  /** Unique among the author's messages. */
  id: string
  /** The author's member id. */
  author: string
  /** ms since 1970 UTC, by the author's clock. */
  time: number
  body: string
  refs?: Ref[]
}

/** The longest body, in bytes. */
export const maxBody = 8192
const maxRefs = 8
const maxRel = 32
const maxRemembered = 1024

/** Decodes a chat message; undefined for unknown types. Throws a SnugError. */
export function decodeChat(text: string): ChatMessage | undefined {
  const m = object(parse(text))
  if (string(m['type'], 'type') !== 'text') return undefined
  const body = string(m['body'], 'body')
  if (bytesOf(body).length > maxBody) throw malformed('body is too long')
  const message: ChatMessage = { type: 'text', id: messageID(m['id']), author: memberID(m['author']), time: count(m['time'], 'time'), body }
  const refs = list(m['refs'] ?? [], 'refs')
  if (refs.length > maxRefs) throw malformed('too many refs')
  if (refs.length > 0) message.refs = refs.map(ref)
  return message
}

function ref(value: unknown): Ref {
  const r = object(value)
  const rel = string(r['rel'], 'rel')
  if (rel.length > maxRel) throw malformed('rel is too long')
  return { rel, id: messageID(r['id']), ...(r['author'] === undefined ? {} : { author: memberID(r['author']) }) }
}

function messageID(value: unknown): string {
  if (typeof value !== 'string' || !/^[A-Za-z0-9_-]{1,64}$/.test(value)) throw malformed('not a message id')
  return value
}

export class ChatMessageEvent extends Event {
  readonly message: ChatMessage
  /** The author. */
  readonly member: Member

  constructor(message: ChatMessage, member: Member) {
    super('message')
    this.message = message
    this.member = member
  }
}

export interface Chat {
  addEventListener: Listen<{ message: ChatMessageEvent }>
  removeEventListener: Listen<{ message: ChatMessageEvent }>
}

/** A conversation in a room, as page, terminal and bots have it. Emits `message`, a ChatMessageEvent. */
export class Chat extends EventTarget {
  readonly room: Room
  #seen = new Map<string, Set<string>>()
  #stop = new AbortController()

  constructor(room: Room) {
    super()
    this.room = room
    room.addEventListener('message', event => this.#receive(event as RoomMessageEvent), { signal: this.#stop.signal })
  }

  /**
   * Says something to everybody who is in the room now. The message is returned at
   * once; `sent` settles when it is handed over to all of them. Throws a SnugError,
   * code `empty` for no text, `too-long` above maxBody bytes.
   */
  send(body: string, refs?: Ref[]): { message: ChatMessage; sent: Promise<void> } {
    if (body === '') throw new SnugError('empty', 'There is nothing in this message.')
    const size = bytesOf(body).length
    if (size > maxBody) throw new SnugError('too-long', `This message is ${size} bytes long; ${maxBody} are allowed.`)
    const id = base64url(crypto.getRandomValues(new Uint8Array(12)))
    const message: ChatMessage = { type: 'text', id, author: this.room.self.id, time: Date.now(), body, ...(refs ? { refs } : {}) }
    return { message, sent: this.room.broadcast(JSON.stringify(message)) }
  }

  /** Stops listening; the room goes on. */
  close(): void {
    this.#stop.abort()
  }

  #receive({ data, member, unreliable }: RoomMessageEvent): void {
    if (typeof data !== 'string' || unreliable) return
    let message: ChatMessage | undefined
    try {
      message = decodeChat(data)
    } catch {
      return
    }
    if (message && message.author === member.id && this.#isNew(message)) this.dispatchEvent(new ChatMessageEvent(message, member))
  }

  #isNew({ author, id }: ChatMessage): boolean {
    let ids = this.#seen.get(author)
    if (!ids) {
      const here = new Set(this.room.members.map(m => m.id))
      for (const known of this.#seen.keys()) if (!here.has(known)) this.#seen.delete(known)
      this.#seen.set(author, ids = new Set())
    }
    if (ids.has(id)) return false
    ids.add(id)
    if (ids.size > maxRemembered) for (const oldest of ids) { ids.delete(oldest); break }
    return true
  }
}
