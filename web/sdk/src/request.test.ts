import { beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeConnection } from '../fakes/connection.ts'
import { goldens, valueOf } from '../fakes/goldens.ts'
import { FakeHub } from '../fakes/hub.ts'
import { idOf } from '../fakes/members.ts'
import { FakeWebSocket, unreachable } from '../fakes/websocket.ts'
import { RequestError } from './errors.ts'
import type { Standing } from './links.ts'
import { isName } from './names.ts'
import { outgoing } from './outlet.ts'
import { decodeRequest, Requests } from './request.ts'
import { join, type Room } from './room.ts'

const later = (ms: number) => vi.advanceTimersByTimeAsync(ms)
let hub: FakeHub

beforeEach(() => {
  vi.useFakeTimers()
  FakeWebSocket.install()
  FakeConnection.install()
  unreachable()
  hub = new FakeHub()
})

async function room(...names: string[]): Promise<Room[]> {
  const all: Room[] = []
  for (const name of names) {
    const joining = join('https://hub.example/r/lobby', { name })
    await hub.admit()
    all.push(await joining)
  }
  await later(0)
  return all
}

/** Imports take more turns than the clock knows of. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise<void>(resolve => { const { port1, port2 } = new MessageChannel(); port1.onmessage = () => { port1.close(); resolve() }; port2.postMessage(0) }).then(() => later(1))
}

/** What becomes of a request. */
async function outcome(asking: Promise<unknown>): Promise<unknown> {
  const end = asking.catch((error: unknown) => error)
  await settled()
  return end
}

/** Hangs until nobody waits any more. */
function hanging(room: Room, name = 'hang'): { begun: number; reasons: unknown[] } {
  const seen = { begun: 0, reasons: [] as unknown[] }
  room.handle(name, (_, { signal }) => {
    seen.begun++
    return new Promise((_, reject) => signal.addEventListener('abort', () => {
      seen.reasons.push((signal.reason as { code: string }).code)
      reject(signal.reason)
    }))
  })
  return seen
}

describe('golden requests', () => {
  for (const c of goldens.requests) {
    test(c.name, () => {
      const text = c.long ? c.text.replace('…', 'x'.repeat(c.long - c.text.length + 1)) : c.text
      if (c.error === 'unknown-type') expect(decodeRequest(text, isName)).toBeUndefined()
      else if (c.error) expect(() => decodeRequest(text, isName)).toThrow()
      else expect(decodeRequest(text, isName)).toEqual(valueOf({ ...c, text }))
    })
  }
})

test('a request is answered', async () => {
  const [ann, bob] = await room('a', 'b') as [Room, Room]
  const remove = bob.handle('sum', ({ of }: { of: number[] }, { member }) => ({ for: member.name, is: of.reduce((a, b) => a + b) }))
  expect(await outcome(ann.request(idOf('b'), 'sum', { of: [1, 2, 3] }))).toEqual({ for: 'a', is: 6 })
  expect(() => bob.handle('sum', () => 1)).toThrow(expect.objectContaining({ code: 'limit' }))
  remove()
  expect(await outcome(ann.request(idOf('b'), 'sum', { of: [] }))).toMatchObject({ code: 'unknown' })
  bob.handle('sum', async () => {})
  remove() // again, to no effect
  expect(await outcome(ann.request(idOf('b'), 'sum'))).toBeNull()
  const long = 'é'.repeat(130_000)
  bob.handle('echo', text => text)
  expect(await outcome(ann.request(idOf('b'), 'echo', long))).toBe(long)
})

test('an error has a code and a sentence, and tells nothing of what goes on', async () => {
  const [ann, bob] = await room('a', 'b') as [Room, Room]
  const reportError = vi.fn()
  vi.stubGlobal('reportError', reportError)
  bob.handle('own', () => { throw new RequestError('out-of-paper', 'There is no\npaper.') })
  bob.handle('odd', () => { throw new RequestError('ODD', 'x'.repeat(2_000)) })
  bob.handle('fails', () => { throw new Error('secret') })
  bob.handle('long', () => 'x'.repeat(262_144))
  bob.handle('big', () => 1n)
  const ask = (name: string) => outcome(ann.request(idOf('b'), name))
  const own = await ask('own')
  expect(own).toBeInstanceOf(RequestError)
  expect(own).toMatchObject({ code: 'out-of-paper', message: 'There is no paper.' })
  expect(await ask('odd')).toMatchObject({ code: 'failed' })
  expect(await ask('fails')).toMatchObject({ code: 'failed', message: 'The request failed.' })
  expect(await ask('long')).toMatchObject({ code: 'too-long' })
  expect(await ask('big')).toMatchObject({ code: 'failed' })
  expect(reportError.mock.calls.map(([error]) => String(error))).toEqual(['Error: secret', expect.stringContaining('TypeError')])
  const tooLong = await outcome(ann.request(idOf('b'), 'long', 'x'.repeat(262_144)))
  expect(tooLong).toMatchObject({ code: 'too-long' })
  expect(tooLong).not.toBeInstanceOf(RequestError)
  expect(await outcome(ann.request(idOf('z'), 'own'))).toMatchObject({ code: 'gone' })
  expect(await outcome(ann.request(idOf('b'), ''))).toMatchObject({ code: 'channel' })
  expect(() => ann.channel('snug.requests')).toThrow(expect.objectContaining({ code: 'channel' }))
  vi.unstubAllGlobals()
})

test('a request is given up by its signal, and by time', async () => {
  const [ann, bob] = await room('a', 'b') as [Room, Room]
  const hung = hanging(bob)
  const stop = new AbortController()
  const asking = ann.request(idOf('b'), 'hang', null, { signal: stop.signal }).catch((error: unknown) => error)
  await settled()
  expect(hung.begun).toBe(1)
  stop.abort()
  expect(await asking).toMatchObject({ code: 'aborted' })
  await settled()
  expect(hung.reasons).toEqual(['aborted'])
  expect(await outcome(ann.request(idOf('b'), 'hang', null, { signal: stop.signal }))).toMatchObject({ code: 'aborted' })
  expect(hung.begun).toBe(1)
  const timed = ann.request(idOf('b'), 'hang', null, { timeout: 5_000 }).catch((error: unknown) => error)
  await settled()
  await later(5_000)
  expect(await timed).toMatchObject({ code: 'timeout' })
  await settled()
  expect(hung.reasons).toHaveLength(2)
})

test('32 requests wait at a time, and others for them', async () => {
  const [ann, bob] = await room('a', 'b') as [Room, Room]
  const hung = hanging(bob)
  bob.handle('quick', () => 'done')
  const stop = new AbortController()
  const asking = Array.from({ length: 33 }, () => ann.request(idOf('b'), 'hang', null, { signal: stop.signal }).catch((error: unknown) => error))
  await settled()
  expect(hung.begun).toBe(32)
  const quick = ann.request(idOf('b'), 'quick')
  stop.abort()
  await Promise.all(asking)
  await settled()
  expect(await quick).toBe('done')
  expect(hung.begun).toBe(32)
})

test('everybody is asked, and who stops to iterate gives up the others', async () => {
  const [ann, bob, cid] = await room('a', 'b', 'c', 'd') as Room[] as [Room, Room, Room]
  bob.handle('name', () => 'Bob')
  const hung = hanging(cid, 'name')
  const got: unknown[] = []
  const iterating = (async () => {
    for await (const { member, answer, error } of ann.requestAll<string>('name')) {
      got.push([member.name, answer ?? (error as RequestError).code])
      if (got.length === 2) break
    }
  })()
  await settled()
  await iterating
  expect(got.sort()).toEqual([['b', 'Bob'], ['d', 'unknown']])
  await settled()
  expect(hung.reasons).toEqual(['aborted'])
})

test('a link that ends answers what waits', async () => {
  const [ann, bob] = await room('a', 'b') as [Room, Room]
  const [atBob, atAnn] = [hanging(bob), hanging(ann)]
  const asking = [ann.request(idOf('b'), 'hang'), bob.request(idOf('a'), 'hang')].map(one => one.catch((error: unknown) => error))
  await settled()
  expect([atBob.begun, atAnn.begun]).toEqual([1, 1])
  void bob.leave()
  await settled()
  await later(3_000)
  expect(await Promise.all(asking)).toEqual([expect.objectContaining({ code: 'gone' }), expect.objectContaining({ code: 'gone' })])
  expect([atBob.reasons, atAnn.reasons]).toEqual([['gone'], ['gone']])
})

describe('a link ends with', () => {
  const request = (id: number) => JSON.stringify({ type: 'request', id, name: 'hang', timeout: 600_000 })
  for (const [what, ...texts] of [
    ['an answer to nothing', '{"type":"answer","id":1,"body":1}'],
    ['no JSON', 'hello'],
    ['an id twice', request(1), request(1)],
    ['requests without end', ...Array.from({ length: 65 }, (_, i) => request(i + 1))],
    ['bytes', new TextEncoder().encode('{"type":"cancel","id":1}')],
  ] as Array<[string, ...Array<string | Uint8Array>]>) {
    test(what, async () => {
      let broken = 0
      const from = { link: { state: 'live', post: () => { broken++ }, outlets: { get: () => ({ send: async () => {} }) } } } as unknown as Standing
      const { requests, begun } = alone()
      const waiting = texts.map(data => ({ data }))
      requests.arrived({ take: () => waiting.shift() } as never, from)
      await settled()
      expect(broken).toBe(1)
      expect(begun()).toBeLessThanOrEqual(64)
      const more = [{ data: request(1000) }]
      requests.arrived({ take: () => more.shift() } as never, from)
      expect([more.length, broken]).toEqual([0, 1])
    })
  }

  /** Requests without a room. */
  function alone(): { requests: Requests; begun(): number } {
    let begun = 0
    const requests = new Requests({
      channel: 'snug.requests',
      handlers: new Map([['hang', () => {
        begun++
        return new Promise(() => {})
      }]]),
      snapshot: () => ({}) as never,
      isName,
      outgoing,
      error: (code, message) => Object.assign(new Error(message), { code }) as never,
      refusal: (code, message) => new RequestError(code, message),
      isRefusal: error => error instanceof RequestError,
    })
    return { requests, begun: () => begun }
  }
})

test('what is of a later version is ignored', async () => {
  const [ann, bob] = await room('a', 'b') as [Room, Room]
  bob.handle('sum', () => 7)
  expect(decodeRequest('{"type":"progress","id":"x"}', isName)).toBeUndefined()
  expect(await outcome(ann.request(idOf('b'), 'sum'))).toBe(7)
})
