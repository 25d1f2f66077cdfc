// The checks of the way to the hub: one request, a WebSocket, requests instead of it, and what becomes of silence.
import { type Conn, refusalIn } from '../../../sdk/src/conn.ts'
import { Requests } from '../../../sdk/src/http.ts'
import { checkRoom, newRoomName, SnugError } from '../../../sdk/src/index.ts'
import { newSecret, type Welcome } from '../../../sdk/src/protocol.ts'
import { Socket } from '../../../sdk/src/socket.ts'
import type { Found } from './words.ts'

export type Say = (id: Found['id'], kind: string, values?: Record<string, string>) => void

export const patience = 10_000 // ms, for each check
const clockSlack = 30_000 // ms: hubs allow tokens 60 s
const signSlack = 4_000 // ms that a sign of life may be late
const longest = 30_000 // ms that silence is waited for
const wantToken = ['token', 'expired', 'forbidden']

/** Asks for what every hub answers (PROTOCOL.md, section 1). Whether there is one. */
export async function checkHub(base: URL, say: Say): Promise<boolean> {
  const address = base.host
  const start = performance.now()
  let answer: Response
  let text: string
  try {
    answer = await fetch(new URL('v1/rooms/doctor', base), { cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(patience) })
    text = await answer.text()
  } catch (error) {
    say('hub', 'failed', { address, error: String(error) })
    return false
  }
  const took = performance.now() - start
  const refusal = refusalIn(text)
  const code = String(answer.status)
  if (!refusal) say('hub', [502, 503, 504].includes(answer.status) ? 'behind' : 'other', { address, code })
  else if (refusal.code === 'host') say('hub', 'host', { host: base.hostname, error: refusal.message })
  else if (refusal.code !== 'upgrade') say('hub', 'refuses', { error: refusal.message })
  if (refusal?.code !== 'upgrade') return false
  say('hub', 'ok', { address, ms: ms(took) })
  checkClock(answer.headers.get('Date'), took, say)
  return true
}

function checkClock(date: string | null, took: number, say: Say): void {
  const there = Date.parse(date ?? '')
  if (Number.isNaN(there)) return say('clock', 'unknown')
  const ahead = Date.now() - took / 2 - there // the header counts whole seconds
  if (Math.abs(ahead) <= clockSlack + took) return say('clock', 'ok')
  say('clock', ahead > 0 ? 'ahead' : 'behind', { by: span(Math.abs(ahead)) })
}

function span(ms: number): string {
  const minutes = ms / 60_000
  if (minutes < 2) return `${Math.round(ms / 1000)} s`
  return minutes < 120 ? `${Math.round(minutes)} min` : `${Math.round(minutes / 60)} h`
}

/** Whether this host is the browser's own machine. */
export function isLocal(host: string): boolean {
  return /^(localhost|.*\.localhost|127\..*|\[::1\])$/.test(host)
}

export function checkHTTPS({ protocol, hostname }: URL, say: Say): void {
  say('https', protocol === 'https:' ? 'page' : isLocal(hostname) ? 'local' : 'plain', { host: hostname })
}

/** A member that says nothing. */
export class Visit {
  readonly welcome: Welcome
  readonly #conn: Conn
  readonly #pongs: EventTarget
  readonly #ended: Promise<SnugError>
  took = 0 // ms until the answer to a ping came

  private constructor(conn: Conn, welcome: Welcome, pongs: EventTarget, ended: Promise<SnugError>) {
    this.#conn = conn
    this.welcome = welcome
    this.#pongs = pongs
    this.#ended = ended
  }

  /** Comes in one way, into a room of its own or that of a token. Rejects with a SnugError: `silent` if nothing comes. */
  static async enter(base: URL, how: typeof Socket | typeof Requests, token: string | undefined): Promise<Visit> {
    const endpoint = new URL(`v1/rooms/${token === undefined ? newRoomName() : roomIn(token) ?? newRoomName()}`, base)
    endpoint.protocol = base.protocol.replace('http', 'ws')
    const hello = JSON.stringify({ type: 'hello', secret: newSecret(), name: 'doctor', kind: 'doctor', ...(token === undefined ? {} : { token }) })
    const pongs = new EventTarget()
    const [welcomed, ended] = [Promise.withResolvers<Welcome>(), Promise.withResolvers<SnugError>()]
    const start = performance.now()
    const conn: Conn = new how(endpoint, hello, {
      welcome: message => welcomed.resolve(message),
      message: ({ type }) => pongs.dispatchEvent(new Event(type)),
      end: error => ended.resolve(error),
    })
    const got = await Promise.race([welcomed.promise, ended.promise, after(patience, undefined)])
    const visit = got && !(got instanceof SnugError) ? new Visit(conn, got, pongs, ended.promise) : undefined
    const lives = await visit?.ping()
    if (visit && lives) {
      visit.took = performance.now() - start
      return visit
    }
    conn.drop()
    throw got instanceof SnugError ? got : new SnugError('silent', '')
  }

  /** Waits for the answer to a ping. */
  async ping(): Promise<boolean> {
    const pong = new Promise<boolean>(resolve => this.#pongs.addEventListener('pong', () => resolve(true), { once: true }))
    this.#conn.send('{"type":"ping"}')
    return Promise.race([pong, this.#ended.then(() => false), after(patience / 2, false)])
  }

  /** What becomes of it while nothing is said, until the hub's sign of life has come, which a page can't see. */
  async silence(say: Say): Promise<void> {
    const { ping } = this.welcome.heartbeat
    const values = { transport: this.#conn.transport === 'http' ? 'HTTP' : 'WebSocket', ping: seconds(ping) }
    const start = performance.now()
    const end = await Promise.race([this.#ended, after(Math.min(ping + signSlack, longest), undefined)])
    const s = Math.round((performance.now() - start) / 1000)
    if (end && end.code !== 'unreachable') say('idle', 'ended', { error: end.message })
    else if (end) say('idle', 'cut', { ...values, s: String(s), shorter: String(Math.max(2, Math.floor(s / 2))) })
    else if (await this.ping()) say('idle', 'stayed', { s: String(s) })
    else say('idle', 'swallowed', { ...values, s: String(s) })
  }

  leave(): void {
    this.#conn.close()
  }
}

/** Comes in both ways, says how that went, and returns who is in. With a token it is one after the other: a hub may let an identity in once. */
export async function comeIn(base: URL, token: string | undefined, say: Say): Promise<Visit | undefined> {
  const first = Visit.enter(base, Requests, token).catch(failure)
  const requests = token === undefined ? first : await first.then(leaves)
  const socket = await Visit.enter(base, Socket, token).catch(failure)
  judgeSocket(socket, say)
  const other = leaves(await requests)
  if (socket instanceof Visit && !socket.welcome.features.includes('http')) say('http', 'off')
  else judgeRequests(other, say)
  if (socket instanceof Visit) return socket
  const again = other instanceof Visit ? await Visit.enter(base, Requests, token).catch(failure) : other
  if (again instanceof Visit) return again
  notIn([socket, again], say)
  return undefined
}

function failure(error: unknown): SnugError {
  return error instanceof SnugError ? error : new SnugError('failed', String(error))
}

function leaves(visit: Visit | SnugError): Visit | SnugError {
  if (visit instanceof Visit) visit.leave()
  return visit
}

const passed = ['unreachable', 'not-a-hub', 'no-websocket', 'connection', 'silent', 'failed'] // what isn't the hub's own word

function judgeSocket(socket: Visit | SnugError, say: Say): void {
  if (socket instanceof Visit) say('websocket', 'ok', { ms: ms(socket.took) })
  else if (socket.code === 'no-websocket') say('websocket', 'upgrade')
  else if (socket.code === 'silent') say('websocket', 'silent', { s: seconds(patience) })
  else if (passed.includes(socket.code)) say('websocket', 'failed', { error: socket.message })
  else say('websocket', 'told')
}

function judgeRequests(requests: Visit | SnugError, say: Say): void {
  if (requests instanceof Visit) say('http', 'ok', { ms: ms(requests.took) })
  else if (passed.includes(requests.code)) say('http', 'failed', { error: requests.message })
  else say('http', 'told')
}

function notIn(errors: Array<Visit | SnugError>, say: Say): void {
  const told = errors.find(e => e instanceof SnugError && !passed.includes(e.code)) as SnugError | undefined
  if (!told) say('join', 'failed')
  else say('join', wantToken.includes(told.code) ? 'token' : 'refused', { error: told.message })
}

/** The room that a token is for, without checking it. */
export function roomIn(token: string): string | undefined {
  try {
    const claims = token.split('.')[1] ?? ''
    const { room } = JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/'))) as { room?: unknown }
    return typeof room === 'string' && checkRoom(room) === undefined ? room : undefined
  } catch {
    return undefined
  }
}

export function ms(time: number): string {
  return String(Math.max(1, Math.round(time)))
}

function seconds(time: number): string {
  return String(Math.round(time / 1000))
}

/** value, after so many ms. */
export function after<T>(time: number, value: T): Promise<T> {
  return new Promise(resolve => setTimeout(() => resolve(value), time))
}
