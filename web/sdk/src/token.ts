import { SnugError } from './errors.ts'

// In ms.
const askWait = 15_000
const renewBefore = 60_000 // or half of the time that is left
const renewMin = 1_000
const renewMax = 86_400_000 // what a timer can hold, and more than a token lasts
const renewSkewed = 30_000 // where our clock says that it is over

/** Proves who may enter. A function is asked at each connection, and before a token expires. */
export type Token = string | (() => string | Promise<string>)

/** Where tokens come from, and when the next one is needed. */
export class Renewal {
  #token: Token | undefined
  #renewed: (token: string) => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #expires: number | undefined

  constructor(token: Token | undefined, renewed: (token: string) => void) {
    this.#token = token
    this.#renewed = renewed
  }

  /** Gives a token, or none where there are none; at once, unless a function has to be asked. */
  ask(use: (token: string | undefined) => void, fail: (error: SnugError) => void): void {
    const token = this.#token
    if (typeof token === 'function') void answer(token).then(use, fail)
    else use(token)
  }

  /** Asks in time for a token that comes after the one that expires then. */
  schedule(expires: number | undefined): void {
    this.stop()
    if (expires === undefined || typeof this.#token !== 'function') return
    this.#expires = expires
    const left = expires - Date.now()
    const wait = left > 0 ? Math.max(renewMin, left - Math.min(renewBefore, left / 2)) : renewSkewed
    this.#timer = setTimeout(() => this.#renew(expires), Math.min(wait, renewMax))
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#expires = undefined
  }

  #renew(expires: number): void {
    this.ask(token => {
      if (this.#expires === expires && token !== undefined) this.#renewed(token)
    }, error => {
      console.warn(error.message, error.cause)
      if (this.#expires === expires) this.schedule(expires)
    })
  }
}

async function answer(token: () => string | Promise<string>): Promise<string> {
  const unhad = (cause: unknown) => new SnugError('no-token', 'A token for this room couldn’t be had.', { cause })
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(unhad('no answer')), askWait) })
  try {
    return await Promise.race([token(), late])
  } catch (cause) {
    throw cause instanceof SnugError ? cause : unhad(cause)
  } finally {
    clearTimeout(timer)
  }
}
