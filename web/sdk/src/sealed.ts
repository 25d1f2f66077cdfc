import { SnugError } from './errors.ts'
import { loadSeal, loadTrust } from './load.ts'
import { newSecret } from './protocol.ts'
import type { Seal } from './seal.ts'
import type { Trusting } from './standing.ts'

/** What a session in a sealed room needs more than another. */
export interface Sealed { seal: Seal; trust: Trusting; key: string; secret: string; entry: Record<string, unknown> }

export function isSealed(room: string): boolean {
  return room.startsWith('~')
}

/** Makes sure that room and key belong together, before anything is sent, and seals name and metadata. */
export async function sealedBy(room: string, key: string | undefined, name: string, meta: Record<string, unknown>): Promise<Sealed> {
  if (!key) throw new SnugError('no-key', 'This invite lacks its key, the part behind the #. Ask for the whole link.')
  const { Seal } = await loadSeal()
  const secret = newSecret()
  const seal = isSealed(room) ? await Seal.make(key, room, secret) : undefined
  if (!seal) throw new SnugError('wrong-key', 'The room and the key of this invite don’t belong together. Ask for the link again.')
  const entry = await seal.entry(name, meta).catch((cause: Error) => { throw new SnugError('malformed', cause.message, { cause }) })
  return { seal, trust: await loadTrust(room), key, secret, entry }
}
