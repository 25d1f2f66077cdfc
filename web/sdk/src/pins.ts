import { base64url, count, list, malformed, object } from './decode.ts'
import { SnugError } from './errors.ts'
import { bytesOf } from './frame.ts'
import { update } from './storage.ts'
import { fromBase64url, weak } from './transcript.ts'

// Bounds of what is remembered of a room’s members.
const maxPins = 1024
const maxText = 128 // bytes of a name, or of a token’s identity
const sightEvery = 86_400 // seconds: sights are noted that often at most
const pinAge = 30 * sightEvery // seconds after which a pin gives way to another

/** A member that was here before. Member ids change with each session, so it is the key that counts. Times are in seconds of Unix. */
export interface Pin { key: string; name: string; identity: string; first: number; seen: number; verified?: number }

/** A member who has proved that it holds a key, in base64url, what it calls itself, and whom its token names. */
export interface Sighting { key: string; name: string; identity: string }

/**
 * What the pins say of a sighting. `changed`: somebody else’s key was seen under this name or token identity; a key that isn’t
 * pinned yet stays so until it is accepted or verified. `wasVerified`: such a key was.
 */
export interface Recognized { standing: Standing; changed?: boolean; wasVerified?: boolean }

/** This key wasn’t here before, it was, or two people have compared its emoji. */
export type Standing = 'unverified' | 'known' | 'verified'

/**
 * Who was in a room before, as this browser remembers it, all tabs alike; where nothing can be stored, as this page does.
 * Everything rejects with a SnugError if what is stored is of another version.
 */
export class Pins {
  #room: string
  #memory: Pin[] | undefined

  constructor(room: string) {
    this.#room = room
  }

  /** Whether members are remembered beyond this page, as far as is known. */
  get kept(): boolean {
    return !this.#memory
  }

  /** Looks a member up, and remembers it unless it comes as somebody else. */
  async see(member: Sighting): Promise<Recognized> {
    let recognized: Recognized | undefined
    await this.#update(pins => {
      const seen = see(pins, member, seconds())
      recognized = seen.recognized
      return seen.stored
    })
    return recognized!
  }

  /** Remembers a member although others came under its name. Resolves to whether there was room. */
  accept(member: Sighting): Promise<boolean> {
    return this.#update(pins => keep(pins, member, seconds(), false))
  }

  /** Remembers a member as verified. Resolves likewise. */
  verify(member: Sighting): Promise<boolean> {
    return this.#update(pins => keep(pins, member, seconds(), true))
  }

  /** Takes a verification back. Resolves to whether there was one. */
  withdraw(key: string): Promise<boolean> {
    return this.#update(pins => withdraw(pins, key))
  }

  async #update(change: (pins: Pin[]) => boolean): Promise<boolean> {
    if (this.#memory) return change(this.#memory)
    let stored = false
    try {
      await update('pins', this.#room, value => {
        const pins = value === undefined ? [] : decodePins(value)
        stored = change(pins)
        return stored ? pins : undefined
      })
      return stored
    } catch (cause) {
      if (cause instanceof SnugError) throw cause
      return change(this.#memory ??= [])
    }
  }
}

const seconds = () => Math.floor(Date.now() / 1000)

// The same as in Go (peer/pins.go), by the same traces (signaling/testdata/pins.json).

/** Whether the pins are other ones now. */
export function see(pins: Pin[], sighting: Sighting, now: number): { recognized: Recognized; stored: boolean } {
  const s = bounded(sighting)
  const second = Math.max(now, 1)
  const known = pins.find(pin => pin.key === s.key)
  const recognized = recognize(pins, s, known)
  if (recognized.changed) return { recognized, stored: false }
  if (!known) return { recognized, stored: add(pins, fresh(s, second), false) }
  const stored = note(known, s) || second >= known.seen + sightEvery
  if (stored) known.seen = Math.max(second, known.seen)
  return { recognized, stored }
}

/** Whether the member could be remembered. */
export function keep(pins: Pin[], sighting: Sighting, now: number, verified: boolean): boolean {
  const s = bounded(sighting)
  const second = Math.max(now, 1)
  let known = pins.find(pin => pin.key === s.key)
  if (!known) {
    known = fresh(s, second)
    if (!add(pins, known, true)) return false
  }
  note(known, s)
  known.seen = Math.max(second, known.seen)
  if (verified) known.verified = known.seen
  return true
}

export function withdraw(pins: Pin[], key: string): boolean {
  const known = pins.find(pin => pin.key === key)
  const was = known?.verified !== undefined
  if (known) delete known.verified
  return was
}

/** Leaves out what is too long to be remembered. */
function bounded({ key, name, identity }: Sighting): Sighting {
  const short = (text: string) => bytesOf(text).length > maxText ? '' : text
  return { key, name: short(name), identity: short(identity) }
}

function fresh(s: Sighting, second: number): Pin {
  return { ...s, first: second, seen: second }
}

/** Takes over what a member says of itself. What it doesn’t say, or the hub leaves out, stays. */
function note(known: Pin, s: Sighting): boolean {
  const name = s.name || known.name
  const identity = s.identity || known.identity
  const other = name !== known.name || identity !== known.identity
  Object.assign(known, { name, identity })
  return other
}

function recognize(pins: Pin[], s: Sighting, own: Pin | undefined): Recognized {
  const others = pins.filter(pin => pin !== own
    && ((s.name && s.name === pin.name && s.name !== own?.name) || (s.identity && s.identity === pin.identity && s.identity !== own?.identity)))
  return {
    standing: own ? own.verified ? 'verified' : 'known' : 'unverified',
    ...(others.length && { changed: true }),
    ...(others.some(pin => pin.verified) && { wasVerified: true }),
  }
}

/**
 * Makes room where there is none: by forgetting who wasn’t verified and hasn’t been here for long, or, if somebody asks for it, not for
 * the longest. So members who come with one key after the other drive nobody out.
 */
function add(pins: Pin[], pin: Pin, asked: boolean): boolean {
  if (pins.length >= maxPins) {
    let oldest: Pin | undefined
    for (const old of pins) if (!old.verified && (!oldest || old.seen < oldest.seen)) oldest = old
    if (!oldest || (!asked && oldest.seen > pin.seen - pinAge)) return false
    pins.splice(pins.indexOf(oldest), 1)
  }
  pins.push(pin)
  return true
}

/** Decodes what is stored, strictly: what has anything unknown in it is of another version. Throws a SnugError. */
export function decodePins(value: unknown): Pin[] {
  const pins = list(value, 'pins').map(decodePin)
  if (pins.length > maxPins || new Set(pins.map(pin => pin.key)).size < pins.length) throw malformed('too many pins')
  return pins
}

function decodePin(value: unknown): Pin {
  const { key, name, identity, first, seen, verified, ...more } = object(value)
  const bytes = fromBase64url(key, 32)
  const times = [first, seen, ...(verified === undefined ? [] : [verified])].map(time => count(time, 'a time'))
  if (weak(bytes) || times[0] === 0 || times.some(time => time < times[0]!) || Object.keys(more).length) throw malformed('no pin')
  return { key: base64url(bytes), name: text(name), identity: text(identity), first: times[0]!, seen: times[1]!, ...(times.length > 2 && { verified: times[2]! }) }
}

function text(value: unknown): string {
  if (typeof value !== 'string' || bytesOf(value).length > maxText) throw malformed('no text')
  return value
}
