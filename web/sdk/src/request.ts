// Loaded when the first request is made or comes: it imports no values, so that all of it is this file.
import type { RequestError, SnugError } from './errors.ts'
import type { Inlet } from './inlet.ts'
import type { Standing } from './links.ts'
import type { Member } from './member.ts'
import type { Outgoing } from './outlet.ts'

// LINK.md, section 5.
const maxBytes = 262_144 // of a request or an answer
const maxWaiting = 32 // requests of one member for their answers at another
const maxUnanswered = 64 // so many are borne
const maxTimeout = 600_000 // ms

export interface RequestOptions {
  /** Gives the request up; the other side is told so. */
  signal?: AbortSignal
  /** How long an answer is waited for, in ms: 30,000 if it isn't said, and 600,000 at most. */
  timeout?: number
}

/** Answers requests; what it throws is told to the other side if it is a RequestError. The signal is aborted when nobody waits any more. */
export type RequestHandler<Request = any, Answer = unknown> = (request: Request, from: { member: Member; signal: AbortSignal }) => Answer | Promise<Answer>

/** What one member of many answered: either answer or error is there. */
export interface Answer<Body> { member: Member; answer?: Body; error?: Error }

/** What is said on the channel. */
export type RequestMessage =
  | { type: 'request'; id: number; name: string; timeout: number; body: unknown }
  | { type: 'cancel'; id: number }
  | { type: 'answer'; id: number; body: unknown }
  | { type: 'answer'; id: number; error: { code: string; message: string } }

/** What this file has of the others. */
export interface RequestTools {
  channel: string
  handlers: Map<string, RequestHandler>
  snapshot(from: Standing): Member
  isName(name: string): boolean
  outgoing(text: string): Outgoing
  error(code: 'gone' | 'aborted' | 'timeout' | 'too-long', message: string, cause?: unknown): SnugError
  refusal(code: string, message: string): RequestError
  isRefusal(error: unknown): error is RequestError
}

/** What the two members of a link ask each other. A call stays until its answer comes, also when nobody waits for that any more. */
interface Dialogue {
  from: Standing
  calls: Map<number, { resolve(body: unknown): void; reject(error: Error): void }>
  last: number // id
  asked: Map<number, AbortController> // of the other side, not answered yet
  waiting: Array<() => void> // for the end of a call
  broken: boolean // the other side broke the protocol
}

/** The requests of a room. */
export class Requests {
  #tools: RequestTools
  #dialogues = new Map<Standing, Dialogue>()

  constructor(tools: RequestTools) {
    this.#tools = tools
  }

  /** Asks a member, and waits for the answer. */
  async request(to: Standing, name: string, body: unknown, { signal, timeout = 30_000 }: RequestOptions = {}): Promise<unknown> {
    const { error } = this.#tools
    const stop = new AbortController()
    const abort = () => stop.abort(error('aborted', 'The request was given up.', signal!.reason))
    const ms = Math.ceil(Math.min(Math.max(timeout, 1), maxTimeout)) || maxTimeout
    const timer = setTimeout(() => stop.abort(error('timeout', 'No answer came in time.')), ms)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) abort()
    try {
      return await this.#call(this.#with(to), name, body, ms, stop.signal)
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
  }

  async #call(dialogue: Dialogue, name: string, body: unknown, timeout: number, stop: AbortSignal): Promise<unknown> {
    const { calls, waiting, from } = dialogue
    const began = performance.now()
    if (calls.size >= maxWaiting) stop.addEventListener('abort', () => wake(dialogue))
    while (calls.size >= maxWaiting && from.link.state !== 'gone' && !stop.aborted) await new Promise<void>(resolve => waiting.push(resolve))
    stop.throwIfAborted()
    const id = ++dialogue.last
    const left = Math.max(1, Math.ceil(timeout - (performance.now() - began)))
    const message = this.#encode({ type: 'request', id, name, timeout: left, body })
    const answer = new Promise<unknown>((resolve, reject) => calls.set(id, { resolve, reject }))
    answer.catch(() => {}) // nobody may wait any more
    try {
      await this.#send(from, message, stop)
    } catch (error) {
      end(dialogue, id)
      throw stop.aborted ? stop.reason : error
    }
    return Promise.race([answer, new Promise<never>((_, reject) => {
      const giveUp = () => {
        reject(stop.reason)
        if (calls.has(id)) this.#send(from, this.#encode({ type: 'cancel', id })).catch(() => {}) // the link has ended
      }
      if (stop.aborted) giveUp()
      else stop.addEventListener('abort', giveUp)
    })])
  }

  /** Asks these, and gives the answers as they come. Who stops to iterate gives up what isn't answered yet. */
  async *requestAll(to: Standing[], name: string, body: unknown, { signal, timeout }: RequestOptions = {}): AsyncGenerator<Answer<unknown>, void> {
    const stop = new AbortController()
    const abort = () => stop.abort(signal?.reason)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) abort()
    const answers: Array<Answer<unknown>> = []
    let wake = () => {}
    for (const standing of to) {
      const member = this.#tools.snapshot(standing)
      const options = { signal: stop.signal, ...(timeout === undefined ? {} : { timeout }) }
      void this.request(standing, name, body, options).then(answer => ({ member, answer }), (error: Error) => ({ member, error })).then(one => {
        answers.push(one)
        wake()
      })
    }
    try {
      for (const _ of to) {
        while (!answers.length) await new Promise<void>(resolve => { wake = resolve })
        yield answers.shift()!
      }
    } finally {
      signal?.removeEventListener('abort', abort)
      abort()
    }
  }

  /** Something of a member's has come. */
  arrived(inlet: Inlet, from: Standing): void {
    const dialogue = this.#with(from)
    for (let item; (item = inlet.take());) {
      if (dialogue.broken) continue
      try {
        this.#take(dialogue, item.data)
      } catch {
        dialogue.broken = true
        from.link.post({ type: 'broken' })
      }
    }
  }

  /** Links have changed: those that are gone answer nothing any more. */
  changed(): void {
    for (const [from, dialogue] of this.#dialogues) {
      if (from.link.state !== 'gone') continue
      this.#dialogues.delete(from)
      const gone = this.#tools.error('gone', 'The link is gone.')
      for (const { reject } of dialogue.calls.values()) reject(gone)
      dialogue.calls.clear()
      for (const stop of dialogue.asked.values()) stop.abort(gone)
      wake(dialogue)
    }
  }

  #with(from: Standing): Dialogue {
    let dialogue = this.#dialogues.get(from)
    if (!dialogue) this.#dialogues.set(from, dialogue = { from, calls: new Map(), last: 0, asked: new Map(), waiting: [], broken: false })
    return dialogue
  }

  #take(dialogue: Dialogue, data: string | Uint8Array): void {
    const { calls, asked } = dialogue
    const message = decodeRequest(data, this.#tools.isName)
    switch (message?.type) {
      case 'request':
        if (asked.has(message.id) || asked.size >= maxUnanswered) throw new Error('too much')
        return void this.#answer(dialogue, message)
      case 'cancel': return asked.get(message.id)?.abort(this.#tools.error('aborted', 'The request was given up.'))
      case 'answer': {
        const call = calls.get(message.id)
        if (!call) throw new Error('nobody asked')
        end(dialogue, message.id)
        if ('error' in message) call.reject(this.#tools.refusal(message.error.code, message.error.message))
        else call.resolve(message.body)
      }
    }
  }

  /** Has a request handled. It counts as waiting until the answer is on its way. */
  async #answer({ from, asked }: Dialogue, { id, name, timeout, body }: RequestMessage & { type: 'request' }): Promise<void> {
    const { handlers, snapshot, error } = this.#tools
    const stop = new AbortController()
    asked.set(id, stop)
    const timer = setTimeout(() => stop.abort(error('timeout', 'The time for the request was over.')), timeout)
    let message: Outgoing
    try {
      const handler = handlers.get(name)
      if (!handler) throw this.#tools.refusal('unknown', 'Nobody handles this request here.')
      message = this.#encode({ type: 'answer', id, body: await handler(body, { member: snapshot(from), signal: stop.signal }) })
    } catch (cause) {
      message = this.#encode({ type: 'answer', id, error: this.#told(cause, stop.signal) })
    }
    clearTimeout(timer)
    try {
      await this.#send(from, message)
      asked.delete(id)
    } catch {
      // The link has ended.
    }
  }

  /** What the other side hears of an error: nothing of what goes on here. */
  #told(cause: unknown, stop: AbortSignal): { code: string; message: string } {
    if (this.#tools.isRefusal(cause)) return { code: isCode(cause.code) ? cause.code : 'failed', message: cause.message.slice(0, 341).replace(/\p{Cc}/gu, ' ') }
    if ((cause as SnugError | undefined)?.code === 'too-long') return { code: 'too-long', message: 'The answer is too long.' }
    if (stop.aborted) return stop.reason.code === 'timeout' ? { code: 'timeout', message: stop.reason.message } : { code: 'cancelled', message: 'The request was given up.' }
    globalThis.reportError?.(cause)
    return { code: 'failed', message: 'The request failed.' }
  }

  #encode(message: RequestMessage): Outgoing {
    const encoded = this.#tools.outgoing(JSON.stringify(message))
    const { length } = encoded.bytes
    if (length > maxBytes) throw this.#tools.error('too-long', `This is ${length} bytes long; ${maxBytes} are allowed.`)
    return encoded
  }

  async #send({ link }: Standing, message: Outgoing, signal?: AbortSignal): Promise<void> {
    await link.outlets.get('messages', this.#tools.channel).send(message, signal)
  }
}

function end(dialogue: Dialogue, id: number): void {
  dialogue.calls.delete(id)
  wake(dialogue)
}

/** Has whoever waits look again. */
function wake({ waiting }: Dialogue): void {
  for (const look of waiting.splice(0)) look()
}

/** Decodes what is said on the channel; undefined for unknown types. Throws if it breaks the protocol. */
export function decodeRequest(data: string | Uint8Array, isName: (name: string) => boolean): RequestMessage | undefined {
  const check = (good: unknown) => { if (!good) throw new Error('malformed') }
  check(typeof data === 'string' && bytes(data) <= maxBytes)
  const m = JSON.parse(data as string) as Record<string, unknown>
  check(typeof m === 'object' && m && !Array.isArray(m) && typeof m['type'] === 'string' && m['type'])
  const { type, id, name, timeout, body = null, error } = m as { type: string; id: number; name: string; timeout: number; body?: unknown; error?: { code: string; message?: string } | null }
  if (type !== 'request' && type !== 'cancel' && type !== 'answer') return undefined
  check(Number.isSafeInteger(id) && id > 0)
  if (type === 'cancel') return { type, id }
  if (type === 'request') {
    check(typeof name === 'string' && isName(name) && Number.isSafeInteger(timeout) && timeout > 0 && timeout <= maxTimeout)
    return { type, id, name, timeout, body }
  }
  if (error === undefined || error === null) return { type, id, body }
  const { code, message = '' } = error
  check(isCode(code) && typeof message === 'string' && bytes(message) <= 1024 && !/\p{Cc}/u.test(message))
  return { type, id, error: { code, message } }
}

function isCode(code: unknown): boolean {
  return typeof code === 'string' && /^[a-z0-9-]{1,64}$/.test(code)
}

function bytes(text: string): number {
  return new TextEncoder().encode(text).length
}
