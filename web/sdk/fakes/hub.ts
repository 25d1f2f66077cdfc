import { vi } from 'vitest'
import type { Departure, Entry } from '../src/protocol.ts'
import { entryOf, idOf, welcomeTo } from './members.ts'
import { FakeWebSocket } from './websocket.ts'

interface Signal { type: string; to: string; body: { type: string } }

/** What a hub does, at the other end of every fake WebSocket. Members are named by letters, which are their names. */
export class FakeHub {
  epoch = 'first'
  /** Whether a signal gets lost. */
  loses: (type: string) => boolean = () => false
  #n = 0
  #members = new Map<string, { entry: Entry; ws: FakeWebSocket | undefined }>()

  /** Welcomes who has made the newest WebSocket. */
  async admit(): Promise<FakeWebSocket> {
    const ws = FakeWebSocket.newest
    ws.onsent = message => {
      if (message['type'] === 'hello') this.#welcome(String(message['name']), ws)
      else if (message['type'] === 'ping') ws.say({ type: 'pong' })
      else this.#pass(ws, message as unknown as Signal)
    }
    ws.addEventListener('close', event => {
      const letter = this.#letterOf(ws)
      if (letter) this.#leave(letter, (event as CloseEvent).code === 1000 ? 'bye' : 'timeout')
    })
    ws.open()
    await vi.advanceTimersByTimeAsync(0)
    return ws
  }

  /** Somebody comes in who is only in the roster. */
  enter(letter: string, kind = 'browser'): void {
    const entry = entryOf(letter, ++this.#n, kind)
    this.#members.set(letter, { entry, ws: undefined })
    this.#tell({ joined: [entry] })
  }

  /** Somebody leaves who was only in the roster. */
  leave(letter: string, reason: string): void {
    this.#leave(letter, reason)
  }

  /** Says something to a member, whatever it is. */
  say(letter: string, message: unknown): void {
    this.#members.get(letter)?.ws?.say(message)
  }

  /** The hub is gone, and with it all that it knew. */
  restart(): void {
    const sockets = [...this.#members.values()].map(m => m.ws)
    this.#members.clear()
    this.#n = 0
    this.epoch += ' again'
    for (const ws of sockets) ws?.drop()
  }

  #welcome(letter: string, ws: FakeWebSocket): void {
    const entry = entryOf(letter, ++this.#n)
    this.#tell({ joined: [entry] })
    this.#members.set(letter, { entry, ws })
    ws.say(welcomeTo(letter, [...this.#members.values()].map(m => m.entry), this.epoch))
    ws.say({ type: 'roster', epoch: this.epoch, n: this.#n, joined: [entry] }) // changes go to everybody
  }

  #leave(letter: string, reason: string): void {
    this.#members.delete(letter)
    this.#tell({ left: [{ id: idOf(letter), reason, n: ++this.#n }] })
  }

  #tell(change: { left?: Departure[]; joined?: Entry[] }): void {
    for (const { ws } of this.#members.values()) ws?.say({ type: 'roster', epoch: this.epoch, n: this.#n, ...change })
  }

  #pass(ws: FakeWebSocket, { to, body }: Signal): void {
    const from = this.#letterOf(ws)
    const receiver = [...this.#members.values()].find(m => m.entry.id === to)
    if (from && !this.loses(body.type)) receiver?.ws?.say({ type: 'signal', from: idOf(from), body })
  }

  #letterOf(ws: FakeWebSocket): string | undefined {
    for (const [letter, m] of this.#members) if (m.ws === ws) return letter
    return undefined
  }
}
