import { beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeHTTP } from '../fakes/http.ts'
import { entryOf, welcomeTo } from '../fakes/members.ts'
import { FakeWebSocket } from '../fakes/websocket.ts'
import type { Transport } from './conn.ts'
import { Dial } from './dial.ts'
import type { SnugError } from './errors.ts'

const hello = { type: 'hello', secret: 's', name: 'Ann', kind: 'browser', meta: {} }
const welcome = welcomeTo('a', [entryOf('a', 1)])
const connection = { type: 'connection', id: 'c'.repeat(22), wait: 25_000 }
const later = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const settle = () => later(0)
let http: FakeHTTP

beforeEach(() => {
  vi.useFakeTimers()
  FakeWebSocket.install()
  http = new FakeHTTP()
})

function begin(first: Transport = 'websocket', both = true) {
  const on = { welcome: vi.fn(), message: vi.fn(), end: vi.fn<(error: SnugError) => void>() }
  const dial = new Dial(new URL('wss://hub.example/v1/rooms/lobby'), JSON.stringify(hello), first, both, on)
  return { dial, on, why: () => on.end.mock.lastCall?.[0] }
}

const socketSaidHello = () => FakeWebSocket.newest.sent.some(m => m['type'] === 'hello')

/** The hub is there, but no upgrade gets through. */
function upgradesFail(): void {
  http.diagnosis = async () => new Response(JSON.stringify({ type: 'error', code: 'upgrade', message: 'This is a hub.' }), { status: 426 })
}

async function httpWelcomes(): Promise<void> {
  http.newest('connect').answer(connection, welcome)
  await settle()
}

describe('WebSocket', () => {
  test('is tried alone, and taken if it welcomes in time', async () => {
    const { dial, on } = begin()
    await later(2_499)
    FakeWebSocket.newest.open()
    FakeWebSocket.newest.say(welcome)
    await later(60_000)
    expect(http.requests).toEqual([])
    expect(on.welcome).toHaveBeenCalledExactlyOnceWith(welcome)
    expect(dial.transport).toBe('websocket')
    dial.send('{"type":"ping"}')
    expect(FakeWebSocket.newest.sent).toEqual([hello, { type: 'ping' }])
  })

  test('alone is tried where the hub has no HTTP', async () => {
    const { why } = begin('http', false)
    await later(14_999)
    expect(http.requests).toEqual([])
    expect(why()).toBeUndefined()
    await later(1)
    expect(why()).toMatchObject({ code: 'unreachable' })
  })

  test('that can’t be reached at all is all there is to say', async () => {
    const { why } = begin()
    FakeWebSocket.newest.drop()
    await settle()
    expect(http.requests).toEqual([])
    expect(why()).toMatchObject({ code: 'unreachable' })
  })

  test('whose hub refuses is refused', async () => {
    const { why } = begin()
    FakeWebSocket.newest.open()
    FakeWebSocket.newest.say({ type: 'error', code: 'locked', message: 'Locked.' })
    FakeWebSocket.newest.drop(4005)
    await later(60_000)
    expect(why()).toMatchObject({ code: 'locked' })
    expect(http.requests).toEqual([])
  })
})

describe('HTTP is tried as well', () => {
  test('at once if the hub answers but upgrades fail', async () => {
    upgradesFail()
    const { dial, on } = begin()
    FakeWebSocket.newest.drop()
    await settle()
    await httpWelcomes()
    expect(on.welcome).toHaveBeenCalledExactlyOnceWith(welcome)
    expect(dial.transport).toBe('http')
  })

  test('after 2.5 s if the WebSocket doesn’t open', async () => {
    const { dial, on } = begin()
    await later(2_500)
    await httpWelcomes()
    expect(on.welcome).toHaveBeenCalledOnce()
    expect(dial.transport).toBe('http')
    expect(FakeWebSocket.newest.readyState).toBe(FakeWebSocket.CLOSED)
    dial.send('{"type":"ping"}')
    await settle()
    expect(http.newest('send').lines[1]).toEqual({ type: 'ping' })
  })

  test('after 4 s if it opens but nothing comes over it', async () => {
    const { dial } = begin()
    FakeWebSocket.newest.open()
    await later(3_999)
    expect(http.requests).toEqual([])
    await later(1)
    await httpWelcomes()
    expect(dial.transport).toBe('http')
  })
})

describe('a hello takes over from the one before it, so', () => {
  test('a WebSocket that opens after HTTP was tried says none', async () => {
    const { on } = begin()
    await later(2_500)
    FakeWebSocket.newest.open()
    await later(1_000)
    expect(socketSaidHello()).toBe(false)
    await httpWelcomes()
    expect(socketSaidHello()).toBe(false)
    expect(FakeWebSocket.newest.closedWith).toBeUndefined() // no bye
    await later(60_000)
    expect(on.welcome).toHaveBeenCalledOnce()
    expect(on.end).not.toHaveBeenCalledWith(expect.objectContaining({ code: 'superseded' }))
  })

  test('one that has said it is dropped before HTTP is tried, without a bye', async () => {
    const { on } = begin()
    FakeWebSocket.newest.open()
    await later(4_000)
    expect(FakeWebSocket.newest.readyState).toBe(FakeWebSocket.CLOSED)
    expect(FakeWebSocket.newest.closedWith).toBeUndefined()
    FakeWebSocket.newest.say(welcome) // too late
    expect(on.welcome).not.toHaveBeenCalled()
  })

  test('if that hello arrives after all, being superseded is no reason to stop', async () => {
    const { why } = begin()
    FakeWebSocket.newest.open()
    await later(4_000)
    await httpWelcomes()
    http.newest('receive').answer({ type: 'error', code: 'superseded', message: 'Continued elsewhere.' }, { type: 'close', code: 4503 })
    await settle()
    expect(why()).toMatchObject({ code: 'superseded', final: false })
  })

  test('otherwise it is', async () => {
    const { why } = begin()
    await later(2_500)
    await httpWelcomes()
    http.newest('receive').answer({ type: 'error', code: 'superseded', message: 'Continued elsewhere.' }, { type: 'close', code: 4503 })
    await settle()
    expect(why()).toMatchObject({ code: 'superseded', final: true })
  })
})

describe('when HTTP fails, too,', () => {
  test('a WebSocket that waits with its hello says it', async () => {
    const { dial, on } = begin()
    await later(2_500)
    FakeWebSocket.newest.open()
    http.newest('connect').refuse(404, 'Not found')
    await settle()
    expect(socketSaidHello()).toBe(true)
    FakeWebSocket.newest.say(welcome)
    expect(on.welcome).toHaveBeenCalledOnce()
    expect(dial.transport).toBe('websocket')
  })

  test('one that isn’t open yet may still open', async () => {
    const { on } = begin()
    await later(2_500)
    http.newest('connect').fail()
    await settle()
    FakeWebSocket.newest.open()
    FakeWebSocket.newest.say(welcome)
    expect(on.welcome).toHaveBeenCalledOnce()
  })

  test('another is made where one was dropped, with all the patience there is', async () => {
    const { on } = begin()
    FakeWebSocket.newest.open()
    await later(4_000)
    http.newest('connect').refuse(404, 'Not found')
    await settle()
    expect(FakeWebSocket.all).toHaveLength(2)
    FakeWebSocket.newest.open()
    await later(14_000)
    FakeWebSocket.newest.say(welcome)
    expect(on.welcome).toHaveBeenCalledOnce()
    expect(http.all('connect')).toHaveLength(1)
  })

  test('the first failure is told', async () => {
    upgradesFail()
    const { why, on } = begin()
    FakeWebSocket.newest.drop()
    await settle()
    http.newest('connect').refuse(404, 'Not found')
    await later(60_000)
    expect(why()).toMatchObject({ code: 'no-websocket', message: expect.stringContaining('proxy') })
    expect(on.end).toHaveBeenCalledOnce()
  })

  test('whichever it is', async () => {
    const { why, on } = begin()
    await later(2_500)
    http.newest('connect').refuse(404, 'Not found')
    await settle()
    FakeWebSocket.newest.drop()
    await later(60_000)
    expect(why()).toMatchObject({ code: 'unreachable' })
    expect(on.end).toHaveBeenCalledOnce()
  })
})

test('what the hub refuses over HTTP is refused, whatever becomes of the WebSocket', async () => {
  const { why, on } = begin()
  await later(2_500)
  http.newest('connect').answer(connection, { type: 'error', code: 'full', message: 'Full.', retry: 10_000 }, { type: 'close', code: 4002 })
  await settle()
  FakeWebSocket.newest.open()
  await later(60_000)
  expect(why()).toMatchObject({ code: 'full', retry: 10_000 })
  expect(on.end).toHaveBeenCalledOnce()
  expect(socketSaidHello()).toBe(false)
})

describe('HTTP first', () => {
  test('is HTTP alone', async () => {
    const { dial } = begin('http')
    await httpWelcomes()
    expect(FakeWebSocket.all).toEqual([])
    expect(dial.transport).toBe('http')
  })

  test('unless it fails', async () => {
    const { on } = begin('http')
    http.newest('connect').fail()
    await settle()
    FakeWebSocket.newest.open()
    FakeWebSocket.newest.say(welcome)
    expect(on.welcome).toHaveBeenCalledOnce()
  })
})

describe('close says bye over', () => {
  test('WebSocket', () => {
    const { dial } = begin()
    FakeWebSocket.newest.open()
    FakeWebSocket.newest.say(welcome)
    dial.close()
    expect(FakeWebSocket.newest.closedWith).toBe(1000)
  })

  test('HTTP', async () => {
    const { dial } = begin('http')
    await httpWelcomes()
    dial.close()
    await settle()
    expect(http.newest('send').lines[1]).toEqual({ type: 'close', code: 1000 })
  })

  test('both, while both are tried', async () => {
    const { dial, on } = begin()
    await later(2_500)
    dial.close()
    http.newest('connect').answer(connection, welcome)
    await settle()
    expect(http.newest('send').lines[1]).toEqual({ type: 'close', code: 1000 })
    expect(FakeWebSocket.newest.closedWith).toBe(1000)
    await later(60_000)
    expect(on.end).not.toHaveBeenCalled()
  })
})
