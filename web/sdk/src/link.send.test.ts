import { beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeConnection } from '../fakes/connection.ts'
import { connecting, LinkEnd, live, reliable, settle, unreliable } from '../fakes/links.ts'
import { maxFrame, maxMessage, maxPayload } from './frame.ts'

const full = 'x'.repeat(maxPayload) // 16 KiB with its header
const maxBuffered = 256 * 1024

beforeEach(() => {
  vi.useFakeTimers()
  FakeConnection.install()
})

/** Sends until the browser's buffer is full; what is left of it waits. */
async function fill(end: LinkEnd): Promise<void> {
  end.channel(reliable).held = true
  for (const name of [undefined, 'filler']) {
    for (let i = 0; i < 15; i++) end.send(full, {}, name).catch(() => {})
  }
  await settle()
}

/** Whether a promise still waits, for more than the clock. */
async function pending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  promise.catch(() => {}).finally(() => { settled = true })
  await settle()
  return !settled
}

test('messages arrive in order, as text or as bytes', async () => {
  const { ann, bob } = await live()
  await Promise.all([ann.send('one'), ann.send(Uint8Array.of(0, 255)), ann.send(''), bob.send('你好')])
  await settle()
  expect(bob.heard).toEqual(['one', Uint8Array.of(0, 255), ''])
  expect(ann.heard).toEqual(['你好'])
})

test('unreliable ones take their own channel', async () => {
  const { ann, bob } = await live()
  ann.channel(reliable).held = true
  await ann.send('reliable')
  await ann.send('unreliable', { unreliable: true })
  await settle()
  expect(bob.heard).toEqual(['unreliable'])
  expect(ann.channel(unreliable).bufferedAmount).toBe(0)
})

test('8 MiB are taken, and one byte more is refused with what is allowed', async () => {
  const { ann, bob } = await live()
  const most = new Uint8Array(maxMessage).fill(7)
  await ann.send(most)
  await expect(async () => ann.send(new Uint8Array(maxMessage + 1))).rejects.toMatchObject({ code: 'too-long', message: expect.stringContaining('8388609 bytes long; 8388608') })
  await expect(async () => ann.send('ü'.repeat(maxMessage / 2 + 1))).rejects.toMatchObject({ code: 'too-long' })
  await settle()
  expect(bob.heard).toHaveLength(1)
  expect((bob.heard[0] as Uint8Array).length).toBe(maxMessage)
  expect((bob.heard[0] as Uint8Array).every(byte => byte === 7)).toBe(true)
  expect(ann.link.state).toBe('live')
})

test('waits until the link is live', async () => {
  const { ann, bob } = connecting()
  const sending = ann.send('early')
  await sending
  await settle()
  expect(bob.heard).toEqual(['early'])
})

describe('a full link', () => {
  test('makes senders wait, and takes no more than 256 KiB from them', async () => {
    const { ann, bob } = await live()
    await fill(ann)
    const channel = ann.channel(reliable)
    expect(channel.bufferedAmount).toBeLessThanOrEqual(maxBuffered)
    expect(channel.bufferedAmount + maxFrame).toBeGreaterThan(maxBuffered)
    const sending = ann.send('last')
    expect(await pending(sending)).toBe(true)
    for (let i = 0; i < 40; i++) {
      channel.release(8)
      await settle()
      expect(channel.bufferedAmount).toBeLessThanOrEqual(maxBuffered)
    }
    await sending
    expect(bob.heard).toHaveLength(16)
    expect(bob.heard.at(-1)).toBe('last')
  })

  test('keeps the order of the calls', async () => {
    const { ann, bob } = await live()
    await fill(ann)
    const sending = ['a', 'b', 'c'].map(text => ann.send(text))
    ann.channel(reliable).held = false
    ann.channel(reliable).release()
    await Promise.all(sending)
    await settle()
    expect(bob.heard.slice(-3)).toEqual(['a', 'b', 'c'])
  })

  test('refuses when 64 MiB wait, and takes more when they don’t any more', async () => {
    const { ann } = await live()
    ann.channel(reliable).held = true
    const abort = new AbortController()
    const most = new Uint8Array(maxMessage)
    const waiting = Array.from({ length: 7 }, () => ann.send(most, { signal: abort.signal }).catch(() => {}))
    await expect(ann.send(most)).rejects.toMatchObject({ code: 'too-much' })
    waiting.push(ann.send(most.subarray(1000)).catch(() => {}))
    await expect(ann.send(full)).rejects.toMatchObject({ code: 'too-much' })
    abort.abort()
    await Promise.all(waiting.slice(0, 7))
    void ann.send(most).catch(() => {})
    ann.link.post({ type: 'left' })
  })
})

describe('an aborted send', () => {
  const aborted = { code: 'aborted', cause: 'enough' }

  test('while the link is connecting', async () => {
    const { ann, bob } = connecting()
    const abort = new AbortController()
    const sending = ann.send('never', { signal: abort.signal })
    abort.abort('enough')
    await expect(sending).rejects.toMatchObject(aborted)
    await ann.send('other')
    await settle()
    expect(bob.heard).toEqual(['other'])
  })

  test('while the link is full, and others wait before it', async () => {
    const { ann, bob } = await live()
    await fill(ann)
    const abort = new AbortController()
    const before = ann.send('before')
    const sending = ann.send('never', { signal: abort.signal })
    const after = ann.send('after')
    expect(await pending(sending)).toBe(true)
    abort.abort('enough')
    expect(await pending(sending)).toBe(false)
    await expect(sending).rejects.toMatchObject(aborted)
    ann.channel(reliable).release()
    ann.channel(reliable).held = false
    await Promise.all([before, after])
    await settle()
    expect(bob.heard.slice(-2)).toEqual(['before', 'after'])
  })

  test('before it began', async () => {
    const { ann, bob } = await live()
    await expect(ann.send('never', { signal: AbortSignal.abort('enough') })).rejects.toMatchObject(aborted)
    await settle()
    expect(bob.heard).toEqual([])
  })
})

describe('the link’s end', () => {
  test('makes who waits give up', async () => {
    const { ann } = await live()
    await fill(ann)
    const sending = [ann.send('a'), ann.send('b')]
    ann.link.post({ type: 'broken' })
    for (const result of await Promise.allSettled(sending)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'gone' } })
    }
  })

  test('also while it was connecting', async () => {
    const ann = new LinkEnd(true)
    const sending = ann.send('never')
    await settle()
    ann.link.post({ type: 'left' })
    await expect(sending).rejects.toMatchObject({ code: 'gone' })
  })

  test('lets nobody send any more', async () => {
    const { ann } = await live()
    ann.link.post({ type: 'left' })
    await expect(ann.send('never')).rejects.toMatchObject({ code: 'gone' })
  })
})
