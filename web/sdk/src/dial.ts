import type { Conn, ConnHandlers, Transport } from './conn.ts'
import { SnugError } from './errors.ts'
import { Requests } from './http.ts'
import type { FromHub, Welcome } from './protocol.ts'
import { Socket } from './socket.ts'

// Without a welcome over WebSocket in these times, HTTP is tried as well. In ms.
const upgradePatience = 2_500 // the WebSocket isn't open
const helloPatience = 4_000 // it is, but passes nothing on, or the hub takes its time

/**
 * An attempt to reach the hub, and the connection that it leads to: WebSocket
 * first, HTTP where that doesn't get through.
 *
 * A hello takes over from the one before it. So at any time at most one
 * connection has said hello: a WebSocket that isn't open when HTTP is tried keeps
 * its hello back, and says it only if HTTP fails; one that has said it is dropped first.
 */
export class Dial {
  #endpoint: URL
  #hello: string
  #on: ConnHandlers
  #socket: Socket | undefined
  #http: Requests | undefined
  #winner: Conn | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #alone: boolean // there is no other transport to try any more
  #failure: SnugError | undefined // of the transport that failed first
  #impatience = false // WebSocket took too long
  #overtaken = false // a hello of this attempt was given up, and may still arrive

  /** Without `both`, the hub is known to have no HTTP. */
  constructor(endpoint: URL, hello: string, first: Transport, both: boolean, on: ConnHandlers) {
    this.#endpoint = endpoint
    this.#hello = hello
    this.#on = on
    this.#alone = !both
    if (first === 'http' && both) this.#tryHTTP()
    else this.#tryWebSocket()
  }

  /** What got through. */
  get transport(): Transport {
    return this.#winner?.transport ?? 'websocket'
  }

  /** Whether WebSocket was tried, and wasn't refused by the network but slow. */
  get slow(): boolean {
    return this.#impatience && this.#failure === undefined
  }

  send(text: string): void {
    this.#winner?.send(text)
  }

  /** Says bye. */
  close(atOnce?: boolean): void {
    this.#each(conn => conn.close(atOnce))
  }

  /** Ends without a bye. */
  drop(): void {
    this.#each(conn => conn.drop())
  }

  #each(end: (conn: Conn) => void): void {
    clearTimeout(this.#timer)
    for (const conn of new Set([this.#socket, this.#http, this.#winner])) if (conn) end(conn)
    this.#socket = this.#http = undefined
  }

  #tryWebSocket(): void {
    this.#socket = new Socket(this.#endpoint, this.#hello, this.#handlers(() => this.#socket, error => {
      this.#socket = undefined
      if (error.code === 'no-websocket' && !this.#alone) this.#tryHTTP()
      else if (!this.#http || !passing(error)) this.#end(error)
      this.#failure ??= error
    }))
    if (!this.#alone) this.#timer = setTimeout(() => this.#impatient(), upgradePatience)
  }

  #impatient(): void {
    this.#impatience = true
    if (this.#socket?.hold()) {
      this.#tryHTTP()
      return
    }
    this.#timer = setTimeout(() => {
      this.#socket?.drop()
      this.#socket = undefined
      this.#overtaken = true
      this.#tryHTTP()
    }, helloPatience - upgradePatience)
  }

  #tryHTTP(): void {
    clearTimeout(this.#timer)
    if (this.#alone) return
    this.#alone = true
    this.#http = new Requests(this.#endpoint, this.#hello, this.#handlers(() => this.#http, error => {
      this.#http = undefined
      if (!passing(error)) this.#end(error)
      else if (this.#socket) this.#socket.resume()
      else if (this.#failure) this.#end(this.#failure)
      else this.#tryWebSocket()
    }))
  }

  #handlers(self: () => Conn | undefined, failed: (error: SnugError) => void): ConnHandlers {
    return {
      welcome: (welcome: Welcome) => {
        this.#winner = self()
        clearTimeout(this.#timer)
        for (const conn of [this.#socket, this.#http]) if (conn !== this.#winner) conn?.drop()
        this.#socket = this.#http = undefined
        this.#on.welcome(welcome)
      },
      message: (message: Exclude<FromHub, Welcome>, size: number) => this.#on.message(message, size),
      end: error => this.#winner ? this.#end(error) : failed(error),
    }
  }

  #end(error: SnugError): void {
    this.drop()
    const ours = this.#overtaken && error.code === 'superseded' // nobody else has the secret
    this.#on.end(ours ? new SnugError(error.code, error.message) : error)
  }
}

/** Whether error tells of the way to the hub, and not of the hub's own will. */
function passing(error: SnugError): boolean {
  return !error.final && ['unreachable', 'not-a-hub', 'no-websocket', 'connection'].includes(error.code)
}
