import { SnugError } from './errors.ts'

// Parts of the SDK that not everybody needs.

/** Loads what only sealed rooms need. */
export async function loadSeal(): Promise<typeof import('./seal.ts')> {
  if (!globalThis.crypto?.subtle) throw new SnugError('insecure', 'Rooms with a key work at https:// and on localhost only: elsewhere browsers don’t encrypt.')
  try {
    return await import('./seal.ts')
  } catch (cause) {
    throw new SnugError('unreachable', 'A part of the SDK can’t be loaded. Check the network.', { cause })
  }
}
