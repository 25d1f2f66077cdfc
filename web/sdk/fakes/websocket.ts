import { vi } from 'vitest'

/** A browser's WebSocket whose other end is the test. */
export class FakeWebSocket extends EventTarget {
  static readonly CONNECTING = 0
  static readonly OPEN = 1
  static readonly CLOSING = 2
  static readonly CLOSED = 3
  /** All that were made, the newest last. */
  static all: FakeWebSocket[] = []

  readonly url: string
  readonly protocol: string
  readyState: number = FakeWebSocket.CONNECTING
  /** What the page has sent, decoded. */
  readonly sent: Array<Record<string, unknown>> = []
  /** The code that the page closed with; undefined if it gave none. */
  closedWith: number | undefined
  /** Told of each message that the page sends. */
  onsent: ((message: Record<string, unknown>) => void) | undefined

  constructor(url: string | URL, protocol: string) {
    super()
    this.url = String(url)
    this.protocol = protocol
    FakeWebSocket.all.push(this)
  }

  /** Takes the place of WebSocket until the test ends. */
  static install(): void {
    FakeWebSocket.all = []
    vi.stubGlobal('WebSocket', FakeWebSocket)
  }

  static get newest(): FakeWebSocket {
    const newest = FakeWebSocket.all.at(-1)
    if (!newest) throw new Error('no WebSocket was made')
    return newest
  }

  send(text: string): void {
    if (this.readyState !== FakeWebSocket.OPEN) throw new Error('send() on a WebSocket that is not open')
    const message = JSON.parse(text) as Record<string, unknown>
    this.sent.push(message)
    this.onsent?.(message)
  }

  close(code?: number): void {
    if (this.readyState >= FakeWebSocket.CLOSING) return
    this.readyState = FakeWebSocket.CLOSING
    this.closedWith = code
    queueMicrotask(() => this.drop(code ?? 1005))
  }

  /** The upgrade succeeds. */
  open(): void {
    this.readyState = FakeWebSocket.OPEN
    this.dispatchEvent(new Event('open'))
  }

  /** The hub says something. */
  say(message: unknown): void {
    this.dispatchEvent(new MessageEvent('message', { data: typeof message === 'string' ? message : JSON.stringify(message) }))
  }

  /** The hub says something that isn't text. */
  sayBytes(data: ArrayBuffer): void {
    this.dispatchEvent(new MessageEvent('message', { data }))
  }

  /** The connection ends; before open(), the upgrade failed. */
  drop(code = 1006): void {
    if (this.readyState === FakeWebSocket.CLOSED) return
    this.readyState = FakeWebSocket.CLOSED
    this.dispatchEvent(Object.assign(new Event('close'), { code }))
  }
}

/** The address of a URL answers with this, whatever is asked. */
export function answers(status: number, body: unknown): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  vi.stubGlobal('fetch', vi.fn(async () => new Response(text, { status })))
}

/** Nothing answers. */
export function unreachable(): void {
  vi.stubGlobal('fetch', vi.fn(async () => { throw new TypeError('Failed to fetch') }))
}
