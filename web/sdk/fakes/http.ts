import { vi } from 'vitest'

/** A request of the page, which the test answers. */
export class FakeRequest {
  readonly what: string
  readonly lines: Array<Record<string, unknown>>
  readonly init: RequestInit
  #answer!: (response: Response) => void
  #fail!: (error: unknown) => void
  readonly response: Promise<Response>

  constructor(url: string, init: RequestInit) {
    this.what = url.slice(url.lastIndexOf('/') + 1)
    this.init = init
    this.lines = String(init.body).trimEnd().split('\n').map(line => JSON.parse(line) as Record<string, unknown>)
    this.response = new Promise((resolve, reject) => {
      this.#answer = resolve
      this.#fail = reject
    })
    init.signal?.addEventListener('abort', () => this.#fail(new DOMException('aborted', 'AbortError')))
  }

  get aborted(): boolean {
    return this.init.signal?.aborted ?? false
  }

  /** The hub answers with these messages. */
  answer(...messages: unknown[]): void {
    this.#answer(new Response(messages.map(m => JSON.stringify(m) + '\n').join(''), { status: 200 }))
  }

  done(): void {
    this.#answer(new Response(null, { status: 204 }))
  }

  refuse(status: number, body: unknown): void {
    this.#answer(new Response(typeof body === 'string' ? body : JSON.stringify(body), { status }))
  }

  fail(): void {
    this.#fail(new TypeError('Failed to fetch'))
  }
}

/** Takes the place of fetch until the test ends: POSTs are kept for the test to answer, a GET gets `diagnosis`. */
export class FakeHTTP {
  readonly requests: FakeRequest[] = []
  readonly urls: string[] = []
  diagnosis: () => Promise<Response> = async () => { throw new TypeError('Failed to fetch') }

  constructor() {
    vi.stubGlobal('fetch', vi.fn((url: string | URL, init: RequestInit = {}) => {
      if (init.method !== 'POST') return this.diagnosis()
      this.urls.push(String(url))
      const request = new FakeRequest(String(url), init)
      this.requests.push(request)
      return request.response
    }))
  }

  /** The newest request of this kind. */
  newest(what: string): FakeRequest {
    const request = this.all(what).at(-1)
    if (!request) throw new Error(`no ${what} was made`)
    return request
  }

  all(what: string): FakeRequest[] {
    return this.requests.filter(r => r.what === what)
  }
}
