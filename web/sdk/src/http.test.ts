import { beforeEach, describe, expect, test, vi } from 'vitest'
import { goldens, valueOf } from '../fakes/goldens.ts'
import { FakeHTTP } from '../fakes/http.ts'
import { entryOf, welcomeTo } from '../fakes/members.ts'
import type { SnugError } from './errors.ts'
import { Requests } from './http.ts'

const hello = { type: 'hello', secret: 's', name: 'Ann', kind: 'browser', meta: {} }
const welcome = welcomeTo('a', [entryOf('a', 1)])
const connection = { type: 'connection', id: 'c'.repeat(22), wait: 25_000 }
const settle = () => vi.advanceTimersByTimeAsync(0)
let http: FakeHTTP

function connect() {
  const on = { welcome: vi.fn(), message: vi.fn(), end: vi.fn<(error: SnugError) => void>() }
  const conn = new Requests(new URL('wss://hub.example/p/v1/rooms/lobby'), JSON.stringify(hello), on)
  return { conn, on, why: () => on.end.mock.lastCall?.[0] }
}

async function welcomed() {
  const c = connect()
  http.newest('connect').answer(connection, welcome)
  await settle()
  return c
}

beforeEach(() => {
  vi.useFakeTimers()
  http = new FakeHTTP()
})

test('hello comes first, then the welcome, then messages', async () => {
  const { on } = connect()
  const request = http.newest('connect')
  expect(http.urls).toEqual(['https://hub.example/p/v1/rooms/lobby/connect'])
  expect(request.lines).toEqual([hello])
  expect(request.init).toMatchObject({ credentials: 'omit', cache: 'no-store', headers: { 'Content-Type': 'application/x-ndjson' } })
  expect(String(request.init.body).endsWith('}\n')).toBe(true)
  request.answer(connection, welcome, { type: 'signal', from: 'b', body: 1 })
  await settle()
  expect(on.welcome).toHaveBeenCalledExactlyOnceWith(welcome)
  expect(on.message).toHaveBeenCalledExactlyOnceWith({ type: 'signal', from: 'b', body: 1 }, 37)
})

describe('receiving', () => {
  test('goes on, one request at a time, counted from 1', async () => {
    const { on } = await welcomed()
    for (const n of [1, 2, 3]) {
      expect(http.all('receive')).toHaveLength(n)
      expect(http.newest('receive').lines).toEqual([{ connection: connection.id, n }])
      http.newest('receive').answer({ type: 'pong' }, { type: 'ack', received: n })
      await settle()
    }
    expect(on.message.mock.calls.map(([m]) => m.type)).toEqual(['pong', 'ack', 'pong', 'ack', 'pong', 'ack'])
  })

  test('takes silence', async () => {
    const { on } = await welcomed()
    await vi.advanceTimersByTimeAsync(25_000)
    http.newest('receive').answer()
    await settle()
    expect(http.all('receive')).toHaveLength(2)
    expect(on.end).not.toHaveBeenCalled()
  })

  test('doesn’t wait for ever', async () => {
    const { why } = await welcomed()
    await vi.advanceTimersByTimeAsync(39_999)
    expect(why()).toBeUndefined()
    await vi.advanceTimersByTimeAsync(1)
    expect(why()).toMatchObject({ code: 'unreachable', final: false })
    expect(http.newest('receive').aborted).toBe(true)
  })
})

describe('sending', () => {
  test('what is said together goes together, one request at a time', async () => {
    const { conn } = await welcomed()
    conn.send('{"type":"ping"}')
    conn.send('{"type":"pong"}')
    await settle()
    expect(http.all('send').map(r => r.lines)).toEqual([[{ connection: connection.id, n: 1 }, { type: 'ping' }, { type: 'pong' }]])
    conn.send('{"type":"ack","received":1}')
    conn.send('{"type":"ack","received":2}')
    await settle()
    expect(http.all('send')).toHaveLength(1)
    http.newest('send').done()
    await settle()
    expect(http.newest('send').lines).toEqual([{ connection: connection.id, n: 2 }, { type: 'ack', received: 1 }, { type: 'ack', received: 2 }])
    http.newest('send').done()
    await settle()
    conn.send('{"type":"ping"}')
    await settle()
    expect(http.newest('send').lines[0]).toEqual({ connection: connection.id, n: 3 })
  })

  test('golden messages to the hub go out as they are', async () => {
    const { conn } = await welcomed()
    const all = goldens.toHub.filter(c => !c.error).map(valueOf)
    for (const value of all) conn.send(JSON.stringify(value))
    await settle()
    expect(http.newest('send').lines.slice(1)).toEqual(all)
  })

  test('a request has 262,144 bytes at most', async () => {
    const { conn } = await welcomed()
    const text = JSON.stringify({ type: 'signal', to: 'b', body: '小'.repeat(20_000) }) // 60 kB
    for (let i = 0; i < 10; i++) conn.send(text)
    const sizes: number[] = []
    for (let i = 0; i < 4; i++) {
      await settle()
      if (http.all('send').length > i) http.newest('send').done()
    }
    for (const { init } of http.all('send')) sizes.push(new TextEncoder().encode(String(init.body)).length)
    expect(http.all('send').map(r => r.lines.length - 1)).toEqual([4, 4, 2])
    expect(Math.max(...sizes)).toBeLessThanOrEqual(262_144)
  })

  test('before the welcome is dropped', async () => {
    const { conn } = connect()
    conn.send('{"type":"ping"}')
    http.newest('connect').answer(connection, welcome)
    await settle()
    expect(http.all('send')).toEqual([])
  })
})

describe('a request that fails ends the connection', () => {
  for (const what of ['receive', 'send'] as const) {
    const failing = async (fail: () => void) => {
      const c = await welcomed()
      c.conn.send('{"type":"ping"}')
      await settle()
      fail()
      await settle()
      await vi.advanceTimersByTimeAsync(60_000)
      expect(c.on.end).toHaveBeenCalledOnce()
      expect(http.requests.filter(r => r.what !== what && r.what !== 'connect').every(r => r.aborted)).toBe(true)
      return c.why()
    }

    test(`${what}: lost`, async () => {
      expect(await failing(() => http.newest(what).fail())).toMatchObject({ code: 'unreachable', final: false })
    })

    test(`${what}: a proxy’s error page`, async () => {
      expect(await failing(() => http.newest(what).refuse(502, '<html>Bad gateway</html>'))).toMatchObject({ code: 'unreachable', final: false })
    })

    for (const [status, code, final] of [[410, 'connection', false], [409, 'order', false], [429, 'limit', false], [503, 'going-away', false], [413, 'too-big', true]] as const) {
      test(`${what}: ${status}`, async () => {
        const error = { type: 'error', code, message: 'No.', retry: 700 }
        expect(await failing(() => http.newest(what).refuse(status, error))).toMatchObject({ code, final, retry: 700, message: 'No.' })
      })
    }
  }

  test('receive: no message of a hub', async () => {
    const { why } = await welcomed()
    http.newest('receive').refuse(200, 'hello\n')
    await settle()
    expect(why()).toMatchObject({ code: 'not-a-hub', final: false })
  })

  test('send: without an answer for 15 s', async () => {
    const { conn, why } = await welcomed()
    conn.send('{"type":"ping"}')
    await vi.advanceTimersByTimeAsync(15_000)
    expect(why()).toMatchObject({ code: 'unreachable' })
  })
})

describe('a hub that closes says why', () => {
  for (const [code, name, final] of [[4503, 'superseded', true], [4000, 'going-away', false], [4507, 'kicked', true]] as const) {
    test(`in a receive: ${name}`, async () => {
      const { on, why } = await welcomed()
      http.newest('receive').answer({ type: 'pong' }, { type: 'error', code: name, message: 'No.' }, { type: 'close', code })
      await settle()
      expect(on.message.mock.calls.map(([m]) => m.type)).toContain('pong')
      expect(why()).toMatchObject({ code: name, final })
    })
  }

  test('in the connect', async () => {
    const { on, why } = connect()
    http.newest('connect').answer(connection, { type: 'error', code: 'locked', message: 'Locked.' }, { type: 'close', code: 4005 })
    await settle()
    expect(on.welcome).not.toHaveBeenCalled()
    expect(why()).toMatchObject({ code: 'locked', final: false })
  })

  for (const [status, code, final] of [[400, 'room', true], [403, 'origin', true], [429, 'limit', false], [503, 'going-away', false]] as const) {
    test(`to a connect: ${status}`, async () => {
      const { why } = connect()
      http.newest('connect').refuse(status, { type: 'error', code, message: 'No.' })
      await settle()
      expect(why()).toMatchObject({ code, final })
    })
  }

  for (const [status, body] of [[404, 'Not found'], [200, '<html>'], [200, ''], [405, '{}']] as const) {
    test(`no hub: ${status} ${body || 'nothing'}`, async () => {
      const { why } = connect()
      http.newest('connect').refuse(status, body)
      await settle()
      expect(why()).toMatchObject({ code: 'not-a-hub', final: false })
    })
  }

  test('or doesn’t for 15 s', async () => {
    const { why } = connect()
    await vi.advanceTimersByTimeAsync(15_000)
    expect(why()).toMatchObject({ code: 'unreachable' })
    expect(http.newest('connect').aborted).toBe(true)
  })
})

describe('close says bye', () => {
  const bye = (n: number) => [{ connection: connection.id, n }, { type: 'close', code: 1000 }]

  test('in a request that outlives the page, and nothing comes after it', async () => {
    const { conn, on } = await welcomed()
    conn.close()
    await settle()
    expect(http.newest('send').lines).toEqual(bye(1))
    expect(http.newest('send').init.keepalive).toBe(true)
    expect(http.newest('receive').aborted).toBe(false)
    http.newest('send').done()
    await settle()
    expect(http.newest('receive').aborted).toBe(true)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(on.end).not.toHaveBeenCalled()
  })

  test('after the send that is under way', async () => {
    const { conn } = await welcomed()
    conn.send('{"type":"ping"}')
    await settle()
    conn.close()
    await settle()
    expect(http.all('send')).toHaveLength(1)
    http.newest('send').done()
    await settle()
    expect(http.newest('send').lines).toEqual(bye(2))
  })

  test('at once, if the page goes', async () => {
    const { conn } = await welcomed()
    conn.send('{"type":"ping"}')
    await settle()
    conn.close(true)
    expect(http.newest('send').lines).toEqual(bye(2))
  })

  test('also over what is lost, if the page goes: its requests are ended first', async () => {
    const { conn, on } = await welcomed()
    http.newest('receive').fail()
    await settle()
    conn.close()
    expect(http.all('send')).toEqual([])
    conn.close(true)
    expect(http.newest('send').lines).toEqual(bye(1))
    expect(http.newest('send').aborted).toBe(false)
    await settle()
    expect(on.end).toHaveBeenCalledOnce()
  })

  test('also when the welcome is on its way', async () => {
    const { conn, on } = connect()
    conn.close()
    http.newest('connect').answer(connection, welcome)
    await settle()
    expect(http.newest('send').lines).toEqual(bye(1))
    expect(on.welcome).not.toHaveBeenCalled()
  })
})

test('drop says none', async () => {
  const { conn, on } = await welcomed()
  conn.drop()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(http.newest('receive').aborted).toBe(true)
  expect(http.all('send')).toEqual([])
  expect(on.end).not.toHaveBeenCalled()
})
