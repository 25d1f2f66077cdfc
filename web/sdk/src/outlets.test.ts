import { beforeEach, expect, test } from 'vitest'
import { type ChannelStep, goldens } from '../fakes/goldens.ts'
import type { Carrier } from './carrier.ts'
import { decodeControl } from './control.ts'
import { decodeFrame, type Frame, flagDropped, maxFrame, typeClose, typeMessage, typeOpen } from './frame.ts'
import { Outlet, outgoing } from './outlet.ts'
import { Outlets } from './outlets.ts'

type Got = NonNullable<ChannelStep['got']>[number]

/** The sending side of a link, on a carrier that takes everything. What its frames cost is counted here anew. */
class Sender {
  readonly outlets = new Outlets()
  #frames: Frame[] = []
  #channels = new Map<number, Outlet>()
  #spent = new Map<number, number>()
  #began = new Map<number, number>() // what was spent before the long message
  #long = new Map<number, { size: number; abort: AbortController }>()

  constructor() {
    this.outlets.outbox.use({ number: 1, isOpen: true, fits: (_: number, size: number) => size <= maxFrame, put: (_: number, data: Uint8Array<ArrayBuffer>) => this.#frames.push(decodeFrame(data.slice().buffer)) } as unknown as Carrier)
    this.outlets.outbox.open()
    this.#channels.set(0, this.outlets.get('messages'))
  }

  async do(step: ChannelStep): Promise<Got[]> {
    const { channel = 0, size = 0, frames = 0, windows = {}, opens = 0 } = step
    const before = this.#frames.length
    switch (step.do) {
      case 'hello': return this.#hello(step)
      case 'open': return this.#open(step)
      case 'send': return this.#send(channel, size)
      case 'long':
        this.#long.set(channel, { size, abort: new AbortController() })
        this.#began.set(channel, this.#spent.get(channel) ?? 0)
        this.#channels.get(channel)!.send(outgoing(new Uint8Array(size)), this.#long.get(channel)!.abort.signal).catch(() => {})
        return [this.#pieces(channel, before)]
      case 'more': {
        const got = this.#pieces(channel, this.#moved)
        return [got]
      }
      case 'drop': {
        const { size, abort } = this.#long.get(channel)!
        abort.abort()
        expect(this.#frames.at(-1)).toMatchObject({ type: typeMessage, flags: flagDropped, channel })
        this.#spent.set(channel, this.#began.get(channel)! + size + 4 + 32 * Math.ceil((size + 4) / 16376))
        return [{ what: 'sent', spent: this.#spent.get(channel)! }]
      }
      case 'close': {
        const outlet = this.#channels.get(channel)
        if (!outlet) return [{ what: 'nothing' }]
        outlet.close()
        if (outlet.closedAt === this.outlets.outbox.sent && this.#frames.length > before) expect(this.#frames.at(-1)).toMatchObject({ type: typeClose, channel })
        return []
      }
      case 'ack':
        this.#moved = before
        this.outlets.acknowledged({ frames: Math.min(frames, this.outlets.outbox.sent), windows, opens })
        for (const [id, { closedAt }] of this.#channels) if (closedAt && closedAt <= frames) this.#channels.delete(id)
        return []
      case 'stop':
        this.outlets.stopped(channel)
        return this.#frames.length > before ? [{ what: 'close', channel }] : []
      default: throw new Error(`nobody knows how to ${step.do}`)
    }
  }

  #moved = 0 // frames before the newest ack, which may have let more go

  #hello({ message = 0, channels = 0 }: ChannelStep): Got[] {
    try {
      const hello = decodeControl(JSON.stringify({ type: 'hello', message, channels }))
      if (hello?.type === 'hello') this.outlets.hello(hello)
      return []
    } catch {
      return [{ what: 'refused' }]
    }
  }

  /** What can't be opened now would be opened later: here it is given up at once. */
  #open({ text = '', kind = '' }: ChannelStep): Got[] {
    const before = this.#frames.length
    const outlet = kind === 'stream' ? this.outlets.stream(text) : new Outlet(this.outlets, `${kind} ${text}`, { name: text, kind })
    if (kind !== 'stream') void outlet.send(outgoing('')).catch(() => {})
    if (outlet.id === undefined) {
      outlet.fail(new Error('given up') as never)
      return [{ what: this.outlets.longest === undefined ? 'unheard' : this.#isOpen(`${kind} ${text}`) ? 'twice' : 'wait' }]
    }
    expect(this.#frames[before]).toMatchObject({ type: typeOpen, channel: outlet.id })
    expect(JSON.parse(new TextDecoder().decode(this.#frames[before]!.payload))).toEqual({ name: text, kind })
    this.#channels.set(outlet.id, outlet)
    return [{ what: 'opened', channel: outlet.id }]
  }

  #isOpen(key: string): boolean {
    return [...this.#channels.values()].some(outlet => outlet.key === key && !outlet.closedAt)
  }

  async #send(channel: number, size: number): Promise<Got[]> {
    const abort = new AbortController()
    const before = this.#frames.length
    if (!this.#channels.has(channel)) return [{ what: 'nothing' }]
    this.#channels.get(channel)!.send(outgoing(new Uint8Array(size)), abort.signal).catch(() => {})
    const sent = this.#frames.length > before
    abort.abort()
    if (!sent) return [{ what: 'wait' }]
    this.#count(channel, before)
    return [{ what: 'sent', spent: this.#spent.get(channel)! }]
  }

  #count(channel: number, from: number): number {
    const pieces = this.#frames.slice(from).filter(frame => frame.channel === channel && frame.type === typeMessage)
    for (const { payload } of pieces) this.#spent.set(channel, (this.#spent.get(channel) ?? 0) + payload.length + 32)
    return pieces.length
  }

  #pieces(channel: number, from: number): Got {
    const size = this.#count(channel, from)
    const began = this.#began.get(channel)!
    const all = this.#long.get(channel)!.size
    const done = this.#spent.get(channel)! - began === all + 4 + 32 * Math.ceil((all + 4) / 16376)
    return { what: done ? 'sent' : 'wait', ...(size ? { size } : {}), spent: this.#spent.get(channel)! }
  }
}

let sender: Sender
beforeEach(() => { sender = new Sender() })

for (const { name, steps } of goldens.channelTraces.filter(t => t.side === 'out')) {
  test(name, async () => {
    for (const [i, step] of steps.entries()) {
      const got: Got[] = []
      for (let n = 0; n < (step.times ?? 1); n++) {
        for (const g of await sender.do(step)) got.push(g)
        sender.outlets.outbox.acknowledged(sender.outlets.outbox.sent) // what is kept holds nothing up here
      }
      const wanted = (step.got ?? []).flatMap(({ times = 1, ...g }) => Array.from({ length: times }, () => g))
      expect(got, `step ${i}, ${JSON.stringify(step).slice(0, 200)}`).toEqual(wanted)
    }
  })
}
