import { Conn, type ConnHandlers, diagnose } from './conn.ts'
import { subprotocol } from './protocol.ts'

const goodbye = 1000

/** A connection to a hub over WebSocket. */
export class Socket extends Conn {
  readonly transport = 'websocket'
  #ws: WebSocket
  #hello: string | undefined // not said yet
  #held = false

  constructor(endpoint: URL, hello: string, on: ConnHandlers) {
    super(on)
    this.#hello = hello
    this.#ws = new WebSocket(endpoint, subprotocol)
    let opened = false
    this.#ws.addEventListener('open', () => {
      opened = true
      this.#greet()
    })
    this.#ws.addEventListener('message', ({ data }) => this.take(typeof data === 'string' ? data : ''))
    this.#ws.addEventListener('close', ({ code }) => {
      if (this.ended) return
      if (opened) this.end(this.explain(code))
      else void diagnose(endpoint).then(error => this.end(error))
    })
  }

  /** Keeps the hello back until resume(). False if it is said already. */
  hold(): boolean {
    this.#held = true
    return this.#hello !== undefined
  }

  resume(): void {
    this.#held = false
    this.#greet()
  }

  send(text: string): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.send(text)
  }

  close(): void {
    this.finish()
    this.#ws.close(goodbye)
  }

  protected release(): void {
    this.#ws.close()
  }

  #greet(): void {
    if (this.#held || this.#hello === undefined || this.#ws.readyState !== WebSocket.OPEN) return
    this.send(this.#hello)
    this.#hello = undefined
  }
}
