import { vi } from 'vitest'
import type { Inlet } from '../src/inlet.ts'
import { Link } from '../src/link.ts'
import { outgoing, type SendOptions } from '../src/outlet.ts'
import type { Report } from '../src/report.ts'
import type { Signal } from '../src/signals.ts'
import { type FakeChannel, FakeConnection } from './connection.ts'

export const control = 0
export const reliable = 1
export const unreliable = 2

/** A link, and what it tells. */
export class LinkEnd {
  readonly link: Link
  readonly said: Signal[] = []
  readonly heard: Array<string | Uint8Array> = []
  /** By the name of the channel. */
  readonly heardOn: Record<string, Array<string | Uint8Array>> = {}
  /** All that the other side has opened, in the order in which something came on them. */
  readonly inlets: Inlet[] = []
  /** Whether what comes is taken at once. */
  reads = true
  readonly states: string[] = []
  readonly anew = vi.fn<(signal: Signal) => void>()
  readonly probe = vi.fn()
  readonly report = vi.fn<(report: Report) => void>()
  configuration: RTCConfiguration
  #configurations = new Set<RTCConfiguration>()
  pass: (signal: Signal) => void = () => {}

  constructor(offerer: boolean, iceServers: RTCIceServer[] = []) {
    this.configuration = { iceServers }
    this.link = new Link(offerer, {
      configuration: () => {
        this.#configurations.add(this.configuration)
        return this.configuration
      },
      signal: signal => {
        this.said.push(signal)
        this.pass(signal)
      },
      probe: this.probe,
      report: this.report,
      anew: this.anew,
      changed: () => { if (this.states.at(-1) !== this.link.state) this.states.push(this.link.state) },
      arrived: inlet => {
        if (!this.inlets.includes(inlet)) this.inlets.push(inlet)
        if (!this.reads || inlet.kind === 'stream') return
        for (let item; (item = inlet.take());) (inlet.name === undefined ? this.heard : this.heardOn[inlet.name] ??= []).push(item.data)
      },
    })
  }

  send(data: string | Uint8Array, { unreliable = false, key, signal }: SendOptions = {}, name?: string): Promise<void> {
    return this.link.outlets.get(unreliable ? 'unreliable' : 'messages', name).send(outgoing(data, unreliable, key), signal)
  }

  /** Those of all its carriers. */
  get pcs(): FakeConnection[] {
    return FakeConnection.all.filter(pc => this.#configurations.has(pc.first))
  }

  /** The newest carrier’s. */
  get pc(): FakeConnection {
    return this.pcs.at(-1)!
  }

  channel(id: number): FakeChannel {
    return this.pc.channels[id]!
  }

  /** What was said on the newest carrier's control channel, after the hello. */
  get controls(): Array<{ type: string }> {
    return this.channel(control).sent.map(data => JSON.parse(new TextDecoder().decode(data.slice(8))) as { type: string }).filter(({ type }) => type !== 'hello')
  }

  /** Something comes in on a data channel, whatever it is. */
  receive(id: number, data: unknown): void {
    this.channel(id).receive(data)
  }
}

/** Runs what waits for no time. */
export const settle = () => vi.advanceTimersByTimeAsync(0)

/** The two ends of a link that isn't open yet. */
export function connecting(iceServers?: RTCIceServer[]): { ann: LinkEnd; bob: LinkEnd } {
  const [ann, bob] = [new LinkEnd(true, iceServers), new LinkEnd(false, iceServers)]
  ann.pass = signal => bob.link.take(signal)
  bob.pass = signal => ann.link.take(signal)
  return { ann, bob }
}

/** The two ends of a link that is live. */
export async function live(): Promise<{ ann: LinkEnd; bob: LinkEnd }> {
  const ends = connecting()
  await settle()
  return ends
}
