// Loaded when the first stream is dialed or listened for: it imports no values, so that all of it is this file.
import type { SnugError } from './errors.ts'
import type { Inlet } from './inlet.ts'
import type { Standing } from './links.ts'
import type { Member } from './member.ts'
import type { Outlet } from './outlet.ts'

// In bytes. What a writer may have waiting before `ready` makes it wait, and what is handed on at once.
const highWaterMark = 64 * 1024

/** A stream of bytes to and from a member. Closing `writable` ends this direction; cancelling `readable` tells the other side that nobody reads. */
export interface Stream {
  member: Member
  readable: ReadableStream<Uint8Array>
  writable: WritableStream<Uint8Array>
}

/** What this file has of the others. */
export interface StreamTools {
  snapshot(from: Standing): Member
  error(code: 'gone' | 'aborted' | 'limit', message: string, cause?: unknown): SnugError
}

interface Dial { outlet: Outlet; from: Standing; answered(inlet: Inlet): void }
interface Listener { streams: Stream[]; wake(): void }

/** The streams of a room. */
export class Streams {
  #tools: StreamTools
  #dials = new Set<Dial>()
  #listeners = new Map<string, Listener>()
  #readers = new WeakMap<Inlet, () => void>()
  #ended = false

  constructor(tools: StreamTools) {
    this.#tools = tools
  }

  /** Opens a stream, and waits until the other side has opened the way back. */
  dial(from: Standing, name: string, signal?: AbortSignal): Promise<Stream> {
    const outlet = from.link.outlets.stream(name)
    return new Promise((resolve, reject) => {
      if (outlet.ended) return reject(outlet.ended)
      const abort = () => outlet.close(this.#tools.error('aborted', 'Dialing was aborted.', signal!.reason))
      const done = () => {
        this.#dials.delete(dial)
        signal?.removeEventListener('abort', abort)
      }
      const dial: Dial = { outlet, from, answered: inlet => {
        done()
        resolve(this.#stream(from, outlet, inlet))
      } }
      outlet.failed = error => {
        done()
        reject(error)
      }
      this.#dials.add(dial)
      signal?.addEventListener('abort', abort)
      if (signal?.aborted) abort()
    })
  }

  /** Takes what others dial, until the signal or the end of the room. One listens for a name. */
  async *listen(name: string, signal?: AbortSignal): AsyncGenerator<Stream, void> {
    if (this.#listeners.has(name)) throw this.#tools.error('limit', 'Somebody listens for this name already.')
    const listener: Listener = { streams: [], wake() {} }
    const wake = () => listener.wake()
    this.#listeners.set(name, listener)
    signal?.addEventListener('abort', wake)
    try {
      while (!signal?.aborted && !this.#ended) {
        const stream = listener.streams.shift()
        if (stream) yield stream
        else await new Promise<void>(resolve => { listener.wake = resolve })
      }
    } finally {
      signal?.removeEventListener('abort', wake)
      this.#listeners.delete(name)
      for (const { readable, writable } of listener.streams) {
        void readable.cancel()
        void writable.abort()
      }
    }
  }

  /** A stream of a member's was opened, has something to take, or was closed. */
  arrived(inlet: Inlet, from: Standing): void {
    const reader = this.#readers.get(inlet)
    if (reader) return reader()
    if (inlet.refused) return
    const { name, answers, id } = inlet
    const listener = this.#listeners.get(name!)
    if (answers) {
      for (const dial of this.#dials) if (dial.from.link === from.link && dial.outlet.id === answers) return dial.answered(inlet)
    } else if (listener) {
      listener.streams.push(this.#stream(from, from.link.outlets.stream(name!, id), inlet))
      return listener.wake()
    }
    inlet.stop()
  }

  /** The room has ended. */
  end(): void {
    this.#ended = true
    for (const { wake } of this.#listeners.values()) wake()
  }

  #stream(from: Standing, outlet: Outlet, inlet: Inlet): Stream {
    return { member: this.#tools.snapshot(from), readable: this.#readable(inlet), writable: this.#writable(outlet) }
  }

  /** What comes waits in the inlet, which the window bounds, until it is read. */
  #readable(inlet: Inlet): ReadableStream<Uint8Array> {
    let wake = () => {}
    this.#readers.set(inlet, () => wake())
    return new ReadableStream({
      pull: async controller => {
        for (;;) {
          const item = inlet.take()
          if (item) return controller.enqueue(item.data as Uint8Array)
          if (inlet.dropped) throw this.#tools.error('gone', 'The stream was cut off.')
          if (inlet.closed) return controller.close()
          await new Promise<void>(resolve => { wake = resolve })
        }
      },
      cancel: () => {
        inlet.stop()
        wake()
      },
    }, { highWaterMark: 0 })
  }

  #writable(outlet: Outlet): WritableStream<Uint8Array> {
    return new WritableStream<Uint8Array>({
      start: controller => { outlet.failed = error => controller.error(error) },
      write: async chunk => {
        for (let at = 0; at < chunk.length; at += highWaterMark) await outlet.send({ bytes: chunk.subarray(at, at + highWaterMark), text: false, key: undefined })
      },
      close: () => outlet.close(),
      abort: reason => outlet.close(this.#tools.error('aborted', 'Writing was aborted.', reason)),
    }, new ByteLengthQueuingStrategy({ highWaterMark }))
  }
}
