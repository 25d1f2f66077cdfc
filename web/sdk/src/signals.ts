import { count, list, malformed, object, string } from './decode.ts'
import { bytesOf } from './frame.ts'

export interface Candidate { candidate: string; mid?: string; line?: number }

// LINK.md, section 3.
export type Signal =
  | { type: 'offer'; n: number; carrier: number; sdp: string; identity?: unknown } // carrier: which of the link's it is about, from 1
  | { type: 'answer'; n: number; carrier: number; sdp: string; identity?: unknown } // identity: in sealed rooms
  | { type: 'candidates'; n: number; candidates: Candidate[]; end?: boolean | undefined } // end: no more will come
  | { type: 'need-offer'; n: number; fresh?: boolean | undefined } // fresh: for another carrier

// In bytes.
const maxSDP = 32768
const maxCandidate = 1024
const maxMid = 64
export const maxCandidatesInSignal = 64
export const maxCandidatesForOffer = 128

/** Decodes the body of a signal; undefined for unknown types. Throws a SnugError. */
export function decodeSignal(body: unknown): Signal | undefined {
  const s = object(body)
  const type = string(s['type'], 'type')
  switch (type) {
    case 'offer':
    case 'answer': {
      const sdp = string(s['sdp'], 'sdp')
      if (bytesOf(sdp).length > maxSDP) throw malformed('sdp is too long')
      return { type, n: number(s, 'n'), carrier: number(s, 'carrier'), sdp, ...('identity' in s && { identity: s['identity'] }) }
    }
    case 'candidates': {
      const candidates = list(s['candidates'] ?? [], 'candidates')
      if (candidates.length > maxCandidatesInSignal) throw malformed('too many candidates')
      return { type, n: number(s, 'n'), candidates: candidates.map(candidate), ...flag(s, 'end') }
    }
    case 'need-offer': return { type, n: count(s['n'], 'n'), ...flag(s, 'fresh') }
    default: return undefined
  }
}

/** Whether who says this has just made its link. */
export function begins(signal: Signal): boolean {
  return (signal.type === 'offer' && signal.n === 1) || (signal.type === 'need-offer' && signal.n === 0)
}

function number(s: Record<string, unknown>, name: string): number {
  const n = count(s[name], name)
  if (n === 0 || n > 0xffffffff) throw malformed(`${name} is no number`)
  return n
}

function flag<Name extends string>(s: Record<string, unknown>, name: Name): { [K in Name]?: true } {
  return s[name] === true ? { [name]: true } as { [K in Name]?: true } : {}
}

function candidate(value: unknown): Candidate {
  const c = object(value)
  const decoded: Candidate = { candidate: string(c['candidate'], 'candidate', true) }
  if (c['mid'] !== undefined) decoded.mid = string(c['mid'], 'mid', true)
  if (c['line'] !== undefined) decoded.line = count(c['line'], 'line')
  if (bytesOf(decoded.candidate).length > maxCandidate || bytesOf(decoded.mid ?? '').length > maxMid) throw malformed('a candidate is too long')
  return decoded
}
