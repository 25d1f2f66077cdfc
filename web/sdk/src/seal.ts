import type { FromHub } from './protocol.ts'
import type { Entry } from './roster.ts'

// Sealed rooms: LINK.md, section 7. This file imports nothing, and is loaded only where there is a room with a key.

type Bytes = Uint8Array<ArrayBuffer>

// In bytes.
const keySize = 32
const nameSize = 16
const saltSize = 16
const maxEntry = 704
const maxName = 128

const maxSpeakers = 4096
const windowWidth = 64

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Another member whose entry was opened. */
interface Speaker { salt: string; key: CryptoKey; name: string; meta: Record<string, unknown>; window: Replays }

/** Draws a key, and the name of its room. */
export async function newKey(): Promise<{ key: string; room: string }> {
  const key = crypto.getRandomValues(new Uint8Array(keySize))
  return { key: base64(key), room: await roomOf(key) }
}

async function roomOf(key: Bytes): Promise<string> {
  return `~${base64(await derive(key, 'snug.v1 room', nameSize))}`
}

/** HKDF with SHA-256 (RFC 5869). */
async function derive(from: Bytes, info: string, size: number, salt: Bytes = new Uint8Array()): Promise<Bytes> {
  const key = await crypto.subtle.importKey('raw', from, 'HKDF', false, ['deriveBits'])
  return new Uint8Array(await crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info: encoder.encode(info) }, key, size * 8))
}

/**
 * Seals what one session says through the hub in a sealed room, and opens what others say. The hub can't read,
 * forge, change, repeat or redirect any of it.
 */
export class Seal {
  #room: string
  #self: string
  #signals: Bytes
  #salt: string
  #own: CryptoKey
  #entry: { name: string; meta: Record<string, unknown> } = { name: '', meta: {} }
  #n = 0 // the newest signal's; 0 is the entry
  #speakers = new Map<string, Speaker>() // none is forgotten, or the hub could repeat what it had said

  /** Resolves with nothing if room and key don't belong together. The salt is for tests: with one that was used before, a nonce would be, too. */
  static async make(key: string, room: string, secret: string, salt: Bytes = crypto.getRandomValues(new Uint8Array(saltSize))): Promise<Seal | undefined> {
    const bytes = unbase64(key)
    if (await roomOf(bytes) !== room) return undefined
    const self = base64(new Uint8Array(await crypto.subtle.digest('SHA-256', unbase64(secret))).subarray(0, 16))
    const signals = await derive(bytes, 'snug.v1 signals', keySize)
    return new Seal(room, self, signals, base64(salt), await speakerKey(signals, self, salt))
  }

  constructor(room: string, self: string, signals: Bytes, salt: string, own: CryptoKey) {
    this.#room = room
    this.#self = self
    this.#signals = signals
    this.#salt = salt
    this.#own = own
  }

  /** This session's name and metadata, of which there is one pair only: their counter is always 0. Throws with a sentence. */
  async entry(name: string, meta: Record<string, unknown>): Promise<Record<string, unknown>> {
    if (!isName(name)) throw new RangeError(`A name has at most ${maxName} bytes, and no control characters.`)
    const plain = JSON.stringify({ name, meta })
    const { length } = encoder.encode(plain)
    if (length > maxEntry) throw new RangeError(`Name and metadata are ${length} bytes of JSON; in a sealed room ${maxEntry} are allowed.`)
    this.#entry = { name, meta }
    return { sealed: { salt: this.#salt, data: await this.#seal(plain, 0, this.#entryData(this.#self)) } }
  }

  /** A signal to another member. */
  async signal(to: string, body: unknown): Promise<unknown> {
    const n = ++this.#n
    return { type: 'sealed', salt: this.#salt, n, data: await this.#seal(JSON.stringify(body), n, this.#signalData(this.#self, to, n)) }
  }

  /** What the hub says, opened; nothing for what can't be. */
  async open<M extends FromHub>(message: M): Promise<M | undefined> {
    switch (message.type) {
      case 'welcome': return { ...message, roster: { ...message.roster, members: await this.#enter(message.roster.members) } }
      case 'roster': return { ...message, joined: await this.#enter(message.joined) }
      case 'signal': {
        const body = await this.#body(message.from, message.body)
        return body === undefined ? undefined : { ...message, body }
      }
      default: return message
    }
  }

  async #enter(entries: Entry[]): Promise<Entry[]> {
    const all: Entry[] = []
    for (const entry of entries) all.push(await this.#enterOne(entry)) // in turn, for the limit
    return all
  }

  /** What a member said of itself first stays, whatever a roster says later. */
  async #enterOne(entry: Entry): Promise<Entry> {
    if (entry.id === this.#self) return { ...entry, ...this.#entry }
    const known = this.#speakers.get(entry.id) ?? (this.#speakers.size < maxSpeakers ? await this.#meet(entry).catch(() => undefined) : undefined)
    if (!known) return { ...entry, name: '', meta: {}, sealed: 'unreadable' }
    this.#speakers.set(entry.id, known)
    return { ...entry, name: known.name, meta: known.meta }
  }

  /** Rejects if the entry wasn't made with the room's key for this member. */
  async #meet({ id, meta }: Entry): Promise<Speaker> {
    const { salt, data } = meta['sealed'] as { salt: string; data: string }
    const bytes = unbase64(salt)
    if (bytes.length !== saltSize || base64(bytes) !== salt) throw new Error('no salt')
    const key = await speakerKey(this.#signals, id, bytes)
    const said = JSON.parse(await open(key, 0, data, this.#entryData(id)))
    if (!isName(said.name) || typeof said.meta !== 'object' || !said.meta || Array.isArray(said.meta)) throw new Error('no entry')
    return { salt, key, name: said.name, meta: said.meta, window: new Replays() }
  }

  async #body(from: string, body: unknown): Promise<unknown> {
    try {
      const { type, salt, n, data } = body as { type: string; salt: string; n: number; data: string }
      const speaker = this.#speakers.get(from)
      if (type !== 'sealed' || !speaker || salt !== speaker.salt || !Number.isSafeInteger(n) || n < 1) return undefined
      const plain = JSON.parse(await open(speaker.key, n, data, this.#signalData(from, this.#self, n)))
      return speaker.window.take(n) ? plain : undefined
    } catch {
      return undefined
    }
  }

  async #seal(plain: string, n: number, additionalData: Bytes): Promise<string> {
    return base64(new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce(n), additionalData }, this.#own, encoder.encode(plain))))
  }

  #entryData(from: string): Bytes {
    return encoder.encode(['snug.v1 entry', this.#room, from].join('\0'))
  }

  /** No part holds a zero byte. */
  #signalData(from: string, to: string, n: number): Bytes {
    const parts = encoder.encode(['snug.v1 signal', this.#room, from, to, ''].join('\0'))
    const data = new Uint8Array(parts.length + 8)
    data.set(parts)
    data.set(nonce(n).subarray(4), parts.length)
    return data
  }
}

/** Which counters of a sender are new: RFC 4303, section 3.4.3. */
export class Replays {
  #highest = 0
  #seen = new Set<number>()

  /** Whether n wasn't taken before, and isn't too old to tell. */
  take(n: number): boolean {
    if (n <= this.#highest - windowWidth || this.#seen.has(n)) return false
    this.#seen.add(n)
    if (n <= this.#highest) return true
    this.#highest = n
    for (const old of this.#seen) if (old <= n - windowWidth) this.#seen.delete(old)
    return true
  }
}

/** What a member seals with in one session. */
async function speakerKey(signals: Bytes, id: string, salt: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', await derive(signals, `snug.v1 sender\0${id}`, keySize, salt), 'AES-GCM', false, ['encrypt', 'decrypt'])
}

async function open(key: CryptoKey, n: number, data: string, additionalData: Bytes): Promise<string> {
  return decoder.decode(await crypto.subtle.decrypt({ name: 'AES-GCM', iv: nonce(n), additionalData }, key, unbase64(data)))
}

/** Never comes twice under a key: that is drawn anew for each session, and n counts. */
function nonce(n: number): Bytes {
  const bytes = new Uint8Array(12)
  new DataView(bytes.buffer).setBigUint64(4, BigInt(n))
  return bytes
}

function isName(name: unknown): name is string {
  return typeof name === 'string' && encoder.encode(name).length <= maxName && !/[\0-\x1f\x7f-\x9f]/.test(name)
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** Throws if it is none. */
function unbase64(text: string): Bytes {
  if (!/^[\w-]*$/.test(text)) throw new Error('no base64url')
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), c => c.charCodeAt(0))
}
