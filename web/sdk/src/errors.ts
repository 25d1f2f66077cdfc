// What a SnugError is about. Those of the hub are PROTOCOL.md's, section 6.
export type ErrorCode =
  | 'invite' | 'unreachable' | 'not-a-hub' | 'no-webrtc' | 'origin'
  | 'gone' | 'too-long' | 'too-much' | 'aborted' | 'closed'
  | 'going-away' | 'slow' | 'full' | 'timeout' | 'malformed' | 'version' | 'room' | 'superseded' | 'order' | 'too-big'

/** An error with a code for programs; its message is a sentence for people. */
export class SnugError extends Error {
  override readonly name = 'SnugError'
  /** An ErrorCode, or one that a newer hub says. */
  readonly code: ErrorCode | (string & {})
  /** How long to wait before trying again, in ms, if the hub said so. */
  readonly retry: number | undefined
  /** Trying again won't help. */
  readonly final: boolean

  constructor(code: ErrorCode | (string & {}), message: string, more: { retry?: number | undefined; final?: boolean; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause })
    this.code = code
    this.retry = more.retry
    this.final = more.final ?? false
  }
}

/** Rejects, as fetch does, with what an AbortSignal was aborted for. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new SnugError('aborted', 'This was aborted.', { cause: signal.reason })
}
