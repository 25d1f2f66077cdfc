import { SnugError } from './errors.ts'

export const subprotocol = 'snug.v1'

// PROTOCOL.md, section 3: what a client says.
export type ToHub =
  | { type: 'hello'; secret: string; name: string; kind: string; meta: Record<string, unknown> }
  | { type: 'signal'; to: string; body: unknown }
  | { type: 'ping' }

/** A member as the roster has it. It doesn't change while the member is in the room. */
export interface Entry {
  id: string
  name: string
  kind: string
  meta: Record<string, unknown>
  joined: number
}

export interface Departure { id: string; reason: string; n: number }

export interface Roster { epoch: string; n: number; members: Entry[] }

export interface RosterChange { type: 'roster'; epoch: string; n: number; left: Departure[]; joined: Entry[] }

export interface Welcome {
  type: 'welcome'
  you: string
  recovered: boolean
  roster: Roster
  ice: { servers: RTCIceServer[]; expires?: number }
  heartbeat: { ping: number; timeout: number }
  limits: Record<string, number>
  features: string[]
}

// Section 4: what the hub says.
export type FromHub =
  | Welcome
  | RosterChange
  | { type: 'signal'; from: string; body: unknown }
  | { type: 'undeliverable'; to: string; signal: number; reason: string }
  | { type: 'error'; code: string; message: string; retry?: number }
  | { type: 'pong' }

/** Decodes a message of the hub; undefined for types that this version doesn't know. Throws a SnugError. */
export function decodeFromHub(text: string): FromHub | undefined {
  const m = object(parse(text))
  switch (string(m['type'], 'type')) {
    case 'welcome': return welcome(m)
    case 'roster': return {
      type: 'roster',
      epoch: string(m['epoch'], 'epoch'),
      n: count(m['n'], 'n'),
      left: list(m['left'] ?? [], 'left').map(departure),
      joined: list(m['joined'] ?? [], 'joined').map(entry),
    }
    case 'signal':
      if (m['body'] === undefined) throw malformed('body')
      return { type: 'signal', from: string(m['from'], 'from'), body: m['body'] }
    case 'undeliverable': return {
      type: 'undeliverable', to: string(m['to'], 'to', true), signal: count(m['signal'], 'signal'), reason: string(m['reason'], 'reason'),
    }
    case 'error': return {
      type: 'error', code: string(m['code'], 'code'), message: string(m['message'] ?? '', 'message', true),
      ...(m['retry'] === undefined ? {} : { retry: count(m['retry'], 'retry') }),
    }
    case 'pong': return { type: 'pong' }
    default: return undefined
  }
}

function welcome(m: Record<string, unknown>): Welcome {
  const roster = object(m['roster'])
  const ice = object(m['ice'] ?? {})
  const heartbeat = object(m['heartbeat'] ?? {})
  return {
    type: 'welcome',
    you: memberID(m['you']),
    recovered: m['recovered'] === true,
    roster: {
      epoch: string(roster['epoch'], 'epoch'),
      n: count(roster['n'], 'n'),
      members: list(roster['members'] ?? [], 'members').map(entry),
    },
    ice: {
      servers: list(ice['servers'] ?? [], 'servers').map(iceServer),
      ...(ice['expires'] === undefined ? {} : { expires: count(ice['expires'], 'expires') }),
    },
    heartbeat: { ping: count(heartbeat['ping'] ?? 15000, 'ping'), timeout: count(heartbeat['timeout'] ?? 30000, 'timeout') },
    limits: object(m['limits'] ?? {}) as Record<string, number>,
    features: list(m['features'] ?? [], 'features').map(f => string(f, 'feature')),
  }
}

function iceServer(value: unknown): RTCIceServer {
  const s = object(value)
  const server: RTCIceServer = { urls: list(s['urls'], 'urls').map(url => string(url, 'url')) }
  if (s['username'] !== undefined) server.username = string(s['username'], 'username', true)
  if (s['credential'] !== undefined) server.credential = string(s['credential'], 'credential', true)
  return server
}

function entry(value: unknown): Entry {
  const e = object(value)
  return {
    id: memberID(e['id']),
    name: string(e['name'] ?? '', 'name', true),
    kind: string(e['kind'] ?? '', 'kind', true),
    meta: object(e['meta'] ?? {}),
    joined: count(e['joined'], 'joined'),
  }
}

function departure(value: unknown): Departure {
  const d = object(value)
  return { id: memberID(d['id']), reason: string(d['reason'], 'reason'), n: count(d['n'], 'n') }
}

// What follows is shared by all decoders of this SDK.

export function malformed(what: string): SnugError {
  return new SnugError('malformed', `That is no message of ${subprotocol}: ${what}.`)
}

export function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new SnugError('malformed', 'That is no JSON.', { cause })
  }
}

export function object(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('not an object')
  return value as Record<string, unknown>
}

export function list(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw malformed(`${what} is no list`)
  return value
}

export function string(value: unknown, what: string, empty = false): string {
  if (typeof value !== 'string' || (!empty && value === '')) throw malformed(`${what} is missing`)
  return value
}

export function count(value: unknown, what: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw malformed(`${what} is no count`)
  return value as number
}

/** A member id: 16 bytes in base64url. */
export function memberID(value: unknown): string {
  if (typeof value !== 'string' || !/^[A-Za-z0-9_-]{21}[AQgw]$/.test(value)) throw malformed('not a member id')
  return value
}

/** Draws a session's secret. It is kept in memory and said to nobody but the hub. */
export function newSecret(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)))
}

export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** Brings roster up to change, which may hold what is known already. Returns what that changed. */
export function applyChange(roster: Roster, change: RosterChange): { left: Departure[]; joined: Entry[] } {
  if (change.epoch !== roster.epoch || change.n <= roster.n) return { left: [], joined: [] }
  const known = (id: string) => roster.members.some(m => m.id === id)
  const left = change.left.filter(d => d.n > roster.n && known(d.id))
  roster.members = roster.members.filter(m => !left.some(d => d.id === m.id))
  const joined: Entry[] = []
  for (const m of change.joined) {
    if (m.joined <= roster.n || known(m.id)) continue
    roster.members.push(m)
    joined.push(m)
  }
  roster.n = change.n
  return { left, joined }
}
