// The vectors and traces of identity, which Go's tests read too.
import emoji from '../../../peer/emoji.json'
import identity from '../../../signaling/testdata/identity.json'
import pins from '../../../signaling/testdata/pins.json'
import verify from '../../../signaling/testdata/verify-traces.json'
import type { Pin, Recognized } from '../src/pins.ts'
import type { Bytes, Signer } from '../src/transcript.ts'
import type { VerifyAction } from '../src/verify.ts'

export const vectors = identity
export const emojiTable = emoji as Array<[string, string, string]>

/** What is done with the pins of a room, and what comes of it. */
export interface PinTrace {
  name: string
  steps: Array<{ op: string; at: number; key: string; name: string; identity: string; result?: Recognized; stored: boolean; pins: number }>
  after: Pin[]
}
export const pinTraces = pins.cases as PinTrace[]

/** What happens to one side, a or b, and what it does. Fingerprints are in hexadecimal. */
export interface VerifyTrace {
  name: string
  side: string
  steps: Array<{ at: number; event: { type: string; message?: unknown; own?: string; theirs?: string }; do: VerifyAction[]; due: number }>
}
export const verifyTraces = verify as unknown as { view: typeof verify.view; draws: Record<string, string[]>; cases: VerifyTrace[] }

export function unhex(text: string): Bytes {
  return Uint8Array.from(text.match(/../g) ?? [], byte => parseInt(byte, 16))
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}

export function unbase64url(text: string): Bytes {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), c => c.charCodeAt(0))
}

/** One with a key that isn't secret. */
export async function signerOf(seed: string, key: string): Promise<Signer> {
  const pkcs8 = unhex(`302e020100300506032b657004220420${seed}`) // RFC 8410, section 7
  const privateKey = await crypto.subtle.importKey('pkcs8', pkcs8, 'Ed25519', false, ['sign'])
  return { key: unbase64url(key), sign: async data => new Uint8Array(await crypto.subtle.sign('Ed25519', privateKey, data)) }
}
