import { update } from './storage.ts'
import type { Bytes, Signer } from './transcript.ts'

// All that proves who somebody is, as one module, for who loads it when it is needed: LINK.md, section 8.
export { emoji, emojiOf } from './emoji.ts'
export { fingerprintOf } from './fingerprint.ts'
export { Pins } from './pins.ts'
export { checkDescription, checkHello, decodeProof, encodeProof, signDescription, signHello } from './transcript.ts'
export { Verification } from './verify.ts'

/**
 * The key that this browser has in a room. `kept`: it is the same the next time. If it isn’t, the browser stores nothing, or no such
 * keys (private windows do that), or what is stored is no key. Without an identity there is none at all: the page isn’t
 * served over HTTPS (`insecure`), or the browser has no Ed25519 (`unsupported`).
 */
export type IdentityResult = { identity: Signer; kept: boolean } | { identity?: undefined; why: 'insecure' | 'unsupported' }

interface Stored { key: Bytes; privateKey: CryptoKey }

/** Loads the key of a room, or makes it. Tabs that do so at once get the same. It never rejects. */
export async function loadIdentity(room: string): Promise<IdentityResult> {
  try {
    const there = await update('identities', room, () => undefined)
    if (isStored(there)) return kept(there)
  } catch { /* nothing can be stored; a key for this page will do */ }
  const made = await newIdentity()
  if (!made.identity) return made
  try {
    await update('identities', room, there => there === undefined ? made.stored : undefined)
    const there = await update('identities', room, () => undefined) // some browsers store what they can’t read again
    if (isStored(there)) return kept(there)
  } catch { /* likewise */ }
  return { identity: made.identity, kept: false }
}

/** Draws a key that nobody has seen before, for this page only. Nothing can read its private half. */
export async function newIdentity(): Promise<{ identity: Signer; stored: Stored } | { identity?: undefined; why: 'insecure' | 'unsupported' }> {
  if (!globalThis.crypto?.subtle) return { why: 'insecure' }
  try {
    const { publicKey, privateKey } = await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']) as CryptoKeyPair
    const stored = { key: new Uint8Array(await crypto.subtle.exportKey('raw', publicKey)), privateKey }
    return { identity: signer(stored), stored }
  } catch {
    return { why: 'unsupported' }
  }
}

function kept(stored: Stored): IdentityResult {
  return { identity: signer(stored), kept: true }
}

function signer({ key, privateKey }: Stored): Signer {
  return { key, sign: async data => new Uint8Array(await crypto.subtle.sign('Ed25519', privateKey, data)) }
}

function isStored(value: unknown): value is Stored {
  const { key, privateKey } = (value ?? {}) as Partial<Stored>
  return key instanceof Uint8Array && key.length === 32 && privateKey instanceof CryptoKey && privateKey.algorithm.name === 'Ed25519' && !privateKey.extractable
}
