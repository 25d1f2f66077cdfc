import { SnugError } from './errors.ts'
import type { Trusting } from './standing.ts'

// Parts of the SDK that not everybody needs.

/** Loads what only sealed rooms need. */
export async function loadSeal(): Promise<typeof import('./seal.ts')> {
  if (!globalThis.crypto?.subtle) throw new SnugError('insecure', 'Rooms with a key work at https:// and on localhost only: elsewhere browsers don’t encrypt.')
  return import('./seal.ts').catch(missing)
}

/** Loads what knows this browser’s keys, and the members’. Rejects where there can be none. */
export async function loadTrust(room: string): Promise<Trusting> {
  const { Trust } = await import('./trust.ts').catch(missing)
  return Trust.load(room, { error: (code, message) => new SnugError(code, message) })
}

function missing(cause: unknown): never {
  throw new SnugError('unreachable', 'A part of the SDK can’t be loaded. Check the network.', { cause })
}
