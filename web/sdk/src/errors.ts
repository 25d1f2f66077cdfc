// What a SnugError is about. Those of the hub are PROTOCOL.md's, section 6.
export type ErrorCode =
  | 'invite' | 'unreachable' | 'not-a-hub' | 'no-websocket' | 'no-webrtc' | 'no-token' | 'no-key' | 'wrong-key' | 'damaged-key' | 'no-ed25519' | `verify-${'stopped' | 'cancelled' | 'timeout' | 'differs' | 'broken' | 'moved' | 'busy' | 'early' | 'open'}` | 'insecure' | 'origin' | 'host'
  | 'gone' | 'empty' | 'too-long' | 'too-much' | 'aborted' | 'closed' | 'channel'
  | 'going-away' | 'slow' | 'full' | 'timeout' | 'expired' | 'locked' | 'limit' | 'duplicate' | 'unavailable' | 'connection'
  | 'malformed' | 'version' | 'room' | 'superseded' | 'order' | 'too-big' | 'token' | 'kicked' | 'forbidden'

/** An error with a code for programs; its message is a sentence for people. */
export class SnugError extends Error {
  override readonly name = 'SnugError'
  /** An ErrorCode, or one that a newer hub says. */
  readonly code: ErrorCode | (string & {})
  /** How long to wait before trying again, in ms, if the hub said so. */
  readonly retry: number | undefined
  /** Of what there was too much, if the code is `limit`. */
  readonly limit: string | undefined
  /** Trying again won't help. */
  readonly final: boolean

  constructor(code: ErrorCode | (string & {}), message: string, more: { retry?: number | undefined; limit?: string | undefined; final?: boolean; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.code = code
    this.retry = more.retry
    this.limit = more.limit
    this.final = more.final ?? false
  }
}

/** Of a request: what the other side said is wrong. Thrown by a handler, it is what the other side is told: a code of a-z, 0-9 and -, and a sentence. */
export class RequestError extends SnugError {}

/** Rejects, as fetch does, with what an AbortSignal was aborted for. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new SnugError('aborted', 'This was aborted.', { cause: signal.reason })
}
