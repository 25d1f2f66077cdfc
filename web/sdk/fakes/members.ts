import type { Entry, Welcome } from '../src/protocol.ts'

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
    recovered: false,
    roster: { epoch, n: Math.max(0, ...members.map(m => m.joined)), members },
    ice: { servers: [] },
    heartbeat: { ping: 15000, timeout: 30000 },
    limits: { frame: 65536, members: 64, hello: 8192, name: 128, meta: 1024 },
    features: [],
  }
}
