import { beforeEach, describe, expect, test, vi } from 'vitest'
import { goldens, valueOf } from '../fakes/goldens.ts'
import { entryOf, idOf } from '../fakes/members.ts'
import { Chat, type ChatMessage, type ChatMessageEvent, decodeChat, maxBody } from './chat.ts'
import { RoomMessageEvent } from './events.ts'
import type { Member } from './member.ts'
import type { Room } from './room.ts'

describe('golden messages', () => {
  for (const c of goldens.chat) {
    test(c.name, () => {
      if (c.error === 'unknown-type') {
        expect(decodeChat(c.text)).toBeUndefined()
      } else if (c.error) {
        expect(() => decodeChat(c.text)).toThrow(expect.objectContaining({ code: c.error }))
      } else {
        const { refs, ...rest } = valueOf(c) as ChatMessage // no refs may be left out
        expect(decodeChat(c.text)).toEqual(refs?.length ? { ...rest, refs } : rest)
      }
    })
  }
})

/** What Chat needs of a room. */
class TestRoom extends EventTarget {
  self = entryOf('a', 1)
  members: Member[] = [memberOf('b'), memberOf('c')]
  broadcast = vi.fn(async (_text: string) => {})

  /** A member says something, whatever it is. */
  says(letter: string, data: unknown, unreliable = false): void {
    const text = data instanceof Uint8Array || typeof data === 'string' ? data : JSON.stringify(data)
    this.dispatchEvent(new RoomMessageEvent(text, memberOf(letter), unreliable))
  }
}

function memberOf(letter: string): Member {
  return { ...entryOf(letter, 2), state: 'live', away: false }
}

const message = (author: string, id: string, more: object = {}) => ({ type: 'text', id, author: idOf(author), time: 1, body: id, ...more })
let room: TestRoom
let chat: Chat
let heard: string[]

beforeEach(() => {
  room = new TestRoom()
  chat = new Chat(room as unknown as Room)
  heard = []
  chat.addEventListener('message', event => {
    const { message, member } = event as ChatMessageEvent
    heard.push(`${member.name}: ${message.body}`)
  })
})

describe('sending', () => {
  test('gives every message an id, an author and a time', async () => {
    const before = Date.now()
    const { message, sent } = chat.send('Hello 你好')
    await sent
    expect(message).toEqual({ type: 'text', id: expect.stringMatching(/^[\w-]{16}$/), author: idOf('a'), time: expect.any(Number), body: 'Hello 你好' })
    expect(message.time).toBeGreaterThanOrEqual(before)
    expect(decodeChat(room.broadcast.mock.lastCall![0])).toEqual(message)
    expect(chat.send('Hello 你好').message.id).not.toBe(message.id)
  })

  test('takes references along', () => {
    const refs = [{ rel: 'reply', id: 'x', author: idOf('b') }]
    chat.send('yes', refs)
    expect(decodeChat(room.broadcast.mock.lastCall![0])?.refs).toEqual(refs)
  })

  test('refuses more than 8,192 bytes, with what is allowed', () => {
    chat.send('x'.repeat(maxBody))
    expect(() => chat.send('ü'.repeat(maxBody / 2 + 1))).toThrow(expect.objectContaining({ code: 'too-long', message: expect.stringContaining('8194 bytes long; 8192') }))
    expect(room.broadcast).toHaveBeenCalledOnce()
  })

  test('refuses to say nothing, which nobody would take for a message', () => {
    expect(() => chat.send('')).toThrow(expect.objectContaining({ code: 'empty' }))
    expect(room.broadcast).not.toHaveBeenCalled()
  })

  test('tells of what goes wrong', async () => {
    room.broadcast.mockRejectedValue(new Error('full'))
    await expect(chat.send('x').sent).rejects.toThrow('full')
  })
})

describe('receiving', () => {
  test('what others say', () => {
    room.says('b', message('b', 'one'))
    room.says('c', message('c', 'two', { signature: 'reserved' }))
    expect(heard).toEqual(['b: one', 'c: two'])
  })

  test('the same author and id once', () => {
    room.says('b', message('b', 'one'))
    room.says('b', message('b', 'one', { body: 'changed' }))
    room.says('c', message('c', 'one'))
    expect(heard).toEqual(['b: one', 'c: one'])
  })

  test('the newest 1,024 ids of each author are remembered', () => {
    for (let i = 0; i <= 1024; i++) room.says('b', message('b', `${i}`))
    heard.length = 0
    room.says('c', message('c', 'other'))
    room.says('b', message('b', '1'))
    expect(heard).toEqual(['c: other'])
    room.says('b', message('b', '0'))
    expect(heard).toEqual(['c: other', 'b: 0'])
  })

  test('who left is forgotten when somebody new speaks', () => {
    room.says('b', message('b', 'one'))
    room.members = [memberOf('c')]
    room.says('c', message('c', 'two'))
    room.members = [memberOf('b'), memberOf('c')]
    room.says('b', message('b', 'one'))
    expect(heard).toEqual(['b: one', 'c: two', 'b: one'])
  })

  for (const [what, data] of [
    ['of another author', message('c', 'x')],
    ['of this author', message('a', 'x')],
    ['of an unknown type', { type: 'dance', id: 'x', author: idOf('b') }],
    ['no JSON', 'hello'],
    ['bytes', new TextEncoder().encode(JSON.stringify(message('b', 'x')))],
  ] as const) {
    test(`passed over: ${what}`, () => {
      room.says('b', data)
      room.says('b', message('b', 'next'))
      expect(heard).toEqual(['b: next'])
    })
  }

  test('passed over: unreliable', () => {
    room.says('b', message('b', 'x'), true)
    expect(heard).toEqual([])
  })

  test('nothing after close()', () => {
    chat.close()
    room.says('b', message('b', 'x'))
    expect(heard).toEqual([])
  })
})

test('limits count bytes', () => {
  const body = (text: string) => JSON.stringify(message('b', 'x', { body: text }))
  expect(decodeChat(body('x'.repeat(8192)))).toBeDefined()
  expect(() => decodeChat(body('ü'.repeat(4097)))).toThrow('too long')
})
