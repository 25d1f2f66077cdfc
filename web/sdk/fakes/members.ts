import type { Welcome } from '../src/protocol.ts'
import type { Entry } from '../src/roster.ts'

/** A member's id: ids sort as their letters do. */
export function idOf(letter: string): string {
  return letter.repeat(21) + 'A'
}

/** A member as the roster has it. */
export function entryOf(letter: string, joined: number, kind = 'browser'): Entry {
  return { id: idOf(letter), name: letter, kind, meta: {}, joined }
}

/** What a hub says to the member `you`, in a room of these. */
export function welcomeTo(you: string, members: Entry[], epoch = 'e'): Welcome {
  return {
    type: 'welcome',
    you: idOf(you),
    session: 's1',
    recovered: false,
    received: 0,
    roster: { epoch, n: Math.max(0, ...members.map(m => m.joined)), members },
    ice: { servers: [] },
    heartbeat: { ping: 15000, timeout: 30000, grace: 60000 },
    limits: { frame: 65536, members: 64, hello: 8192, name: 128, meta: 1024, replay: 262144, signals: { rate: 100, burst: 1000 }, fragments: 64 },
    permissions: ['join'],
    features: ['http'],
  }
}
