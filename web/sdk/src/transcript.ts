import { base64url, malformed, object } from './decode.ts'
import { fingerprintOf, refused } from './fingerprint.ts'
import { bytesOf } from './frame.ts'

// What is signed in a sealed room: LINK.md, section 8. Each transcript begins with its own label, and its texts
// end in a zero byte, which none of them can hold: no two transcripts are the same bytes.

export type Bytes = Uint8Array<ArrayBuffer>

/** Whoever holds the private half of `key`, 32 bytes of Ed25519 (RFC 8032). */
export interface Signer {
  readonly key: Bytes
  sign(data: Bytes): Promise<Bytes>
}

/** Shows that its key’s holder has signed. */
export interface Proof { key: Bytes; signature: Bytes }

/** An offer or an answer, as its sender signs it. `offer` and `own` are SDP, the same for an offer. */
export interface Description { room: string; from: string; to: string; role: 'offer' | 'answer'; n: number; carrier: number; offer: string; own: string }

/** What the sender of a hello confirms: the fingerprints of the carrier’s two ends, its own first, and whom it takes the other for. */
export interface HelloView { room: string; from: string; to: string; carrier: number; own: Bytes; other: Bytes; otherKey: Bytes }

/** Rejects if the description has no fingerprint that a sealed room takes. */
export async function signDescription(by: Signer, d: Description): Promise<Proof> {
  return signed(by, (await description(d)).transcript)
}

/** The fingerprint that the description binds its sender to. Rejects with a SnugError, code `identity`, if the proof doesn’t fit. */
export async function checkDescription(d: Description, proof: Proof): Promise<Bytes> {
  const { transcript, fingerprint } = await description(d)
  await check(proof, transcript)
  return fingerprint
}

export function signHello(by: Signer, view: HelloView): Promise<Proof> {
  return signed(by, hello(view))
}

/** Rejects likewise; `key` is the one that signed the sender’s description. */
export async function checkHello(view: HelloView, proof: Proof, key: Bytes): Promise<void> {
  await check({ ...proof, key }, same(proof.key, key) ? hello(view) : undefined)
}

async function description(d: Description): Promise<{ transcript: Bytes; fingerprint: Bytes }> {
  const fingerprint = fingerprintOf(d.own)
  const [offer, own] = await Promise.all([sha256(bytesOf(d.offer)), sha256(bytesOf(d.own))])
  const transcript = join(texts('snug.v1 description', d.room, d.from, d.to, d.role), u32(d.n), u32(d.carrier), offer, own, [1], fingerprint)
  return { transcript, fingerprint }
}

function hello(h: HelloView): Bytes {
  return join(texts('snug.v1 hello', h.room, h.from, h.to), u32(h.carrier), h.own, h.other, h.otherKey)
}

async function signed(by: Signer, transcript: Bytes): Promise<Proof> {
  return { key: by.key, signature: await by.sign(transcript) }
}

/** Rejects unless the proof is one of this transcript. */
export async function check({ key, signature }: Proof, transcript: Bytes | undefined): Promise<void> {
  if (!transcript || weak(key) || !await verified(key, signature, transcript)) throw refused('The other side can’t prove who it is.')
}

async function verified(key: Bytes, signature: Bytes, transcript: Bytes): Promise<boolean> {
  try {
    return await crypto.subtle.verify('Ed25519', await crypto.subtle.importKey('raw', key, 'Ed25519', false, ['verify']), signature, transcript)
  } catch {
    return false // the key is no point of the curve
  }
}

/** Whether a key is of small order: anybody could sign with it, and browsers don’t agree on whether to take it. These are the y of all such points, from 1 to the last byte but one and the last, in two ways where they fit in twice. */
export function weak(key: Bytes): boolean {
  const y = [...key]
  y[31]! &= 0x7f
  const hex = y.map(byte => byte.toString(16).padStart(2, '0')).join('')
  return /^(0[01](00){31}|e[cde](ff){30}7f|26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05|c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a)$/.test(hex)
}

/** Decodes the member `identity` of an offer, an answer or a hello. Throws a SnugError. */
export function decodeProof(value: unknown): Proof {
  const p = object(value)
  return { key: fromBase64url(p['key'], 32), signature: fromBase64url(p['signature'], 64) }
}

/** The same as JSON. */
export function encodeProof({ key, signature }: Proof): { key: string; signature: string } {
  return { key: base64url(key), signature: base64url(signature) }
}

/** Unpadded base64url of this many bytes, in the one way of writing them. Throws a SnugError. */
export function fromBase64url(value: unknown, size: number): Bytes {
  if (typeof value === 'string' && /^[\w-]+$/.test(value) && value.length === Math.ceil(size * 4 / 3)) {
    const bytes = Uint8Array.from(atob(value.replaceAll('-', '+').replaceAll('_', '/')), c => c.charCodeAt(0))
    if (base64url(bytes) === value) return bytes
  }
  throw malformed('not base64url of the right length')
}

export async function sha256(data: Uint8Array): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', data as Bytes))
}

export function texts(...all: string[]): Uint8Array {
  return bytesOf(all.map(text => `${text}\0`).join(''))
}

export function join(...parts: ArrayLike<number>[]): Bytes {
  return Uint8Array.from(parts.flatMap(part => Array.from(part)))
}

export function same(a: Uint8Array, b: Uint8Array): boolean {
  return base64url(a) === base64url(b)
}

function u32(n: number): number[] {
  return [n >>> 24, n >>> 16 & 255, n >>> 8 & 255, n & 255]
}
