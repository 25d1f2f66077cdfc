import { beforeEach, describe, expect, test, vi } from 'vitest'
import { entryOf, welcomeTo } from '../fakes/members.ts'
import { answers, FakeWebSocket, unreachable } from '../fakes/websocket.ts'
import { Hub } from './hub.ts'

const hello = { type: 'hello', secret: 's', name: 'Ann', kind: 'browser', meta: {} } as const
const welcome = welcomeTo('a', [entryOf('a', 1)])

function dial() {
  const on = { welcome: vi.fn(), message: vi.fn(), state: vi.fn() }
  return { on, hub: new Hub(new URL('wss://hub.example/v1/rooms/lobby'), hello, on) }
}

function connected() {
  const c = dial()
  FakeWebSocket.newest.open()
  FakeWebSocket.newest.say(welcome)
  return c
}

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
  hub.send({ type: 'ping' })
  expect(FakeWebSocket.newest.sent).toEqual([hello, { type: 'ping' }])
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
      FakeWebSocket.newest.open()
      FakeWebSocket.newest.say(welcome)
      expect(FakeWebSocket.newest.sent).toEqual([hello])
    }
    expect(hub.state).toEqual({ state: 'connected' })
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
    await vi.advanceTimersByTimeAsync(500)
    FakeWebSocket.newest.drop()
    await vi.waitFor(() => expect(hub.state).toMatchObject({ state: 'waiting', error: { code: 'not-a-hub' } }))
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

describe('when the network is back, or somebody looks', () => {
  const page = () => {
    const [window, document] = [new EventTarget(), Object.assign(new EventTarget(), { visibilityState: 'hidden' })]
    vi.stubGlobal('addEventListener', window.addEventListener.bind(window))
    vi.stubGlobal('document', document)
    return { window, document }
  }

  test('it doesn’t wait any longer', async () => {
    const { window } = page()
    vi.spyOn(Math, 'random').mockReturnValue(0.999)
    connected()
    FakeWebSocket.newest.drop()
    window.dispatchEvent(new Event('online'))
    expect(FakeWebSocket.all).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(FakeWebSocket.all).toHaveLength(2)
  })

  test('it asks whether the hub is there', () => {
    const { document } = page()
    connected()
    document.dispatchEvent(new Event('visibilitychange'))
    expect(FakeWebSocket.newest.sent).toEqual([hello])
    document.visibilityState = 'visible'
    document.dispatchEvent(new Event('visibilitychange'))
    expect(FakeWebSocket.newest.sent).toEqual([hello, { type: 'ping' }])
  })

  test('it does nothing after close()', () => {
    const { window } = page()
    connected().hub.close()
    window.dispatchEvent(new Event('online'))
    expect(FakeWebSocket.all).toHaveLength(1)
  })
})
