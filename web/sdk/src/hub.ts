import { SnugError } from './errors.ts'
import type { FromHub, ToHub, Welcome } from './protocol.ts'
import { Socket } from './socket.ts'

// Full jitter: each wait is a random part of a bound that doubles. In ms.
const redialFirst = 500
const redialMax = 30_000
const retryMax = 3_600_000 // of what a hub may ask for

export type HubState =
  | { state: 'connecting' }
  | { state: 'connected' }
  | { state: 'waiting'; retryAt: number; error: SnugError }
  | { state: 'closed'; error?: SnugError }

export interface HubHandlers {
  welcome(welcome: Welcome): void
  message(message: Exclude<FromHub, Welcome>): void
  /** The state changed. */
  state(): void
}

/** Keeps up the connection to the hub, until close() or a refusal that is final. */
export class Hub {
  #endpoint: URL
  #hello: ToHub
  #on: HubHandlers
  #socket: Socket | undefined
  #attempt = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #awake = new AbortController()
  #state: HubState = { state: 'connecting' }

  constructor(endpoint: URL, hello: ToHub, on: HubHandlers) {
    this.#endpoint = endpoint
    this.#hello = hello
    this.#on = on
    const { signal } = this.#awake
    globalThis.addEventListener?.('online', () => this.#wake(), { signal })
    globalThis.document?.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.#wake()
    }, { signal })
    this.#dial()
  }

  get state(): HubState {
    return this.#state
  }

  send(message: ToHub): void {
    this.#socket?.send(message)
  }

  /** Makes sure that the connection isn't dead without having said so. */
  probe(): void {
    this.#socket?.probe()
  }

  close(error?: SnugError): void {
    clearTimeout(this.#timer)
    this.#awake.abort()
    this.#socket?.close()
    this.#socket = undefined
    this.#become(error ? { state: 'closed', error } : { state: 'closed' })
  }

  #become(state: HubState): void {
    this.#state = state
    this.#on.state()
  }

  #dial(): void {
    this.#become({ state: 'connecting' })
    this.#socket = new Socket(this.#endpoint, this.#hello, {
      welcome: welcome => {
        this.#attempt = 0
        this.#state = { state: 'connected' }
        this.#on.welcome(welcome)
        this.#on.state()
      },
      message: message => this.#on.message(message),
      end: error => this.#lost(error),
    })
  }

  #lost(error: SnugError): void {
    this.#socket = undefined
    if (error.final) {
      this.close(error)
      return
    }
    const bound = Math.min(redialMax, redialFirst * 2 ** this.#attempt++)
    const wait = error.retry ? Math.min(error.retry, retryMax) : Math.random() * bound
    this.#timer = setTimeout(() => this.#dial(), wait)
    this.#become({ state: 'waiting', retryAt: Date.now() + wait, error })
  }

  /** The network came back, or somebody looks: no waiting, and no trusting. */
  #wake(): void {
    if (this.#state.state === 'waiting') {
      clearTimeout(this.#timer)
      this.#attempt = 0
      this.#dial()
    } else {
      this.probe()
    }
  }
}
