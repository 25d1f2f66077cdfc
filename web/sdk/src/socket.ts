import { SnugError } from './errors.ts'
import { count, decodeFromHub, type FromHub, object, string, subprotocol, type ToHub, type Welcome } from './protocol.ts'

const welcomeWait = 15_000 // ms
const pongWait = 5_000
const goodbye = 1000
const finalCodes = { from: 4500, to: 4999 }

export interface SocketHandlers {
  welcome(welcome: Welcome): void
  message(message: Exclude<FromHub, Welcome>): void
  /** The end, once: why. Not called after close(). */
  end(error: SnugError): void
}

/** One connection to a hub: hello, welcome, messages, end. */
export class Socket {
  #ws: WebSocket
  #on: SocketHandlers
  #welcomed = false
  #ended = false
  #said: SnugError | undefined // by the hub, before its close
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(endpoint: URL, hello: ToHub, on: SocketHandlers) {
    this.#on = on
    this.#ws = new WebSocket(endpoint, subprotocol)
    let opened = false
    this.#ws.addEventListener('open', () => {
      opened = true
      this.send(hello)
    })
    this.#ws.addEventListener('message', ({ data }) => this.#receive(data))
    this.#ws.addEventListener('close', ({ code }) => {
      if (this.#ended) return
      if (opened) this.#end(this.#explain(code))
      else void diagnose(endpoint).then(error => this.#end(error))
    })
    this.#expect(welcomeWait)
  }

  send(message: ToHub): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.send(JSON.stringify(message))
  }

  /** Asks for a sign of life; without one in 5 s, the connection has ended. */
  probe(): void {
    if (!this.#welcomed || this.#timer !== undefined) return
    this.send({ type: 'ping' })
    this.#expect(pongWait)
  }

  /** Says bye. */
  close(): void {
    this.#ended = true
    clearTimeout(this.#timer)
    this.#ws.close(goodbye)
  }

  #expect(wait: number): void {
    this.#timer = setTimeout(() => this.#end(unreachable('The hub doesn’t answer.')), wait)
  }

  /** That was the sign of life. */
  #heard(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #receive(data: unknown): void {
    if (this.#ended) return
    if (this.#welcomed) this.#heard()
    let message: FromHub | undefined
    try {
      message = decodeFromHub(typeof data === 'string' ? data : '')
    } catch (cause) {
      this.#end(notAHub(cause))
      return
    }
    if (message?.type === 'error' && message.code !== 'unknown-type') {
      this.#said = refusal(message)
    } else if (message?.type === 'welcome') {
      this.#welcomed = true
      this.#heard()
      this.#on.welcome(message)
    } else if (message && this.#welcomed) {
      this.#on.message(message)
    }
  }

  #explain(code: number): SnugError {
    const final = code >= finalCodes.from && code <= finalCodes.to
    const said = this.#said
    if (said) return new SnugError(said.code, said.message, { retry: said.retry, final })
    if (final) return new SnugError('closed', `The hub closed the connection (code ${code}).`, { final })
    return unreachable('The connection to the hub was lost.')
  }

  #end(error: SnugError): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#timer)
    this.#ws.close()
    this.#on.end(error)
  }
}

function refusal(m: { code: string; message: string; retry?: number }): SnugError {
  return new SnugError(m.code, m.message, { retry: m.retry, final: m.code === 'origin' })
}

function unreachable(message: string, cause?: unknown): SnugError {
  return new SnugError('unreachable', message, { cause })
}

function notAHub(cause?: unknown): SnugError {
  return new SnugError('not-a-hub', 'Something answers at this address, but it is no snug hub. Check the invite.', { cause })
}

/** Finds out why an upgrade failed, which browsers don't tell: PROTOCOL.md, section 1. */
async function diagnose(endpoint: URL): Promise<SnugError> {
  const url = new URL(endpoint)
  url.protocol = url.protocol === 'wss:' ? 'https:' : 'http:'
  try {
    const answer = await fetch(url, { cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(pongWait) })
    const text = await answer.text()
    try {
      const m = object(JSON.parse(text))
      const error = refusal({ code: string(m['code'], 'code'), message: string(m['message'], 'message'), ...(m['retry'] === undefined ? {} : { retry: count(m['retry'], 'retry') }) })
      if (error.code === 'upgrade') return unreachable('The hub answers, but WebSockets don’t get through. A proxy between may have to allow them.')
      if (error.code === 'origin') console.error(error.message)
      return error
    } catch (cause) {
      return notAHub(cause)
    }
  } catch (cause) {
    return unreachable('The hub can’t be reached. Check the network, and that the hub is running.', cause)
  }
}
