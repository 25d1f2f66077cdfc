import { subprotocol } from './protocol.ts'

// In ms.
const first = 60_000
const longest = 960_000
const patience = 2_500
const goodbye = 1000

/**
 * Looks whether WebSockets get through again to a hub that is reached over HTTP since they were slow: first after
 * a minute, then after pauses that double. It says nothing over them.
 */
export class Comeback {
  #endpoint: URL
  #through: () => boolean
  #pause = first
  #timer: ReturnType<typeof setTimeout> | undefined
  #socket: WebSocket | undefined

  /** through is told when one does, and returns whether it wants no more of it. */
  constructor(endpoint: URL, through: () => boolean) {
    this.#endpoint = endpoint
    this.#through = through
  }

  /** Looks after the next pause. */
  plan(): void {
    this.stop()
    this.#timer = setTimeout(() => this.#look(), this.#pause)
    this.#pause = Math.min(2 * this.#pause, longest)
  }

  stop(): void {
    clearTimeout(this.#timer)
    const socket = this.#socket
    this.#socket = undefined
    socket?.close(goodbye)
  }

  /** The network is another one, or WebSocket works: the pauses begin anew. */
  forget(): void {
    this.stop()
    this.#pause = first
  }

  #look(): void {
    const socket = this.#socket = new WebSocket(this.#endpoint, subprotocol)
    this.#timer = setTimeout(() => this.plan(), patience)
    socket.addEventListener('open', () => {
      if (socket !== this.#socket) return
      this.stop()
      if (!this.#through()) this.plan()
    })
    socket.addEventListener('close', () => { if (socket === this.#socket) this.plan() })
  }
}
