import { SnugError } from './errors.ts'

// What all decoders of this SDK share. Each throws a SnugError of the code `malformed`.

export function malformed(what: string): SnugError {
  return new SnugError('malformed', `That is no message of snug.v1: ${what}.`)
}

export function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new SnugError('malformed', 'That is no JSON.', { cause })
  }
}

export function object(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('not an object')
  return value as Record<string, unknown>
}

export function list(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw malformed(`${what} is no list`)
  return value
}

export function string(value: unknown, what: string, empty = false): string {
  if (typeof value !== 'string' || (!empty && value === '')) throw malformed(`${what} is missing`)
  return value
}

export function count(value: unknown, what: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw malformed(`${what} is no count`)
  return value as number
}

/** A member id: 16 bytes in base64url. */
export function memberID(value: unknown): string {
  if (typeof value !== 'string' || !/^[A-Za-z0-9_-]{21}[AQgw]$/.test(value)) throw malformed('not a member id')
  return value
}

/** `{ [name]: decoded }`, or nothing where the member is missing. */
export function maybe<Name extends string, T>(m: Record<string, unknown>, name: Name, decode: (value: unknown, what: string) => T): { [K in Name]?: T } {
  return m[name] === undefined ? {} : { [name]: decode(m[name], name) } as { [K in Name]?: T }
}

export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
