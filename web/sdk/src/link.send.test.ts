import { beforeEach, describe, expect, test, vi } from 'vitest'
import { FakeConnection } from '../fakes/connection.ts'
import { connecting, LinkEnd, live, reliable, settle, unreliable } from '../fakes/links.ts'
import { maxPayload } from './frame.ts'

const full = 'x'.repeat(maxPayload) // 16 KiB with its header
const maxBuffered = 256 * 1024

beforeEach(() => {
  vi.useFakeTimers()
  FakeConnection.install()
})

/** Sends until the browser's buffer is full. */
async function fill(end: LinkEnd): Promise<void> {
  end.channel(reliable).held = true
  for (let i = 0; i < 16; i++) await end.send(full)
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

test('16,376 bytes fit, and one more is refused with what is allowed', async () => {
  const { ann, bob } = await live()
  await ann.send(full)
  await expect(ann.send(full + 'x')).rejects.toMatchObject({ code: 'too-long', message: expect.stringContaining('16377 bytes long; 16376') })
  await expect(ann.send('ü'.repeat(maxPayload / 2 + 1))).rejects.toMatchObject({ code: 'too-long' })
  await settle()
  expect(bob.heard).toEqual([full])
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
    expect(channel.bufferedAmount).toBe(maxBuffered)
    const sending = ann.send('last')
    expect(await pending(sending)).toBe(true)
    channel.release(8)
    await sending
    expect(channel.bufferedAmount).toBeLessThanOrEqual(maxBuffered)
    channel.release()
    await settle()
    expect(bob.heard).toHaveLength(17)
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

  test('refuses when 16 MiB wait, and takes more when they are gone', async () => {
    const { ann } = await live()
    await fill(ann)
    const waiting: Array<Promise<void>> = []
    const fits = Math.floor(16 * 1024 * 1024 / maxPayload)
    for (let i = 0; i < fits; i++) waiting.push(ann.send(full))
    await expect(ann.send(full)).rejects.toMatchObject({ code: 'too-much' })
    ann.channel(reliable).held = false
    ann.channel(reliable).release()
    await Promise.all(waiting)
    await ann.send(full)
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
