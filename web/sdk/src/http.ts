import { Conn, type ConnHandlers, notAHub, overHTTP, refusalIn, unreachable } from './conn.ts'
import { count, maybe, object, parse, string } from './decode.ts'
import { SnugError } from './errors.ts'
import { bytesOf } from './frame.ts'

const goodbye = 1000
const patience = 15_000 // ms, for an answer that the hub doesn't hold back
const maxBatch = 262_144 // bytes of a request

// Statuses of refusals that don't pass.
const finalStatuses = [400, 403, 413, 421]

/** A connection to a hub in HTTP requests: PROTOCOL.md, section 7. One receive and one send are under way at a time. */
export class Requests extends Conn {
  readonly transport = 'http'
  #base: string
  #id = ''
  #wait = 25_000 // ms that a receive may be held back, as the hub says
  #connected: Promise<void>
  #queue: string[] = []
  #sends = 0
  #sent = Promise.resolve() // when no send is under way any more
  #abort = new AbortController()

  constructor(endpoint: URL, hello: string, on: ConnHandlers) {
    super(on)
    this.#base = overHTTP(endpoint).href
    this.#connected = this.#connect(hello)
    void this.#receive()
  }

  send(text: string): void {
    if (this.ended || !this.welcomed) return
    if (this.#queue.push(text) === 1) this.#sent = this.#sent.then(() => this.#flush())
  }

  /** A browser that leaves a page ends its requests first. So at once bye is said also over what seems to be lost. */
  close(atOnce = false): void {
    if (this.ended && !atOnce) return
    this.finish()
    this.#queue = []
    if (atOnce) void this.#bye()
    else void this.#connected.then(() => this.#sent).then(() => this.#bye())
  }

  protected release(): void {
    this.#abort.abort()
  }

  async #connect(hello: string): Promise<void> {
    try {
      this.#takeLines(await this.#post('connect', [hello]))
      if (!this.#id) throw notAHub()
    } catch (error) {
      this.#fail(error)
    }
  }

  async #receive(): Promise<void> {
    await this.#connected
    try {
      for (let n = 1; !this.ended; n++) this.#takeLines(await this.#post('receive', [this.#head(n)], this.#wait + patience))
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Sends what waits, and what comes to wait meanwhile, in batches. */
  async #flush(): Promise<void> {
    try {
      while (this.#queue.length > 0 && !this.ended) {
        const batch = [this.#head(this.#sends + 1)]
        let size = bytesOf(batch[0]!).length
        for (const text of this.#queue) {
          size += bytesOf(text).length + 2
          if (batch.length > 1 && size > maxBatch) break
          batch.push(text)
        }
        this.#sends++
        await this.#post('send', batch)
        this.#queue.splice(0, batch.length - 1) // only now, or a send() meanwhile would begin another
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  async #bye(): Promise<void> {
    if (this.#id) await this.#post('send', [this.#head(this.#sends + 1), JSON.stringify({ type: 'close', code: goodbye })], patience, true).catch(() => {})
    this.release()
  }

  #head(n: number): string {
    return JSON.stringify({ connection: this.#id, n })
  }

  async #post(what: string, lines: string[], wait = patience, keepalive = false): Promise<string> {
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(), wait)
    try {
      const answer = await fetch(`${this.#base}/${what}`, {
        method: 'POST', body: lines.join('\n') + '\n', headers: { 'Content-Type': 'application/x-ndjson' },
        cache: 'no-store', credentials: 'omit', keepalive, signal: keepalive ? stop.signal : AbortSignal.any([stop.signal, this.#abort.signal]),
      })
      const text = await answer.text()
      if (answer.ok) return text
      const said = refusalIn(text)
      if (!said) throw this.#id ? unreachable('The connection to the hub was lost.') : notAHub()
      throw new SnugError(said.code, said.message, { retry: said.retry, limit: said.limit, final: finalStatuses.includes(answer.status) })
    } finally {
      clearTimeout(timer)
    }
  }

  #takeLines(text: string): void {
    for (const line of text.split('\n')) if (line) this.#takeLine(line)
  }

  /** Two messages are this transport's own. */
  #takeLine(line: string): void {
    const m = object(parse(line))
    if (m['type'] === 'connection') {
      this.#id = string(m['id'], 'id')
      this.#wait = maybe(m, 'wait', count).wait ?? this.#wait
    } else if (m['type'] === 'close') {
      throw this.explain(count(m['code'], 'code'))
    } else {
      this.take(line)
    }
  }

  #fail(error: unknown): void {
    if (!(error instanceof SnugError)) this.end(unreachable('The hub can’t be reached. Check the network, and that the hub is running.', error))
    else this.end(error.code === 'malformed' && !error.final ? notAHub(error) : error)
  }
}
