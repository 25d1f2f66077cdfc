import { vi } from 'vitest'
import type { Absence, Departure, Entry } from '../src/roster.ts'
import { entryOf, idOf, welcomeTo } from './members.ts'
import { FakeWebSocket } from './websocket.ts'

interface Signal { type: string; to: string; body: { type: string } }

interface Change { left?: Departure[]; joined?: Entry[]; away?: Absence[]; locked?: boolean }

/** A member, with what its session counts. */
interface Session { entry: Entry; ws: FakeWebSocket | undefined; name: string; taken: number; kept: unknown[] }

/** What a hub does, at the other end of every fake WebSocket. Members are named by letters, which are their names. */
export class FakeHub {
  epoch = 'first'
  /** Whether a signal gets lost. */
  loses: (type: string) => boolean = () => false
  #n = 0
  #sessions = 0
  #members = new Map<string, Session>()

  /** Welcomes who has made the newest WebSocket. */
  async admit(): Promise<FakeWebSocket> {
    const ws = FakeWebSocket.newest
    ws.onsent = message => {
      if (message['type'] === 'hello') this.#welcome(message, ws)
      else if (message['type'] === 'ping') ws.say({ type: 'pong' })
      else if (message['type'] === 'signal') this.#pass(ws, message as unknown as Signal)
    }
    ws.addEventListener('close', event => this.#closed(ws, (event as CloseEvent).code))
    ws.open()
    await vi.advanceTimersByTimeAsync(0)
    return ws
  }

  /** Somebody comes in who is only in the roster. */
  enter(letter: string, kind = 'browser'): void {
    const entry = entryOf(letter, ++this.#n, kind)
    this.#members.set(letter, this.#session(entry, undefined))
    this.#tell({ joined: [entry] })
  }

  /** Somebody leaves. */
  leave(letter: string, reason: string): void {
    this.#members.delete(letter)
    this.#tell({ left: [{ id: idOf(letter), reason, n: ++this.#n }] })
  }

  /** Somebody goes away, or comes back, who is only in the roster. */
  away(letter: string, away: boolean): void {
    const { entry } = this.#members.get(letter)!
    if (away) entry.away = true
    else delete entry.away
    this.#tell({ away: [{ id: idOf(letter), away, n: ++this.#n }] })
  }

  lock(locked: boolean): void {
    this.#n++
    this.#tell({ locked })
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

  #session(entry: Entry, ws: FakeWebSocket | undefined): Session {
    return { entry, ws, name: `s${++this.#sessions}`, taken: 0, kept: [] }
  }

  #welcome(hello: Record<string, unknown>, ws: FakeWebSocket): void {
    const letter = String(hello['name'])
    const known = this.#members.get(letter)
    const recovered = known !== undefined && known.name === hello['session']
    if (!recovered) {
      const entry = known?.entry ?? entryOf(letter, ++this.#n)
      if (!known) this.#tell({ joined: [entry] })
      this.#members.set(letter, this.#session(entry, ws))
    }
    const session = this.#members.get(letter)!
    session.ws = undefined
    if (session.entry.away) this.away(letter, false)
    session.ws = ws
    const roster = { epoch: this.epoch, n: this.#n, members: [...this.#members.values()].map(m => ({ ...m.entry })) }
    ws.say({ ...welcomeTo(letter, []), roster, session: session.name, recovered, received: session.taken })
    if (recovered) for (const message of session.kept.slice(Number(hello['received']))) ws.say(message)
    else if (!known) ws.say({ type: 'roster', epoch: this.epoch, n: this.#n, joined: [session.entry] }) // changes go to everybody
  }

  #closed(ws: FakeWebSocket, code: number): void {
    const letter = this.#letterOf(ws)
    if (!letter) return
    this.#members.get(letter)!.ws = undefined
    if (code === 1000) this.leave(letter, 'bye')
    else if (code >= 4500) this.leave(letter, 'timeout')
    else this.away(letter, true)
  }

  #tell(change: Change): void {
    for (const { ws } of this.#members.values()) ws?.say({ type: 'roster', epoch: this.epoch, n: this.#n, ...structuredClone(change) })
  }

  #pass(ws: FakeWebSocket, { to, body }: Signal): void {
    const from = this.#letterOf(ws)
    if (!from) return
    this.#members.get(from)!.taken++
    const receiver = [...this.#members.values()].find(m => m.entry.id === to)
    if (!receiver || this.loses(body.type)) return
    const signal = { type: 'signal', from: idOf(from), body }
    receiver.kept.push(signal)
    receiver.ws?.say(signal)
  }

  #letterOf(ws: FakeWebSocket): string | undefined {
    for (const [letter, m] of this.#members) if (m.ws === ws) return letter
    return undefined
  }
}
