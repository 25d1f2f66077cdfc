import { Channel, type ChannelOptions } from './channel.ts'
import { RequestError, SnugError } from './errors.ts'
import { ChannelEvent, RoomMessageEvent } from './events.ts'
import type { Inlet } from './inlet.ts'
import { type Links, snapshot, type Standing } from './links.ts'
import { isName } from './names.ts'
import { outgoing, type SendOptions } from './outlet.ts'
import type { Answer, RequestHandler, RequestOptions, Requests } from './request.ts'
import type { Stream, Streams } from './stream.ts'

// Names that begin so aren't for applications.
const reserved = 'snug.'
const requests = `${reserved}requests`

/** What a room's members say to each other, by channel. */
export class Channels {
  #links: Links
  #emit: (event: Event) => void
  #asked = new Map<string, Channel>() // by name
  #unasked = new Map<Inlet, Standing>() // those that nobody here has asked for yet: what came on them waits

  #streams: Promise<Streams> | undefined
  #requests: Promise<Requests> | undefined
  #handlers = new Map<string, RequestHandler>() // of requests, by name

  constructor(links: Links, emit: (event: Event) => void) {
    this.#links = links
    this.#emit = emit
  }

  get(name: string, { unreliable = false }: ChannelOptions = {}): Channel {
    checkName(name)
    let channel = this.#asked.get(name)
    if (!channel) {
      this.#asked.set(name, channel = new Channel(this, name, unreliable))
      for (const [inlet, from] of this.#unasked) if (inlet.name === name) this.arrived(inlet, from)
    }
    if (channel.unreliable !== unreliable) throw new SnugError('channel', `There is a channel of this name, which is ${unreliable ? 'reliable' : 'unreliable'}.`)
    return channel
  }

  /** A member's channel was opened, has something to take, or was closed. */
  arrived(inlet: Inlet, from: Standing): void {
    const { name, kind } = inlet
    if (name === undefined) {
      for (let item; (item = inlet.take());) this.#emit(new RoomMessageEvent(item.data, snapshot(from), item.unreliable, item.key))
      return
    }
    if (kind === 'stream') return this.#streams ? void this.#streams.then(streams => streams.arrived(inlet, from), () => inlet.stop()) : inlet.stop()
    if (kind === 'messages' && name === requests) return void this.#asking().then(asking => asking.arrived(inlet, from), () => {}) // it waits until this can be loaded
    const channel = this.#asked.get(name)
    if (channel) channel.arrived(inlet, () => snapshot(from))
    else if (!inlet.closed && !this.#unasked.has(inlet)) this.#emit(new ChannelEvent(name, kind === 'unreliable', snapshot(from)))
    if (channel || (inlet.closed && !inlet.waiting.length)) this.#unasked.delete(inlet)
    else this.#unasked.set(inlet, from)
    // What nobody had asked for while its sender was there isn't kept.
    for (const [other, { link }] of this.#unasked) if (link.state === 'gone') this.#unasked.delete(other)
  }

  /** Sends to one member, on a channel or on what is always there. */
  async send(to: string, data: string | Uint8Array, options: SendOptions = {}, name?: string): Promise<void> {
    await this.#send([this.#find(to)], data, options, name)[0]
  }

  /** Sends to everybody. Who leaves meanwhile, or doesn't want it, is passed over. */
  async broadcast(data: string | Uint8Array, options: SendOptions = {}, name?: string): Promise<void> {
    await Promise.all(this.#send(this.#links.all, data, options, name).map(sending => sending.catch((error: unknown) => {
      if (!(error instanceof SnugError && ['gone', 'closed'].includes(error.code))) throw error
    })))
  }

  #send(to: Standing[], data: string | Uint8Array, { unreliable, key, signal }: SendOptions, name?: string): Array<Promise<void>> {
    const message = outgoing(data, unreliable, key)
    return to.map(({ link }) => link.outlets.get(unreliable ? 'unreliable' : 'messages', name).send(message, signal))
  }

  #find(id: string): Standing {
    const standing = this.#links.get(id)
    if (!standing) throw new SnugError('gone', 'This member isn’t in the room.')
    return standing
  }

  async dial(to: string, name: string, signal?: AbortSignal): Promise<Stream> {
    checkName(name)
    const streams = await this.#load()
    return streams.dial(this.#find(to), name, signal)
  }

  async *listen(name: string, signal?: AbortSignal): AsyncGenerator<Stream, void> {
    checkName(name)
    yield* (await this.#load()).listen(name, signal)
  }

  #load(): Promise<Streams> {
    return this.#streams ??= import('./stream.ts').then(
      ({ Streams }) => new Streams({ snapshot, error: (code, message, cause) => new SnugError(code, message, { cause }) }),
      error => {
        this.#streams = undefined // it may be there the next time
        throw error
      },
    )
  }

  handle(name: string, handler: RequestHandler): () => void {
    checkName(name)
    if (this.#handlers.has(name)) throw new SnugError('limit', 'Requests of this name are handled already.')
    this.#handlers.set(name, handler)
    return () => {
      if (this.#handlers.get(name) === handler) this.#handlers.delete(name)
    }
  }

  async request(to: string, name: string, body: unknown, options?: RequestOptions): Promise<unknown> {
    checkName(name)
    const asking = await this.#asking()
    return asking.request(this.#find(to), name, body, options)
  }

  async *requestAll(name: string, body: unknown, options?: RequestOptions): AsyncGenerator<Answer<unknown>, void> {
    checkName(name)
    yield* (await this.#asking()).requestAll(this.#links.all, name, body, options)
  }

  #asking(): Promise<Requests> {
    return this.#requests ??= import('./request.ts').then(
      ({ Requests }) => new Requests({
        channel: requests,
        handlers: this.#handlers,
        snapshot,
        isName,
        outgoing,
        error: (code, message, cause) => new SnugError(code, message, { cause }),
        refusal: (code, message) => new RequestError(code, message),
        isRefusal: error => error instanceof RequestError,
      }),
      error => {
        this.#requests = undefined // it may be there the next time
        throw error
      },
    )
  }

  /** Links have changed. */
  changed(): void {
    void this.#requests?.then(asking => asking.changed(), () => {})
  }

  /** A channel isn't used here any more. */
  close({ name, unreliable }: Channel): void {
    this.#asked.delete(name)
    for (const { link } of this.#links.all) link.outlets.close(unreliable ? 'unreliable' : 'messages', name)
  }

  /** The room has ended. */
  end(): void {
    for (const channel of this.#asked.values()) channel.close()
    this.#unasked.clear()
    void this.#streams?.then(streams => streams.end(), () => {})
  }
}

function checkName(name: string): void {
  if (!isName(name)) throw new SnugError('channel', 'A channel’s name has 1 to 128 bytes, and no control characters.')
  if (name.startsWith(reserved)) throw new SnugError('channel', `Names that begin with ${reserved} aren’t for applications.`)
}
