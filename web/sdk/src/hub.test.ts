import { beforeEach, describe, expect, test, vi } from 'vitest'
import { goldens } from '../fakes/goldens.ts'
import { FakeHTTP } from '../fakes/http.ts'
import { entryOf, idOf, welcomeTo } from '../fakes/members.ts'
import { answers, FakeWebSocket, unreachable } from '../fakes/websocket.ts'
import { Client } from './hub.ts'
import type { Token } from './token.ts'

const hello = { type: 'hello', secret: expect.stringMatching(/^[\w-]{43}$/), name: 'Ann', kind: 'browser', meta: {} }
const heartbeat = { ping: 15_000, timeout: 600_000, grace: 60_000 } // so that silence isn't asked about, unless a test is about that
const welcome = { ...welcomeTo('a', [entryOf('a', 1)]), heartbeat }

function dial(token?: Token, endpoint = 'wss://hub.example/v1/rooms/lobby') {
  const on = { welcome: vi.fn(), message: vi.fn(), repeat: vi.fn(), state: vi.fn(), network: vi.fn() }
  return { on, hub: new Client(new URL(endpoint), { name: 'Ann', meta: {}, token }, on) }
}

/** The newest WebSocket is welcomed. */
function admit(more: object = {}): FakeWebSocket {
  FakeWebSocket.newest.open()
  FakeWebSocket.newest.say({ ...welcome, ...more })
  return FakeWebSocket.newest
}

function connected(more: object = {}) {
  const c = dial()
  admit(more)
  return c
}

/** The window and the document, whose events the test fires; and whether there is a network. */
function page() {
  const [window, document] = [new EventTarget(), Object.assign(new EventTarget(), { visibilityState: 'hidden' })]
  const navigator = { onLine: true }
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window))
  vi.stubGlobal('document', document)
  vi.stubGlobal('navigator', navigator)
  const network = (there: boolean) => {
    navigator.onLine = there
    window.dispatchEvent(new Event(there ? 'online' : 'offline'))
  }
  return { window, document, network, navigator }
}

const said = (type: string) => FakeWebSocket.newest.sent.filter(m => m['type'] === type)
const later = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** Runs what waits for no time. */
const settle = () => vi.advanceTimersByTimeAsync(0)

beforeEach(() => {
  vi.useFakeTimers()
  FakeWebSocket.install()
  unreachable()
})

test('a welcome connects, and the state is told after it', () => {
  const { hub, on } = dial()
  expect(hub.state).toEqual({ state: 'connecting' })
  on.welcome.mockImplementation(() => expect(hub.state.state).toBe('connected'))
  FakeWebSocket.newest.open()
  on.state.mockClear()
  FakeWebSocket.newest.say(welcome)
  expect(on.welcome).toHaveBeenCalledBefore(on.state)
  hub.signal('b', 1)
  expect(FakeWebSocket.newest.sent).toEqual([hello, { type: 'signal', to: 'b', body: 1 }])
})

describe('a lost connection is made again', () => {
  test('after a random part of a bound that doubles up to 30 s', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const { hub } = connected()
    FakeWebSocket.newest.drop()
    for (const bound of [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]) {
      await settle()
      expect(hub.state).toEqual({ state: 'waiting', retryAt: Date.now() + bound / 2, error: expect.objectContaining({ code: 'unreachable' }) })
      const before = FakeWebSocket.all.length
      await vi.advanceTimersByTimeAsync(bound / 2 - 1)
      expect(FakeWebSocket.all).toHaveLength(before)
      await vi.advanceTimersByTimeAsync(1)
      expect(FakeWebSocket.all).toHaveLength(before + 1)
      expect(hub.state.state).toBe('connecting')
      FakeWebSocket.newest.drop()
    }
  })

  test('at once, if that is what was drawn', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    connected()
    FakeWebSocket.newest.drop()
    await vi.advanceTimersByTimeAsync(1)
    expect(FakeWebSocket.all).toHaveLength(2)
  })

  test('with the same hello, and from the first bound after a welcome', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.999)
    const { hub, on } = connected()
    for (let i = 0; i < 3; i++) {
      FakeWebSocket.newest.drop()
      await vi.advanceTimersByTimeAsync(500)
      admit()
      expect(FakeWebSocket.newest.sent).toEqual([{ ...hello, session: 's1', received: 0 }])
    }
    expect(new Set(FakeWebSocket.all.map(ws => ws.sent[0]!['secret'])).size).toBe(1)
    expect(hub.state).toEqual({ state: 'connected', transport: 'websocket' })
    expect(on.welcome).toHaveBeenCalledTimes(4)
  })

  test('after as long as the hub says', async () => {
    const { hub } = connected()
    FakeWebSocket.newest.say({ type: 'error', code: 'full', message: 'Full.', retry: 10_000 })
    FakeWebSocket.newest.drop(4002)
    expect(hub.state).toMatchObject({ state: 'waiting', retryAt: Date.now() + 10_000 })
    await vi.advanceTimersByTimeAsync(9_999)
    expect(FakeWebSocket.all).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(FakeWebSocket.all).toHaveLength(2)
  })

  for (const [what, retry] of [['0', 0], ['more than a timer can hold', Number.MAX_SAFE_INTEGER]] as const) {
    test(`not in a rush if the hub says ${what}`, async () => {
      vi.spyOn(Math, 'random').mockReturnValue(0.5)
      connected()
      FakeWebSocket.newest.say({ type: 'error', code: 'going-away', message: 'Restarting.', retry })
      FakeWebSocket.newest.drop(4000)
      await vi.advanceTimersByTimeAsync(200)
      expect(FakeWebSocket.all).toHaveLength(1)
    })
  }

  test('also where something answers that is no hub: it may be a proxy whose hub is away', async () => {
    const { hub } = connected()
    FakeWebSocket.newest.drop()
    answers(502, '<html>Bad gateway</html>')
    await later(500)
    FakeWebSocket.newest.drop()
    await settle()
    expect(hub.state).toMatchObject({ state: 'waiting', error: { code: 'not-a-hub' } })
  })
})

describe('a refusal for good ends it', () => {
  const ended = async () => {
    const before = FakeWebSocket.all.length
    await vi.advanceTimersByTimeAsync(120_000)
    expect(FakeWebSocket.all).toHaveLength(before)
  }

  test('superseded', async () => {
    const { hub } = connected()
    FakeWebSocket.newest.say({ type: 'error', code: 'superseded', message: 'Continued elsewhere.' })
    FakeWebSocket.newest.drop(4503)
    expect(hub.state).toMatchObject({ state: 'closed', error: { code: 'superseded' } })
    await ended()
  })

  test('the page’s origin', async () => {
    vi.spyOn(console, 'error').mockReturnValue()
    answers(403, { type: 'error', code: 'origin', message: 'Start the hub with --origin https://page.example.' })
    const { hub } = dial()
    FakeWebSocket.newest.drop()
    await vi.waitFor(() => expect(hub.state).toMatchObject({ state: 'closed', error: { message: expect.stringContaining('--origin') } }))
    await ended()
  })

  test('close()', async () => {
    const { hub } = connected()
    hub.close()
    expect(FakeWebSocket.newest.closedWith).toBe(1000)
    expect(hub.state).toEqual({ state: 'closed' })
    await ended()
  })

  test('close() while waiting', async () => {
    const { hub } = connected()
    FakeWebSocket.newest.drop()
    hub.close()
    await ended()
  })
})

describe('a session goes on', () => {
  test('by what the hello says, the welcome and the counts', async () => {
    const { hub, on } = connected()
    hub.signal('b', 1)
    hub.signal('b', 2)
    FakeWebSocket.newest.say({ type: 'signal', from: 'b', body: 3 })
    FakeWebSocket.newest.say({ type: 'undeliverable', to: 'b', signal: 1, reason: 'gone' })
    FakeWebSocket.newest.say({ type: 'roster', epoch: 'e', n: 2 }) // isn't counted
    FakeWebSocket.newest.drop()
    hub.signal('b', 4)
    await later(500)
    FakeWebSocket.newest.open()
    expect(FakeWebSocket.newest.sent).toEqual([{ ...hello, session: 's1', received: 2 }])
    FakeWebSocket.newest.say({ ...welcome, recovered: true, received: 1 })
    expect(FakeWebSocket.newest.sent.slice(1).map(m => m['body'])).toEqual([2, 4])
    expect(on.welcome.mock.lastCall![0]).toMatchObject({ recovered: true })
  })

  test('or doesn’t, and says so, also where the hub pretends', async () => {
    const { hub, on } = connected()
    hub.signal('b', 1)
    FakeWebSocket.newest.drop()
    await later(500)
    admit({ recovered: true, session: 's2' })
    expect(on.welcome.mock.lastCall![0]).toMatchObject({ recovered: false })
    expect(said('signal')).toEqual([])
  })

  test('also when something comes from the connection before', async () => {
    const { on } = connected()
    const [first] = FakeWebSocket.all
    first!.drop()
    await later(500)
    admit({ recovered: true })
    first!.say({ type: 'signal', from: 'b', body: 1 })
    await later(2_000)
    expect(on.message).not.toHaveBeenCalled()
    expect(said('ack')).toEqual([])
  })

  test('with an ack within a second', async () => {
    connected()
    FakeWebSocket.newest.say({ type: 'signal', from: 'b', body: 1 })
    await later(1_000)
    expect(said('ack')).toEqual([{ type: 'ack', received: 1 }])
  })

  test('over the other transport', async () => {
    const http = new FakeHTTP()
    http.diagnosis = async () => new Response(JSON.stringify({ code: 'upgrade', message: 'This is a hub.' }), { status: 426 })
    const { hub } = connected()
    hub.signal('b', 1)
    FakeWebSocket.newest.drop()
    await later(500)
    FakeWebSocket.newest.drop()
    await settle()
    expect(http.newest('connect').lines).toEqual([{ ...hello, session: 's1', received: 0 }])
    http.newest('connect').answer({ type: 'connection', id: 'c' }, { ...welcome, recovered: true })
    await settle()
    expect(hub.state).toEqual({ state: 'connected', transport: 'http' })
    expect(http.newest('send').lines.slice(1)).toEqual([{ type: 'signal', to: 'b', body: 1 }])
    const sockets = FakeWebSocket.all.length
    http.newest('receive').fail()
    await later(500)
    expect(http.all('connect')).toHaveLength(2) // what worked last
    expect(FakeWebSocket.all).toHaveLength(sockets)
  })
})

describe('reports', () => {
  const golden = JSON.parse(goldens.toHub.find(c => c.name === 'report, a link that opened')!.text)
  const chromium = { userAgent: '', userAgentData: { brands: [{ brand: 'Chromium' }] } }
  const features = ['http', 'report']

  test('are as the golden message', () => {
    const { hub } = connected({ features })
    vi.stubGlobal('navigator', chromium)
    hub.report({ outcome: 'opened', path: 'relay-udp', time: 183.6 })
    expect(said('report')).toEqual([golden])
  })

  test('of links that didn’t open have no path and no time', () => {
    const { hub } = connected({ features })
    hub.report({ outcome: 'no-turn', path: 'lan', time: 15_000 })
    expect(said('report')).toEqual([{ type: 'report', outcome: 'no-turn', family: 'other' }])
  })

  test('aren’t sent to a hub that doesn’t ask for them, nor to one that is away', async () => {
    const { hub } = connected({ features: ['http'] })
    hub.report({ outcome: 'ice' })
    expect(said('report')).toEqual([])
    FakeWebSocket.newest.drop()
    hub.report({ outcome: 'ice' })
    await later(500)
    admit({ features })
    hub.report({ outcome: 'dtls' })
    expect(said('report').map(r => r['outcome'])).toEqual(['dtls'])
    hub.close()
    hub.report({ outcome: 'ice' })
    expect(said('report')).toHaveLength(1)
  })
})

describe('over HTTP because WebSocket was slow', () => {
  let http: FakeHTTP

  /** Connects over HTTP; the WebSocket doesn't open, or the network refuses it. */
  async function slowly(refused = false) {
    http = new FakeHTTP()
    http.diagnosis = async () => new Response(JSON.stringify({ code: 'upgrade', message: 'This is a hub.' }), { status: 426 })
    const c = dial()
    if (refused) FakeWebSocket.newest.drop()
    await later(2_500)
    http.newest('connect').answer({ type: 'connection', id: 'c' }, welcome)
    await settle()
    expect(c.hub.state).toEqual({ state: 'connected', transport: 'http' })
    return c
  }

  /** Time passes, and the hub has nothing to say. */
  async function quietly(seconds: number) {
    for (let i = 0; i < seconds; i += 10) {
      await later(10_000)
      for (const send of http.all('send')) send.done()
      http.newest('receive').answer()
    }
    await settle()
  }

  test('it is looked after a minute whether one opens, and the session goes on over it', async () => {
    const { hub, on } = await slowly()
    hub.signal('b', 1)
    await settle()
    http.newest('receive').answer({ type: 'ack', received: 1 }, { type: 'signal', from: 'b', body: 2 })
    await quietly(50)
    const before = FakeWebSocket.all.length
    await quietly(10)
    expect(FakeWebSocket.all).toHaveLength(before + 1)
    const look = FakeWebSocket.newest
    look.open()
    expect(look.sent).toEqual([])
    expect(look.closedWith).toBe(1000)
    expect(http.newest('receive').aborted).toBe(true)
    expect(http.all('send').flatMap(r => r.lines)).not.toContainEqual(expect.objectContaining({ type: 'close' })) // no bye
    hub.signal('b', 3) // meanwhile
    expect(FakeWebSocket.all).toHaveLength(before + 2)
    FakeWebSocket.newest.open()
    expect(FakeWebSocket.newest.sent).toEqual([{ ...hello, session: 's1', received: 1 }])
    FakeWebSocket.newest.say({ ...welcome, recovered: true, received: 1 })
    expect(said('signal').map(s => s['body'])).toEqual([3])
    expect(hub.state).toEqual({ state: 'connected', transport: 'websocket' })
    expect(on.welcome.mock.lastCall![0]).toMatchObject({ recovered: true })
    FakeWebSocket.newest.say({ type: 'ack', received: 2 })
    FakeWebSocket.newest.onsent = () => FakeWebSocket.newest.say({ type: 'pong' })
    await later(1_200_000)
    expect(FakeWebSocket.all).toHaveLength(before + 2)
  })

  test('the pauses double where none opens, up to 16 minutes', async () => {
    await slowly()
    const looks: number[] = []
    let known = FakeWebSocket.all.length
    for (let minutes = 0; minutes < 50; minutes++) {
      await quietly(60)
      if (FakeWebSocket.all.length > known) looks.push(minutes + 1)
      known = FakeWebSocket.all.length
    }
    expect(looks).toEqual([1, 3, 7, 15, 31, 47].map(m => expect.toSatisfy((at: number) => Math.abs(at - m) <= 1)))
  })

  test('nobody is left waiting for an answer', async () => {
    const { hub } = await slowly()
    await quietly(50)
    await later(5_000)
    const kick = expect(hub.kick(idOf('b'))).resolves.toBe('session')
    await later(5_000)
    FakeWebSocket.newest.open()
    expect(hub.state).toEqual({ state: 'connected', transport: 'http' })
    http.newest('receive').answer({ type: 'kicked', id: idOf('b'), holds: 'session' }, { type: 'pong' })
    await kick
    await quietly(120)
    FakeWebSocket.newest.open()
    expect(http.newest('receive').aborted).toBe(true)
  })

  test('it stays so where the network refuses WebSockets, until there is another one', async () => {
    const { network } = page()
    const { hub } = await slowly(true)
    const before = FakeWebSocket.all.length
    await quietly(3_600)
    expect(FakeWebSocket.all).toHaveLength(before)
    network(true)
    http.newest('receive').answer({ type: 'pong' })
    await quietly(60)
    expect(FakeWebSocket.all).toHaveLength(before + 1)
    hub.close()
    expect(FakeWebSocket.newest.closedWith).toBe(1000)
  })
})

test('what the hub asks is answered', () => {
  const { on } = connected()
  FakeWebSocket.newest.say({ type: 'ping' })
  expect(said('pong')).toHaveLength(1)
  expect(on.message).not.toHaveBeenCalled()
})

describe('a probe', () => {
  test('asks once, and gives the connection up after 5 s', async () => {
    const { hub } = connected()
    hub.probe()
    hub.probe()
    expect(said('ping')).toHaveLength(1)
    const ws = FakeWebSocket.newest
    await later(5_000)
    expect(ws.closedWith).toBeUndefined() // no bye
    expect(ws.readyState).toBe(FakeWebSocket.CLOSED)
    expect(hub.state.state).not.toBe('connected')
  })

  test('is over with any sign of life', async () => {
    const { hub } = connected()
    hub.probe()
    FakeWebSocket.newest.say({ type: 'roster', epoch: 'e', n: 2 })
    await later(60_000)
    expect(hub.state.state).toBe('connected')
    hub.probe()
    expect(said('ping')).toHaveLength(2)
  })

  test('comes after 5 s without an ack', async () => {
    const { hub } = connected()
    hub.signal('b', 1)
    await later(5_000)
    expect(said('ping')).toHaveLength(1)
    FakeWebSocket.newest.say({ type: 'pong' })
    FakeWebSocket.newest.say({ type: 'ack', received: 1 })
    await later(60_000)
    expect(said('ping')).toHaveLength(1)
    expect(hub.state.state).toBe('connected')
  })

  test('whose time ran out while the page was asleep gets another, once', async () => {
    const { hub } = connected()
    hub.probe()
    for (const state of ['connected', 'waiting']) {
      vi.setSystemTime(Date.now() + 3_600_000)
      await later(5_000)
      expect(hub.state.state).toBe(state)
    }
  })
})

describe('silence', () => {
  const quick = { heartbeat: { ...heartbeat, timeout: 30_000 } }

  test('of the hub’s timeout is asked about, so that a dead connection is found out', async () => {
    const { hub } = connected(quick)
    await later(29_999)
    expect(said('ping')).toEqual([])
    await later(1)
    expect(said('ping')).toHaveLength(1)
    await later(5_000)
    expect(hub.state).toMatchObject({ state: 'waiting', error: { code: 'unreachable' } })
  })

  test('is over with anything that comes', async () => {
    const { hub } = connected(quick)
    for (let i = 0; i < 10; i++) {
      await later(20_000)
      FakeWebSocket.newest.say({ type: 'roster', epoch: 'e', n: 2 + i })
    }
    expect(said('ping')).toEqual([])
    await later(30_000)
    FakeWebSocket.newest.say({ type: 'pong' })
    await later(30_000)
    expect(said('ping')).toHaveLength(2)
    expect(hub.state.state).toBe('connected')
  })

  test('is nothing to a page that nobody sees', async () => {
    const { document } = page()
    const { hub } = connected(quick)
    await later(600_000)
    expect(said('ping')).toEqual([])
    document.visibilityState = 'visible'
    await later(30_000)
    expect(said('ping')).toHaveLength(1)
    expect(hub.state.state).toBe('connected')
  })

  for (const timeout of [0, Number.MAX_SAFE_INTEGER]) {
    test(`is asked about at a sane rate, if the hub says ${timeout}`, async () => {
      connected({ heartbeat: { ...heartbeat, timeout } })
      FakeWebSocket.newest.onsent = () => FakeWebSocket.newest.say({ type: 'pong' })
      await later(600_000)
      expect(said('ping').length).toBe(timeout === 0 ? 60 : 1)
    })
  }

  test('ends with the connection', async () => {
    const { hub } = connected(quick)
    hub.close()
    await later(600_000)
    expect(said('ping')).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('without a network', () => {
  test('nothing is tried, and at once when there is one', async () => {
    const { network } = page()
    const { hub } = connected()
    network(false)
    FakeWebSocket.newest.drop()
    expect(hub.state).toEqual({ state: 'waiting', error: expect.objectContaining({ code: 'unreachable' }) })
    await later(600_000)
    expect(FakeWebSocket.all).toHaveLength(1)
    network(true)
    expect(FakeWebSocket.all).toHaveLength(2)
  })

  test('an attempt that was to come doesn’t', async () => {
    const { network, document } = page()
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const { hub } = connected()
    FakeWebSocket.newest.drop()
    expect(hub.state).toHaveProperty('retryAt')
    network(false)
    expect(hub.state).not.toHaveProperty('retryAt')
    document.visibilityState = 'visible'
    document.dispatchEvent(new Event('visibilitychange'))
    await later(600_000)
    expect(FakeWebSocket.all).toHaveLength(1)
  })

  test('a connection is probed', async () => {
    const { network } = page()
    const { hub } = connected()
    network(false)
    expect(said('ping')).toHaveLength(1)
    await later(5_000)
    expect(hub.state).toMatchObject({ state: 'waiting' })
    expect(hub.state).not.toHaveProperty('retryAt')
  })

  for (const host of ['localhost', 'a.localhost', '127.0.0.1', '[::1]']) {
    test(`a hub on ${host} can be reached`, async () => {
      const { network } = page()
      const { hub } = dial(undefined, `ws://${host}:8080/v1/rooms/lobby`)
      admit()
      network(false)
      FakeWebSocket.newest.drop()
      expect(hub.state).toHaveProperty('retryAt')
      await later(500)
      expect(FakeWebSocket.all).toHaveLength(2)
    })
  }
})

describe('when the network is back, or somebody looks', () => {
  test('it doesn’t wait any longer', async () => {
    const { network } = page()
    vi.spyOn(Math, 'random').mockReturnValue(0.999)
    connected()
    FakeWebSocket.newest.drop()
    network(true)
    expect(FakeWebSocket.all).toHaveLength(2)
    await later(2_000)
    expect(FakeWebSocket.all).toHaveLength(2)
  })

  test('unless the hub asked for patience', async () => {
    const { network } = page()
    const { hub } = connected()
    FakeWebSocket.newest.say({ type: 'error', code: 'going-away', message: 'Restarting.', retry: 10_000 })
    FakeWebSocket.newest.drop(4000)
    const retryAt = Date.now() + 10_000
    await later(3_000)
    network(false)
    network(true)
    expect(hub.state).toMatchObject({ state: 'waiting', retryAt })
    await later(6_999)
    expect(FakeWebSocket.all).toHaveLength(1)
    await later(1)
    expect(FakeWebSocket.all).toHaveLength(2)
  })

  test('a connection that hasn’t answered since the network went away is given up for another, at once', async () => {
    const { network } = page()
    const { hub, on } = connected()
    network(false)
    await later(2_000)
    network(true)
    expect(FakeWebSocket.all).toHaveLength(2)
    expect(on.network).toHaveBeenCalledOnce()
    admit({ recovered: true })
    expect(hub.state.state).toBe('connected')
    expect(said('hello')).toEqual([{ ...hello, session: 's1', received: 0 }])
  })

  test('one that has answered goes on', async () => {
    const { network } = page()
    connected()
    network(false)
    FakeWebSocket.newest.say({ type: 'pong' })
    network(true)
    expect(FakeWebSocket.all).toHaveLength(1)
    expect(said('ping')).toHaveLength(2)
  })

  test('another kind of connection is another network, and another speed isn’t', () => {
    const { navigator } = page()
    const connection = Object.assign(new EventTarget(), { type: 'wifi' })
    Object.assign(navigator, { connection })
    const { on } = connected()
    connection.dispatchEvent(new Event('change'))
    expect(on.network).not.toHaveBeenCalled()
    connection.type = 'cellular'
    connection.dispatchEvent(new Event('change'))
    expect(on.network).toHaveBeenCalledOnce()
    expect(said('ping')).toHaveLength(1)
  })

  test('an attempt on the old network is given up for another', () => {
    const { network } = page()
    connected()
    FakeWebSocket.newest.drop()
    network(true)
    network(true)
    expect(FakeWebSocket.all).toHaveLength(3)
    expect(FakeWebSocket.all[1]!.readyState).toBeGreaterThan(FakeWebSocket.OPEN)
  })

  test('WebSocket is tried again', async () => {
    const { network } = page()
    const http = new FakeHTTP()
    connected()
    FakeWebSocket.newest.drop()
    await later(500 + 2_500)
    http.newest('connect').answer({ type: 'connection', id: 'c' }, { ...welcome, recovered: true })
    await settle()
    const sockets = FakeWebSocket.all.length
    http.newest('receive').fail()
    await settle()
    network(true)
    expect(FakeWebSocket.all).toHaveLength(sockets + 1)
  })

  test('it asks whether the hub is there', () => {
    const { document, window } = page()
    connected()
    document.dispatchEvent(new Event('visibilitychange'))
    window.dispatchEvent(new Event('pageshow')) // the first one
    expect(said('ping')).toHaveLength(0)
    document.visibilityState = 'visible'
    document.dispatchEvent(new Event('visibilitychange'))
    expect(said('ping')).toHaveLength(1)
  })

  test('it asks, too, when the browser gives the page back', () => {
    const { window } = page()
    connected()
    window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }))
    expect(said('ping')).toHaveLength(1)
  })

  test('a page that was put to sleep goes away without a bye, and goes on', async () => {
    const { document } = page()
    vi.spyOn(Math, 'random').mockReturnValue(0.999)
    const { hub } = connected()
    document.dispatchEvent(new Event('freeze'))
    await settle()
    expect(FakeWebSocket.newest.readyState).toBe(FakeWebSocket.CLOSED)
    expect(FakeWebSocket.newest.closedWith).toBeUndefined()
    document.dispatchEvent(new Event('resume'))
    admit({ recovered: true })
    expect(hub.state.state).toBe('connected')
    expect(said('hello')).toEqual([{ ...hello, session: 's1', received: 0 }])
  })

  test('it does nothing after close()', () => {
    const { network } = page()
    connected().hub.close()
    network(true)
    expect(FakeWebSocket.all).toHaveLength(1)
  })
})

test('a page that goes says bye over a connection whose requests the browser has ended', async () => {
  const http = new FakeHTTP()
  const { hub } = connected()
  FakeWebSocket.newest.drop()
  await later(500 + 2_500)
  http.newest('connect').answer({ type: 'connection', id: 'c' }, { ...welcome, recovered: true })
  await settle()
  http.newest('receive').fail()
  await settle()
  hub.close(undefined, true)
  expect(http.newest('send').lines[1]).toEqual({ type: 'close', code: 1000 })
})

describe('a token', () => {
  test('is said as it is', () => {
    dial('a.b.c')
    admit()
    expect(said('hello')).toEqual([{ ...hello, token: 'a.b.c' }])
  })

  test('is asked for again at each attempt', async () => {
    let n = 0
    dial(async () => `token ${++n}`)
    expect(FakeWebSocket.all).toHaveLength(0)
    await settle()
    admit()
    FakeWebSocket.newest.drop()
    await later(500)
    admit()
    expect(FakeWebSocket.all.map(ws => ws.sent[0]!['token'])).toEqual(['token 1', 'token 2'])
  })

  test('that can’t be had is asked for again', async () => {
    let n = 0
    const { hub } = dial(() => { if (++n === 1) throw new Error('no'); return 'token' })
    await settle()
    expect(hub.state).toMatchObject({ state: 'waiting', error: { code: 'no-token', final: false, cause: new Error('no') } })
    await later(500)
    admit()
    expect(hub.state.state).toBe('connected')
  })

  test('isn’t waited for longer than 15 s', async () => {
    const { hub } = dial(() => new Promise(() => {}))
    await later(15_000)
    expect(hub.state).toMatchObject({ state: 'waiting', error: { code: 'no-token' } })
  })

  test('that comes after close() is of no use', async () => {
    const { hub } = dial(async () => 'token')
    hub.close()
    await later(60_000)
    expect(FakeWebSocket.all).toEqual([])
  })

  test('is renewed before it expires, and what it permits is told', async () => {
    let n = 0
    const { hub, on } = dial(async () => `token ${++n}`)
    await settle()
    admit({ expires: Date.now() + 600_000 })
    expect(hub.permissions).toEqual(['join'])
    await later(539_999)
    expect(said('token')).toEqual([])
    await later(1)
    expect(said('token')).toEqual([{ type: 'token', token: 'token 2' }])
    on.state.mockClear()
    FakeWebSocket.newest.say({ type: 'granted', permissions: ['join', 'kick'], expires: Date.now() + 100_000 })
    expect(on.state).toHaveBeenCalledOnce()
    expect(hub.permissions).toEqual(['join', 'kick'])
    await later(50_000)
    expect(said('token').at(-1)).toEqual({ type: 'token', token: 'token 3' })
  })

  test('that can’t be renewed is asked for again until it has expired', async () => {
    vi.spyOn(console, 'warn').mockReturnValue()
    let n = 0
    dial(() => { if (++n > 1) throw new Error('no'); return 'token' })
    await settle()
    admit({ expires: Date.now() + 120_000 })
    await later(119_000)
    expect(n).toBeGreaterThan(4)
    expect(n).toBeLessThan(12)
  })

  test('of a clock that goes wrong isn’t asked for all the time', async () => {
    let n = 0
    dial(() => `token ${++n}`)
    await settle()
    admit({ expires: Date.now() - 1_000 })
    await later(29_999)
    expect(n).toBe(1)
  })

  test('that doesn’t change isn’t renewed', async () => {
    const { hub } = dial('token')
    admit({ expires: Date.now() + 1_000 })
    await later(60_000)
    expect(said('token')).toEqual([])
    FakeWebSocket.newest.say({ type: 'error', code: 'expired', message: 'Expired.' })
    FakeWebSocket.newest.drop(4004)
    expect(hub.state).toMatchObject({ state: 'closed', error: { code: 'expired' } })
  })

  test('that has expired is asked for', async () => {
    const { hub } = dial(() => 'token')
    await settle()
    admit()
    FakeWebSocket.newest.say({ type: 'error', code: 'expired', message: 'Expired.' })
    FakeWebSocket.newest.drop(4004)
    expect(hub.state).toMatchObject({ state: 'waiting', error: { code: 'expired' } })
  })

  for (const [code, close] of [['token', 4506], ['kicked', 4507], ['forbidden', 4508]] as const) {
    test(`refused as ${code} ends it`, async () => {
      const { hub } = dial(() => 'token')
      await settle()
      FakeWebSocket.newest.open()
      FakeWebSocket.newest.say({ type: 'error', code, message: 'No.' })
      FakeWebSocket.newest.drop(close)
      expect(hub.state).toMatchObject({ state: 'closed', error: { code, final: true } })
    })
  }
})

describe('kick and lock', () => {
  const bob = idOf('b')
  const hub = (...messages: object[]) => { for (const m of messages) FakeWebSocket.newest.say(m) }
  const pong = { type: 'pong' }
  const forbidden = { type: 'error', code: 'forbidden', message: 'Your token doesn’t permit that.' }

  test('say what became of them', async () => {
    const client = connected().hub
    const [kick, lock] = [client.kick(bob), client.lock(true)]
    expect(FakeWebSocket.newest.sent.slice(1)).toEqual([{ type: 'kick', id: bob }, { type: 'ping' }, { type: 'lock', locked: true }, { type: 'ping' }])
    hub({ type: 'kicked', id: bob, holds: 'session' }, pong, pong)
    await expect(kick).resolves.toBe('session')
    await expect(lock).resolves.toBeUndefined()
  })

  test('say whose fault it was, each its own', async () => {
    const client = connected().hub
    const asked = [client.lock(false), client.kick(bob), client.kick(idOf('c')), client.lock(true)]
    hub(forbidden, pong, { type: 'kicked', id: bob, holds: 'token' }, pong, { ...forbidden, code: 'limit', retry: 100 }, pong, pong)
    const [unlock, kick, another, lock] = await Promise.allSettled(asked)
    expect(unlock).toMatchObject({ status: 'rejected', reason: { code: 'forbidden', message: forbidden.message } })
    expect(kick).toMatchObject({ status: 'fulfilled', value: 'token' })
    expect(another).toMatchObject({ status: 'rejected', reason: { code: 'limit', retry: 100 } })
    expect(lock).toMatchObject({ status: 'fulfilled' })
  })

  test('don’t take another ping’s pong for an answer', async () => {
    const client = connected().hub
    client.probe()
    const lock = client.lock(true)
    const done = vi.fn()
    void lock.then(done)
    hub(pong)
    await settle()
    expect(done).not.toHaveBeenCalled()
    hub(pong)
    await lock
  })

  test('fail with the connection', async () => {
    const client = connected().hub
    const asked = client.lock(true)
    FakeWebSocket.newest.drop()
    await expect(asked).rejects.toMatchObject({ code: 'unreachable' })
    await expect(client.kick(bob)).rejects.toMatchObject({ code: 'unreachable' })
    client.close()
    await expect(client.lock(true)).rejects.toMatchObject({ code: 'unreachable' })
  })

  test('don’t wait longer than 10 s', async () => {
    const asked = expect(connected().hub.lock(true)).rejects.toMatchObject({ code: 'timeout' })
    await later(10_000)
    await asked
  })
})
