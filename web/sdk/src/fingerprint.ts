import { SnugError } from './errors.ts'

/**
 * The SHA-256 that all fingerprint lines of a description say (RFC 8122 §5), at session and media level. Of several
 * nobody could tell which one DTLS took. Whatever else speaks of a fingerprint is refused too, lest a
 * browser reads a line that this doesn't. Throws a SnugError, code `identity`.
 */
export function fingerprintOf(sdp: string): Uint8Array<ArrayBuffer> {
  let found = ''
  for (const line of sdp.split(/[\r\n]/)) {
    if (!/fingerprint/i.test(line)) continue
    const hex = /^a=fingerprint:sha-256 ((?:[\dA-F]{2}:){31}[\dA-F]{2})$/i.exec(line)?.[1]?.toLowerCase()
    if (!hex) throw refused('A description has a fingerprint that isn’t SHA-256.')
    if (found && hex !== found) throw refused('A description has different fingerprints.')
    found = hex
  }
  if (!found) throw refused('A description has no fingerprint.')
  return Uint8Array.from(found.split(':'), byte => parseInt(byte, 16))
}

export function refused(message: string): SnugError {
  return new SnugError('identity', message)
}
