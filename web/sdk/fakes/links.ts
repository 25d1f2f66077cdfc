import { vi } from 'vitest'
import { Link } from '../src/link.ts'
import type { Signal } from '../src/signals.ts'
import { type FakeChannel, FakeConnection } from './connection.ts'

export const control = 0
export const reliable = 1
export const unreliable = 2

/** A link, and what it tells. */
export class LinkEnd {
  readonly pc: FakeConnection
  readonly link: Link
  readonly heard: Array<string | Uint8Array> = []
  readonly states: string[] = []
  readonly anew = vi.fn<(signal: Signal) => void>()
  hubAway = false
  pass: (signal: Signal) => void = () => {}

  constructor(offerer: boolean) {
    this.link = new Link(offerer, [], {
      signal: signal => this.pass(signal),
      hubAway: () => this.hubAway,
      anew: this.anew,
      changed: () => this.states.push(this.link.state),
      message: data => this.heard.push(data),
    })
    this.pc = FakeConnection.newest
  }

  channel(id: number): FakeChannel {
    return this.pc.channels[id]!
  }

  /** Something comes in on a data channel, whatever it is. */
  receive(id: number, data: unknown): void {
    this.channel(id).receive(data)
  }
}

/** Runs what waits for no time. */
export const settle = () => vi.advanceTimersByTimeAsync(0)

/** The two ends of a link that isn't open yet. */
export function connecting(): { ann: LinkEnd; bob: LinkEnd } {
  const [ann, bob] = [new LinkEnd(true), new LinkEnd(false)]
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
