import { SnugError } from './errors.ts'
import { loadSeal } from './load.ts'

const maxInvite = 2048
const maxRoomName = 128

/** What is wrong with a room's name: a sentence, or undefined. */
export function checkRoom(name: string): string | undefined {
  if (name === '') return 'The room’s name is missing: an invite ends in /r/ROOM.'
  if (name.length > maxRoomName) return `The room’s name is ${name.length} characters long; ${maxRoomName} are allowed.`
  if (!/^[A-Za-z0-9\-_.~]+$/.test(name) || name === '.' || name === '..') {
    return 'The room’s name may hold A-Z a-z 0-9 - _ . ~ only.'
  }
  return undefined
}

/** Reads an invite, HUB/r/ROOM or HUB/r/ROOM#KEY. Whether the key is the room's isn't known before join(). Throws a SnugError, which never holds the key. */
export function parseInvite(invite: string | URL): { hub: URL; room: string; key?: string } {
  const text = String(invite).trim()
  const url = text.length > maxInvite || !URL.canParse(text) ? undefined : new URL(text)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new SnugError('invite', 'This is no invite: it should look like https://example.org/r/ROOM.')
  }
  const at = url.pathname.lastIndexOf('/r/')
  if (at < 0) throw new SnugError('invite', 'This invite names no room: it should end in /r/ROOM.')
  const room = decode(url.pathname.slice(at + 3))
  const wrong = checkRoom(room)
  if (wrong) throw new SnugError('room', wrong)
  const key = url.hash.slice(1)
  if (key && !/^[\w-]{42}[AEIMQUYcgkosw048]$/.test(key)) throw new SnugError('damaged-key', 'The key of this invite, the part behind the #, is damaged. Ask for the whole link again.')
  return { hub: new URL(url.origin + url.pathname.slice(0, at)), room, ...(key ? { key } : {}) }
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** The invite to a room of a hub, a sealed one if there is a key. */
export function inviteTo(hub: URL | string, room: string, key?: string): string {
  return `${below(hub)}/r/${room}${key ? `#${key}` : ''}`
}

/** Draws an invite to a new sealed room of a hub. Rejects with a SnugError, code `insecure`, where browsers don't encrypt: on plain HTTP away from localhost. */
export async function newInvite(hub: URL | string): Promise<string> {
  const { key, room } = await (await loadSeal()).newKey()
  return inviteTo(hub, room, key)
}

/** Where the room's WebSocket is. */
export function endpoint(hub: URL, room: string): URL {
  const url = new URL(`${below(hub)}/v1/rooms/${room}`)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return url
}

function below(hub: URL | string): string {
  const url = new URL(hub)
  return url.origin + url.pathname.replace(/\/+$/, '')
}

/** Draws a name that can't be guessed: 60 random bits, such as k7wq-4fmx-3tba. */
export function newRoomName(): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'
  const letters = Array.from(crypto.getRandomValues(new Uint8Array(12)), byte => alphabet[byte & 31])
  return [letters.slice(0, 4), letters.slice(4, 8), letters.slice(8)].map(part => part.join('')).join('-')
}
