import { vi } from 'vitest'
import type { Entry } from '../src/roster.ts'
import { welcomeTo } from './members.ts'
import { FakeWebSocket } from './websocket.ts'

type Message = Record<string, unknown>

interface Passed { from: string; to: string; body: unknown }

/** A hub of one room, whose members have the ids that their secrets give. */
export class SealedHub {
  entries: Entry[] = []
  /** All that it was told. */
  readonly told: Message[] = []
  /** What becomes of a signal. */
  passes: (from: string, to: string, body: unknown) => Passed[] | Promise<Passed[]> = (from, to, body) => [{ from, to, body }]
  #sockets = new Map<string, FakeWebSocket>()
  #n = 0
  #passing = Promise.resolve()

  /** Welcomes who makes the next WebSocket. */
  async admit(): Promise<string> {
    const ws = await vi.waitFor(() => {
      const { newest } = FakeWebSocket
      if (newest.onsent) throw new Error('no newer one yet')
      return newest
    })
    return new Promise(resolve => {
      let self = ''
      ws.onsent = message => {
        this.told.push(message)
        if (message['type'] === 'hello') void this.#welcome(message, ws).then(id => resolve(self = id))
        else if (message['type'] === 'signal') this.#pass(self, message)
      }
      ws.open()
    })
  }

  tell(id: string, message: Message): void {
    this.#sockets.get(id)?.say(message)
  }

  /** Somebody comes in who is only in the roster. */
  list(entry: Entry): void {
    this.entries.push(entry)
    for (const ws of this.#sockets.values()) ws.say({ type: 'roster', epoch: 'e', n: entry.joined, joined: [entry] })
  }

  async #welcome({ secret, name, kind, meta }: Message, ws: FakeWebSocket): Promise<string> {
    const id = await idOf(String(secret))
    this.list({ id, name: String(name), kind: String(kind), meta: meta as Entry['meta'], joined: ++this.#n })
    this.#sockets.set(id, ws)
    ws.say({ ...welcomeTo('x', structuredClone(this.entries)), you: id })
    return id
  }

  #pass(sender: string, { to, body }: Message): void {
    this.#passing = this.#passing.then(async () => {
      for (const s of await this.passes(sender, String(to), body)) this.tell(s.to, { type: 'signal', from: s.from, body: s.body })
    })
  }
}

export async function idOf(secret: string): Promise<string> {
  const bytes = Uint8Array.from(atob(secret.replaceAll('-', '+').replaceAll('_', '/')), c => c.charCodeAt(0))
  const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)).subarray(0, 16)
  return btoa(String.fromCharCode(...sum)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
