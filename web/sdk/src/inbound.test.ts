import { expect, test } from 'vitest'
import { bytes, hex } from '../fakes/bytes.ts'
import { type ChannelStep, goldens } from '../fakes/goldens.ts'
import { bytesOf, encodeFrame } from './frame.ts'
import { type Arrival, Inbound } from './inbound.ts'
import type { Inlet, Item } from './inlet.ts'

type Got = NonNullable<ChannelStep['got']>[number]

/** The receiving side of a link, and the channels that were opened to it. */
class Receiver {
  readonly inbound = new Inbound({ taken() {}, unwanted() {} })
  #inlets = new Map<number, Inlet>()
  #sequences = new Map<number, number>()

  do(step: ChannelStep): Got[] {
    const channel = step.channel ?? 0
    switch (step.do) {
      case 'frame': return this.#frame(step, channel)
      case 'take': return [this.#take(channel)]
      case 'refuse':
        this.inbound.refuse(this.#inlets.get(channel)!)
        return []
      case 'carrier':
        this.inbound.resume()
        return []
      case 'unsaid':
        this.inbound.resay()
        return []
      case 'ack': {
        const { type, ...ack } = this.inbound.acknowledge()
        return [bare({ what: type, ...ack })]
      }
      default: throw new Error(`nobody knows how to ${step.do}`)
    }
  }

  #frame({ on = 1, type = 0, flags = 0, sequence, hex = '', text = '', zeros = 0 }: ChannelStep, channel: number): Got[] {
    const last = this.#sequences.get(channel) ?? 0
    if (on === 2 && sequence === undefined) this.#sequences.set(channel, last + 1)
    const data = encodeFrame(type, flags, channel, sequence ?? (on === 2 ? last + 1 : this.inbound.frames + 1), bytes(hex), bytesOf(text), new Uint8Array(zeros)).buffer
    try {
      return this.#got(on === 2 ? this.inbound.takeUnreliable(data) : this.inbound.take(data))
    } catch (error) {
      expect(error).toMatchObject({ code: 'malformed' })
      return [{ what: 'refused' }]
    }
  }

  #got(arrival: Arrival | undefined): Got[] {
    switch (arrival?.type) {
      case undefined: return []
      case 'stop': return [bare({ what: 'stop', channel: arrival.id })]
      case 'open': {
        const { id, name, kind, answers, refused } = arrival.inlet
        this.#inlets.set(id, arrival.inlet)
        return [bare({ what: refused ? 'strange' : 'open', channel: id, name, kind, answers })]
      }
      case 'close': return [bare({ what: 'close', channel: arrival.inlet.id, dropped: arrival.inlet.dropped })]
      case 'message': {
        const { inlet } = arrival
        this.#inlets.set(inlet.id, inlet)
        return [message('message', inlet.id, inlet.waiting.at(-1)!)]
      }
    }
  }

  #take(channel: number): Got {
    const item = this.#inlets.get(channel)?.take()
    return item ? message('taken', channel, item) : { what: 'nothing' }
  }
}

function message(what: string, channel: number, { data, key }: Item): Got {
  const all = bytesOf(data)
  return bare({ what, channel, text: typeof data === 'string', size: all.length, begins: hex(all.slice(0, 8)), key })
}

/** Without what is nothing. */
function bare(got: Got): Got {
  return Object.fromEntries(Object.entries(got).filter(([, value]) => value)) as Got
}

for (const { name, steps } of goldens.channelTraces.filter(t => t.side === 'in')) {
  test(name, () => {
    const receiver = new Receiver()
    for (const [i, step] of steps.entries()) {
      const got: Got[] = []
      for (let n = 0; n < (step.times ?? 1); n++) for (const g of receiver.do(step)) add(got, g)
      expect(got, `step ${i}, ${JSON.stringify(step)}`).toEqual(step.got ?? [])
      const { urgency, used } = receiver.inbound
      expect({ urgency, ...used }, `after step ${i}, ${JSON.stringify(step)}`).toEqual({ urgency: step.due ?? 'not', reserved: step.reserved ?? 0, wider: step.wider ?? 0, unreliable: step.unreliable ?? 0 })
    }
  })
}

/** The same again is told by a number. */
function add(got: Got[], next: Got): void {
  const last = got.at(-1)
  const { times = 1, ...was } = last ?? { what: '' }
  if (last && JSON.stringify(was) === JSON.stringify(next)) last.times = times + 1
  else got.push(next)
}

test('there are traces', () => expect(goldens.channelTraces.length).toBeGreaterThanOrEqual(50))
