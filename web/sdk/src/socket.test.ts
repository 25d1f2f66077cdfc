import { beforeEach, describe, expect, test, vi } from 'vitest'
import { goldens, valueOf } from '../fakes/goldens.ts'
import { entryOf, welcomeTo } from '../fakes/members.ts'
import { answers, FakeWebSocket, unreachable } from '../fakes/websocket.ts'
import type { SnugError } from './errors.ts'
import { Socket } from './socket.ts'

const hello = { type: 'hello', secret: 's', name: 'Ann', kind: 'browser', meta: {} }
const welcome = welcomeTo('a', [entryOf('a', 1)])

function connect() {
  const on = { welcome: vi.fn(), message: vi.fn(), end: vi.fn<(error: SnugError) => void>() }
  const socket = new Socket(new URL('wss://hub.example/p/v1/rooms/lobby'), JSON.stringify(hello), on)
  return { socket, on, ws: FakeWebSocket.newest, why: () => on.end.mock.lastCall?.[0] }
}

function welcomed() {
  const c = connect()
  c.ws.open()
  c.ws.say(welcome)
  return c
}

beforeEach(() => {
  vi.useFakeTimers()
  FakeWebSocket.install()
  unreachable()
})

test('hello comes first, then the welcome, then messages', () => {
  const { ws, on } = connect()
  expect(ws).toMatchObject({ url: 'wss://hub.example/p/v1/rooms/lobby', protocol: 'snug.v1', sent: [] })
  ws.open()
  expect(ws.sent).toEqual([hello])
  ws.say({ type: 'pong' }) // out of turn
  ws.say(welcome)
  ws.say({ type: 'signal', from: 'b', body: 1 })
  expect(on.welcome).toHaveBeenCalledExactlyOnceWith(welcome)
  expect(on.message).toHaveBeenCalledExactlyOnceWith({ type: 'signal', from: 'b', body: 1 }, 37)
})

describe('golden messages to the hub go out as they are', () => {
  for (const c of goldens.toHub.filter(c => !c.error)) {
    test(c.name, () => {
      const { socket, ws } = welcomed()
      socket.send(JSON.stringify(valueOf(c)))
      expect(ws.sent.at(-1)).toEqual(valueOf(c))
    })
  }
})

test('what is said without a connection is dropped', () => {
  const { socket, ws } = connect()
  socket.send('{"type":"ping"}')
  ws.open()
  expect(ws.sent).toEqual([hello])
})

describe('a failed upgrade', () => {
  const failed = async () => {
    const c = connect()
    c.ws.drop()
    await vi.waitFor(() => expect(c.on.end).toHaveBeenCalledOnce())
    return c.why()!
  }

  test('is asked about at the same address', async () => {
    await failed()
    expect(String(vi.mocked(fetch).mock.lastCall?.[0])).toBe('https://hub.example/p/v1/rooms/lobby')
  })

  test('no network', async () => {
    expect(await failed()).toMatchObject({ code: 'unreachable', final: false, message: expect.stringContaining('can’t be reached') })
  })

  test('the origin is refused: the setting that helps is named, also on the console', async () => {
    const message = 'This hub doesn’t let pages of https://page.example in. Its operator can, with --origin https://page.example.'
    const console = vi.spyOn(globalThis.console, 'error').mockReturnValue()
    answers(403, { type: 'error', code: 'origin', message })
    expect(await failed()).toMatchObject({ code: 'origin', final: true, message })
    expect(console).toHaveBeenCalledWith(expect.stringContaining('--origin https://page.example'))
  })

  test('a hub, but no WebSockets', async () => {
    answers(426, { type: 'error', code: 'upgrade', message: 'This is a hub.' })
    expect(await failed()).toMatchObject({ code: 'no-websocket', final: false, message: expect.stringContaining('proxy') })
  })

  test('the hub is shutting down', async () => {
    answers(503, { type: 'error', code: 'going-away', message: 'Restarting.', retry: 700 })
    expect(await failed()).toMatchObject({ code: 'going-away', final: false, retry: 700 })
  })

  for (const body of ['<html>Hello</html>', '[]', '{}', '{"code":"origin"}', '']) {
    test(`no hub: ${body || 'nothing'}`, async () => {
      answers(200, body)
      expect(await failed()).toMatchObject({ code: 'not-a-hub', final: false })
    })
  }
})

describe('the close code decides whether to try again', () => {
  for (const [code, final] of [[1000, false], [1006, false], [4000, false], [4499, false], [4500, true], [4999, true], [5000, false]] as const) {
    test(`${code}: ${final ? 'don’t' : 'do'}`, () => {
      const { ws, why } = welcomed()
      ws.drop(code)
      expect(why()).toMatchObject({ code: final ? 'closed' : 'unreachable', final })
    })
  }

  test('what the hub said before it says why', () => {
    const { ws, why } = welcomed()
    ws.say({ type: 'error', code: 'full', message: 'This room is full.', retry: 10000 })
    expect(why()).toBeUndefined()
    ws.drop(4002)
    expect(why()).toMatchObject({ code: 'full', message: 'This room is full.', retry: 10000, final: false })
  })

  test('unless the connection survived it', () => {
    const { ws, on, why } = welcomed()
    ws.say({ type: 'error', code: 'forbidden', message: 'You may not kick.' })
    ws.drop()
    expect(on.message).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'forbidden' }), expect.any(Number))
    expect(why()).toMatchObject({ code: 'unreachable', final: false })
  })

  test('which limit it was', () => {
    const { ws, why } = connect()
    ws.open()
    ws.say({ type: 'error', code: 'limit', message: 'Too many joins.', retry: 900, limit: 'joins' })
    ws.drop(4006)
    expect(why()).toMatchObject({ code: 'limit', limit: 'joins', retry: 900, final: false })
  })

  test('also where a proxy takes the close code away from a refusal', () => {
    const { ws, why } = connect()
    ws.open()
    ws.say({ type: 'error', code: 'full', message: 'Full.', retry: 10000 })
    ws.drop()
    expect(why()).toMatchObject({ code: 'full', retry: 10000 })
  })

  test('also for codes of the future', () => {
    const { ws, why } = welcomed()
    ws.say({ type: 'error', code: 'banned', message: 'No.' })
    ws.drop(4777)
    expect(why()).toMatchObject({ code: 'banned', final: true })
  })
})

test('a hub that doesn’t know a type goes on', () => {
  const { ws, on } = welcomed()
  ws.say({ type: 'error', code: 'unknown-type', message: 'What?' })
  ws.drop()
  expect(on.end).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'unreachable' }))
})

describe('what is no message of a hub ends the connection', () => {
  for (const text of ['hello', '[]', '{}', '{"type":"roster"}']) {
    test(text, () => {
      const { ws, on } = welcomed()
      ws.say(text)
      ws.say({ type: 'pong' })
      expect(on.end).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'not-a-hub' }))
      expect(on.message).not.toHaveBeenCalled()
      expect(ws.readyState).not.toBe(FakeWebSocket.OPEN)
    })
  }

  test('bytes', () => {
    const { ws, why } = welcomed()
    ws.sayBytes(new ArrayBuffer(2))
    expect(why()?.code).toBe('not-a-hub')
  })
})

describe('silence', () => {
  test('without a welcome for 15 s ends it', () => {
    const { ws, on } = connect()
    ws.open()
    vi.advanceTimersByTime(14_999)
    expect(on.end).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(on.end).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'unreachable' }))
  })

  test('chatter is no welcome', () => {
    const { ws, on } = connect()
    ws.open()
    ws.say({ type: 'pong' })
    vi.advanceTimersByTime(15_000)
    expect(on.end).toHaveBeenCalledOnce()
  })
})

describe('a hello that is held back', () => {
  test('is said when it is resumed and the socket is open', () => {
    const { socket, ws } = connect()
    expect(socket.hold()).toBe(true)
    ws.open()
    expect(ws.sent).toEqual([])
    socket.resume()
    expect(ws.sent).toEqual([hello])
    socket.resume()
    expect(ws.sent).toEqual([hello])
  })

  test('also if it opens after that', () => {
    const { socket, ws } = connect()
    socket.hold()
    socket.resume()
    ws.open()
    expect(ws.sent).toEqual([hello])
  })

  test('can’t be once it is said', () => {
    const { socket, ws } = connect()
    ws.open()
    expect(socket.hold()).toBe(false)
  })
})

test('drop says no bye, and nothing comes after it', async () => {
  const { socket, ws, on } = welcomed()
  socket.drop()
  ws.say({ type: 'pong' })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(ws.readyState).toBe(FakeWebSocket.CLOSED)
  expect(ws.closedWith).toBeUndefined()
  expect(on.message).not.toHaveBeenCalled()
  expect(on.end).not.toHaveBeenCalled()
})

test('close says bye, and nothing comes after it', async () => {
  const { socket, ws, on } = welcomed()
  socket.close()
  ws.say({ type: 'pong' })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(ws.closedWith).toBe(1000)
  expect(on.message).not.toHaveBeenCalled()
  expect(on.end).not.toHaveBeenCalled()
})
