import { base64url, count, list, maybe, malformed, memberID, object, parse, string } from './decode.ts'
import { decodeICE, type ICE } from './ice.ts'
import type { Family, Report } from './report.ts'
import { decodeRoster, decodeRosterChange, type Roster, type RosterChange } from './roster.ts'

export const subprotocol = 'snug.v1'

// PROTOCOL.md, section 3: what a client says.
export type ToHub =
  | Hello
  | { type: 'signal'; to: string; body: unknown }
  | { type: 'ack'; received: number }
  | { type: 'ping' } | { type: 'pong' }
  | { type: 'token'; token: string }
  | { type: 'kick'; id: string }
  | { type: 'lock'; locked: boolean }
  | { type: 'report'; family: Family } & Report

export interface Hello {
  type: 'hello'
  secret: string
  name: string
  kind: string
  meta: Record<string, unknown>
  token?: string
  /** What the last welcome called the session. */
  session?: string
  /** How many counted messages of it have come. */
  received?: number
}

/** What a kick keeps out: the session and its token, the session only, or nothing because nobody of that id is in the room. */
export type Holds = 'token' | 'session' | 'nothing'

export interface Limits { replay: number; [name: string]: unknown }

export interface Welcome {
  type: 'welcome'
  you: string
  session: string
  recovered: boolean
  received: number
  roster: Roster
  ice: ICE
  heartbeat: { ping: number; timeout: number; grace: number }
  limits: Limits
  permissions: string[]
  expires?: number
  features: string[]
}

// Section 4: what the hub says.
export type FromHub =
  | Welcome
  | RosterChange
  | { type: 'signal'; from: string; body: unknown }
  | { type: 'undeliverable'; to: string; signal: number; reason: string; retry?: number }
  | { type: 'error'; code: string; message: string; retry?: number; limit?: string }
  | { type: 'ack'; received: number }
  | { type: 'ice' } & ICE
  | { type: 'granted'; permissions: string[]; expires?: number }
  | { type: 'kicked'; id: string; holds: Holds | (string & {}) }
  | { type: 'ping' } | { type: 'pong' }

export type Refusal = Extract<FromHub, { type: 'error' }>

/** Decodes a message of the hub; undefined for types that this version doesn't know. Throws a SnugError. */
export function decodeFromHub(text: string): FromHub | undefined {
  const m = object(parse(text))
  const type = string(m['type'], 'type')
  switch (type) {
    case 'welcome': return welcome(m)
    case 'roster': return decodeRosterChange(m)
    case 'signal':
      if (m['body'] === undefined) throw malformed('body')
      return { type, from: string(m['from'], 'from'), body: m['body'] }
    case 'undeliverable': return {
      type, to: string(m['to'], 'to', true), signal: count(m['signal'], 'signal'), reason: string(m['reason'], 'reason'), ...maybe(m, 'retry', count),
    }
    case 'error': return {
      type, code: string(m['code'], 'code'), message: string(m['message'] ?? '', 'message', true), ...maybe(m, 'retry', count), ...maybe(m, 'limit', string),
    }
    case 'ack': return { type, received: count(m['received'], 'received') }
    case 'ice': return { type, ...decodeICE(m) }
    case 'granted': return { type, permissions: names(m['permissions'], 'permissions'), ...maybe(m, 'expires', count) }
    case 'kicked': return { type, id: string(m['id'], 'id', true), holds: string(m['holds'], 'holds') }
    case 'ping':
    case 'pong': return { type }
    default: return undefined
  }
}

function welcome(m: Record<string, unknown>): Welcome {
  const heartbeat = object(m['heartbeat'] ?? {})
  const limits = object(m['limits'] ?? {})
  return {
    type: 'welcome',
    you: memberID(m['you']),
    session: string(m['session'], 'session'),
    recovered: m['recovered'] === true,
    received: count(m['received'] ?? 0, 'received'),
    roster: decodeRoster(m['roster']),
    ice: decodeICE(object(m['ice'] ?? {})),
    heartbeat: {
      ping: count(heartbeat['ping'] ?? 15_000, 'ping'),
      timeout: count(heartbeat['timeout'] ?? 30_000, 'timeout'),
      grace: count(heartbeat['grace'] ?? 60_000, 'grace'),
    },
    limits: { ...limits, replay: count(limits['replay'] ?? 262_144, 'replay') },
    permissions: names(m['permissions'] ?? ['join'], 'permissions'),
    ...maybe(m, 'expires', count),
    features: names(m['features'] ?? [], 'features'),
  }
}

function names(value: unknown, what: string): string[] {
  return list(value, what).map(name => string(name, what))
}

/** Draws a session's secret. It is kept in memory and said to nobody but the hub. */
export function newSecret(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)))
}
