// As much of IndexedDB as the SDK needs, in memory. Transactions run one after the other, and all or nothing.
type Handler = (() => void) | null

class FakeRequest {
  result: unknown
  error: unknown = null
  onsuccess: Handler = null
  onerror: Handler = null
  onupgradeneeded: Handler = null
}

class FakeTransaction {
  oncomplete: Handler = null
  onabort: Handler = null
  error: unknown = null
  #db: FakeIndexedDB
  #store: Map<unknown, unknown>
  #written = new Map<unknown, unknown>()
  #aborted = false

  constructor(db: FakeIndexedDB, store: Map<unknown, unknown>) {
    this.#db = db
    this.#store = store
  }

  objectStore(): unknown {
    return {
      get: (key: unknown) => {
        const request = new FakeRequest()
        void this.#db.turn(() => {
          request.result = this.#db.unreadable && this.#store.has(key) ? null : structuredClone(this.#store.get(key))
          request.onsuccess?.()
          if (!this.#aborted) for (const [k, value] of this.#written) this.#store.set(k, value)
          queueMicrotask(() => { if (this.#aborted) this.onabort?.(); else this.oncomplete?.() })
        })
        return request
      },
      put: (value: unknown, key: unknown) => {
        if (this.#db.uncloneable) throw new DOMException('The object could not be cloned.', 'DataCloneError')
        this.#written.set(key, structuredClone(value))
      },
    }
  }

  abort(): void {
    this.#aborted = true
  }
}

export class FakeIndexedDB {
  /** It can't be opened, as where storage is off. */
  off = false
  /** It never answers. */
  silent = false
  /** Keys can't be stored, as in Firefox before 136 and in private windows of Safari. */
  uncloneable = false
  /** What is stored reads as null. */
  unreadable = false
  readonly stores = new Map<string, Map<unknown, unknown>>()
  unclosed = 0 // databases that aren't closed
  #last: Promise<void> = Promise.resolve()

  turn(work: () => void): Promise<void> {
    return this.#last = this.#last.then(work)
  }

  open(): FakeRequest {
    const request = new FakeRequest()
    if (!this.silent) queueMicrotask(() => this.#opened(request))
    return request
  }

  #opened(request: FakeRequest): void {
    if (this.off) {
      request.error = new DOMException('A mutation operation was attempted on a database that did not allow mutations.', 'InvalidStateError')
      request.onerror?.()
      return
    }
    this.unclosed++
    request.result = {
      createObjectStore: (name: string) => this.stores.set(name, new Map()),
      transaction: (name: string) => new FakeTransaction(this, this.stores.get(name)!),
      close: () => { this.unclosed-- },
    }
    if (this.stores.size === 0) request.onupgradeneeded?.()
    request.onsuccess?.()
  }
}
