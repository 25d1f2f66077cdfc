import { count, list, malformed, maybe, memberID, object, string } from './decode.ts'

/** A member as the roster has it. Nothing but `away` changes while it is in the room. */
export interface Entry {
  id: string
  /** What it calls itself. */
  name: string
  kind: string
  meta: Record<string, unknown>
  /** The roster's `n` at which it came in. */
  joined: number
  /** Whom its token names, where the hub asks for tokens. */
  identity?: string
  /** It has no connection to the hub now. */
  away?: boolean
  /** In a sealed room: it can't prove that it has the key, so there is no link to it. */
  sealed?: 'unreadable'
}

export interface Departure { id: string; reason: string; n: number }

export interface Absence { id: string; away: boolean; n: number }

/** Who is in the room, at one version. */
export interface Roster { epoch: string; n: number; members: Entry[]; locked?: boolean }

export interface RosterChange { type: 'roster'; epoch: string; n: number; left: Departure[]; joined: Entry[]; away: Absence[]; locked?: boolean }

export function decodeRoster(value: unknown): Roster {
  const r = object(value)
  return {
    epoch: string(r['epoch'], 'epoch'),
    n: count(r['n'], 'n'),
    members: list(r['members'] ?? [], 'members').map(entry),
    ...maybe(r, 'locked', boolean),
  }
}

export function decodeRosterChange(m: Record<string, unknown>): RosterChange {
  return {
    type: 'roster',
    epoch: string(m['epoch'], 'epoch'),
    n: count(m['n'], 'n'),
    left: list(m['left'] ?? [], 'left').map(departure),
    joined: list(m['joined'] ?? [], 'joined').map(entry),
    away: list(m['away'] ?? [], 'away').map(absence),
    ...maybe(m, 'locked', boolean),
  }
}

function entry(value: unknown): Entry {
  const e = object(value)
  return {
    id: memberID(e['id']),
    name: string(e['name'] ?? '', 'name', true),
    kind: string(e['kind'] ?? '', 'kind', true),
    meta: object(e['meta'] ?? {}),
    joined: count(e['joined'], 'joined'),
    ...maybe(e, 'identity', string),
    ...maybe(e, 'away', boolean),
  }
}

function departure(value: unknown): Departure {
  const d = object(value)
  return { id: memberID(d['id']), reason: string(d['reason'], 'reason'), n: count(d['n'], 'n') }
}

function absence(value: unknown): Absence {
  const a = object(value)
  return { id: memberID(a['id']), away: boolean(a['away'], 'away'), n: count(a['n'], 'n') }
}

function boolean(value: unknown, what: string): boolean {
  if (typeof value !== 'boolean') throw malformed(`${what} is neither true nor false`)
  return value
}

/**
 * Brings roster up to change, which may hold what is known already, and returns
 * what that changed. `moved` are members that went away or came back, as they are now.
 */
export function applyChange(roster: Roster, change: RosterChange): { left: Departure[]; joined: Entry[]; moved: Entry[] } {
  if (change.epoch !== roster.epoch || change.n <= roster.n) return { left: [], joined: [], moved: [] }
  const known = (id: string) => roster.members.find(m => m.id === id)
  const left = change.left.filter(d => d.n > roster.n && known(d.id))
  roster.members = roster.members.filter(m => !left.some(d => d.id === m.id))
  const joined: Entry[] = []
  for (const m of change.joined) {
    if (m.joined <= roster.n || known(m.id)) continue
    roster.members.push(m)
    joined.push(m)
  }
  const moved: Entry[] = []
  for (const { id, away, n } of change.away) {
    const m = known(id)
    if (n <= roster.n || !m || (m.away ?? false) === away) continue
    if (away) m.away = true
    else delete m.away
    moved.push(m)
  }
  roster.n = change.n
  if (change.locked) roster.locked = true
  else if (change.locked === false) delete roster.locked
  return { left, joined, moved }
}
