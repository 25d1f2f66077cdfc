import { count, maybe, object, string } from './decode.ts'
import { SnugError } from './errors.ts'
import { bytesOf } from './frame.ts'
import { decodeFromHub, type FromHub, type Refusal, type Welcome } from './protocol.ts'

/** What carries a session: a WebSocket or, where networks let none through, HTTP requests. */
export type Transport = 'websocket' | 'http'

const welcomeWait = 15_000 // ms
const diagnoseWait = 5_000

export interface ConnHandlers {
  welcome(welcome: Welcome): void
  /** size is that of the message's text, in bytes. */
  message(message: Exclude<FromHub, Welcome>, size: number): void
  /** The end, once: why. Not called after close() or drop(). */
  end(error: SnugError): void
}

/** One connection to a hub, whatever carries it: hello, welcome, messages, end. */
export abstract class Conn {
  abstract readonly transport: Transport
  protected welcomed = false
  protected ended = false
  protected said: SnugError | undefined // by the hub, before its close
  #on: ConnHandlers
  #timer: ReturnType<typeof setTimeout>

  constructor(on: ConnHandlers) {
    this.#on = on
    this.#timer = setTimeout(() => this.end(unreachable('The hub doesn’t answer.')), welcomeWait)
  }

  /** Sends a message. What is said without a connection is dropped. */
  abstract send(text: string): void

  /** Says bye. Without time to lose, what waits to be sent isn't waited for. */
  abstract close(atOnce?: boolean): void

  /** Releases what is underneath, without a bye. */
  protected abstract release(): void

  /** Ends it without a bye: the session may go on elsewhere. */
  drop(): void {
    if (this.ended) return
    this.finish()
    this.release()
  }

  /** Nothing more is told. */
  protected finish(): void {
    this.ended = true
    clearTimeout(this.#timer)
  }

  protected end(error: SnugError): void {
    if (this.ended) return
    this.drop()
    this.#on.end(error)
  }

  /** Takes a message of the hub. */
  protected take(text: string): void {
    if (this.ended) return
    let message: FromHub | undefined
    try {
      message = decodeFromHub(text)
    } catch (cause) {
      this.end(notAHub(cause))
      return
    }
    if (message?.type === 'welcome') {
      if (this.welcomed) return
      this.welcomed = true
      clearTimeout(this.#timer)
      this.#on.welcome(message)
      return
    }
    if (message?.type === 'error' && message.code !== 'unknown-type') this.said = refusal(message)
    if (message && this.welcomed) this.#on.message(message, bytesOf(text).length)
  }

  /** Why a connection with this close code has ended: PROTOCOL.md, section 6. Errors that the connection survived are none of its causes. */
  protected explain(code: number): SnugError {
    const byHub = code >= 4000 && code <= 4999
    const final = byHub && code >= 4500
    const { said } = this
    if (said && (byHub || !this.welcomed)) return new SnugError(said.code, said.message, { retry: said.retry, limit: said.limit, final: final || said.final })
    if (final) return new SnugError('closed', `The hub closed the connection (code ${code}).`, { final })
    return unreachable('The connection to the hub was lost.')
  }
}

export function refusal({ code, message, retry, limit }: Omit<Refusal, 'type'>): SnugError {
  return new SnugError(code, message, { retry, limit, final: code === 'origin' || code === 'host' })
}

export function unreachable(message: string, cause?: unknown): SnugError {
  return new SnugError('unreachable', message, { cause })
}

export function notAHub(cause?: unknown): SnugError {
  return new SnugError('not-a-hub', 'Something answers at this address, but it is no snug hub. Check the invite.', { cause })
}

/** The refusal in an answer to a request; undefined if there is none in it. */
export function refusalIn(text: string): SnugError | undefined {
  try {
    const m = object(JSON.parse(text))
    return refusal({ code: string(m['code'], 'code'), message: string(m['message'], 'message'), ...maybe(m, 'retry', count), ...maybe(m, 'limit', string) })
  } catch {
    return undefined
  }
}

/** The same address for requests. */
export function overHTTP(endpoint: URL): URL {
  const url = new URL(endpoint)
  url.protocol = url.protocol === 'wss:' ? 'https:' : 'http:'
  return url
}

/** Finds out why an upgrade failed, which browsers don't tell: PROTOCOL.md, section 1. */
export async function diagnose(endpoint: URL): Promise<SnugError> {
  let text: string
  try {
    const answer = await fetch(overHTTP(endpoint), { cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(diagnoseWait) })
    text = await answer.text()
  } catch (cause) {
    return unreachable('The hub can’t be reached. Check the network, and that the hub is running.', cause)
  }
  const error = refusalIn(text)
  if (error?.code === 'upgrade') return new SnugError('no-websocket', 'The hub answers, but WebSockets don’t get through. A proxy between may have to allow them.')
  if (error?.code === 'origin' || error?.code === 'host') console.error(error.message)
  return error ?? notAHub()
}
