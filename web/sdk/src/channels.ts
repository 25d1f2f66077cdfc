import { Channel, type ChannelOptions } from './channel.ts'
import { SnugError } from './errors.ts'
import { ChannelEvent, RoomMessageEvent } from './events.ts'
import { isName } from './inbound.ts'
import type { Inlet } from './inlet.ts'
import { type Links, snapshot, type Standing } from './links.ts'
import { outgoing, type SendOptions } from './outlet.ts'

/** What a room's members say to each other, by channel. */
export class Channels {
  #links: Links
  #emit: (event: Event) => void
  #asked = new Map<string, Channel>() // by kind and name
  #unasked = new Map<Inlet, Standing>() // those that nobody here has asked for yet: what came on them waits

  constructor(links: Links, emit: (event: Event) => void) {
    this.#links = links
    this.#emit = emit
  }

  get(name: string, { unreliable = false }: ChannelOptions = {}): Channel {
    if (!isName(name)) throw new SnugError('channel', 'A channel’s name has 1 to 128 bytes, and no control characters.')
    const key = keyOf(name, unreliable)
    let channel = this.#asked.get(key)
    if (!channel) {
      this.#asked.set(key, channel = new Channel(this, name, unreliable))
      for (const [inlet, from] of this.#unasked) if (keyOf(inlet.name, inlet.kind === 'unreliable') === key) this.arrived(inlet, from)
    }
    return channel
  }

  /** A member's channel was opened, has something to take, or was closed. */
  arrived(inlet: Inlet, from: Standing): void {
    const { name, kind } = inlet
    if (name === undefined) {
      for (let item; (item = inlet.take());) this.#emit(new RoomMessageEvent(item.data, snapshot(from), item.unreliable, item.key))
      return
    }
    if (kind === 'stream') return inlet.stop()
    const channel = this.#asked.get(keyOf(name, kind === 'unreliable'))
    if (channel) channel.arrived(inlet, () => snapshot(from))
    else if (!inlet.closed && !this.#unasked.has(inlet)) this.#emit(new ChannelEvent(name, kind === 'unreliable', snapshot(from)))
    if (channel || (inlet.closed && !inlet.waiting.length) || from.link.state === 'gone') this.#unasked.delete(inlet)
    else this.#unasked.set(inlet, from)
  }

  /** Sends to one member, on a channel or on what is always there. */
  async send(to: string, data: string | Uint8Array, { unreliable = false, key, signal }: SendOptions = {}, name?: string): Promise<void> {
    const link = this.#links.get(to)?.link
    if (!link) throw new SnugError('gone', 'This member isn’t in the room.')
    await link.outlets.get(unreliable ? 'unreliable' : 'messages', name).send(outgoing(data, unreliable, key), signal)
  }

  /** Sends to everybody. Who leaves meanwhile, or doesn't want it, is passed over. */
  async broadcast(data: string | Uint8Array, { unreliable = false, key, signal }: SendOptions = {}, name?: string): Promise<void> {
    const message = outgoing(data, unreliable, key)
    const sending = this.#links.all.map(({ link }) => link.outlets.get(unreliable ? 'unreliable' : 'messages', name).send(message, signal))
    for (const { status, ...result } of await Promise.allSettled(sending)) {
      const reason = 'reason' in result ? result.reason : undefined
      if (status === 'rejected' && !(reason instanceof SnugError && ['gone', 'closed'].includes(reason.code))) throw reason
    }
  }

  /** A channel isn't used here any more. */
  close({ name, unreliable }: Channel): void {
    this.#asked.delete(keyOf(name, unreliable))
    for (const { link } of this.#links.all) link.outlets.close(unreliable ? 'unreliable' : 'messages', name)
  }

  /** The room has ended. */
  end(): void {
    for (const channel of this.#asked.values()) channel.close()
    this.#unasked.clear()
  }
}

function keyOf(name: string | undefined, unreliable: boolean): string {
  return `${unreliable} ${name}`
}
