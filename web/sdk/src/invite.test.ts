import { describe, expect, test } from 'vitest'
import { checkRoom, endpoint, inviteTo, newRoomName, parseInvite } from './invite.ts'

const key = 'KnzdhQ6NS79-S0-DenF82HpppsLDEgBBws95Nnz4EYg'

describe('invites', () => {
  for (const [text, again] of [
    ['http://localhost:8080/r/lobby', 'http://localhost:8080/r/lobby'],
    [' https://example.org/r/a.b~c-d_e\n', 'https://example.org/r/a.b~c-d_e'],
    ['https://example.org/chat/r/lobby?x=1', 'https://example.org/chat/r/lobby'],
    [`https://example.org/r/~x?x=1#${key}`, `https://example.org/r/~x#${key}`],
    ['https://example.org/r/r/lobby', 'https://example.org/r/r/lobby'],
    ['http://[::1]:8080/r/1', 'http://[::1]:8080/r/1'],
    ['https://example.org/r/%6cobby', 'https://example.org/r/lobby'],
  ] as const) {
    test(text.trim(), () => {
      const { hub, room, key } = parseInvite(text)
      expect(inviteTo(hub, room, key)).toBe(again)
      expect(parseInvite(new URL(text))).toEqual(parseInvite(text))
    })
  }

  for (const [text, code] of [
    ['http://localhost:8080/', 'invite'],
    ['lobby', 'invite'],
    ['ftp://example.org/r/lobby', 'invite'],
    ['javascript:alert(1)//r/lobby', 'invite'],
    ['http://exa mple.org/r/lobby', 'invite'],
    ['', 'invite'],
    [`http://x/r/${'a'.repeat(9000)}`, 'invite'],
    ['http://localhost:8080/r/', 'room'],
    ['http://localhost:8080/r/a/b', 'room'],
    ['http://localhost:8080/r/caf%C3%A9', 'room'],
    ['http://localhost:8080/r/%E0%A4%A', 'room'],
    ['http://localhost:8080/r/a%2Fb', 'room'],
    [`http://x/r/${'a'.repeat(129)}`, 'room'],
    ['http://localhost:8080/r/lobby#k', 'damaged-key'],
    [`http://localhost:8080/r/~x#${key}A`, 'damaged-key'],
  ] as const) {
    test(`refused: ${text.slice(0, 40) || 'nothing'}`, () => {
      expect(() => parseInvite(text)).toThrow(expect.objectContaining({ name: 'SnugError', code }))
    })
  }
})

describe('a hub’s address', () => {
  for (const [hub, room, at] of [
    ['http://localhost:8080', 'lobby', 'ws://localhost:8080/v1/rooms/lobby'],
    ['https://example.org/', 'lobby', 'wss://example.org/v1/rooms/lobby'],
    ['https://example.org/chat/', 'lobby', 'wss://example.org/chat/v1/rooms/lobby'],
    ['https://example.org/a/b?x=1#k', 'lobby', 'wss://example.org/a/b/v1/rooms/lobby'],
  ] as const) {
    test(hub, () => {
      expect(endpoint(new URL(hub), room).href).toBe(at)
    })
  }

  test('is found again through an invite', () => {
    const { hub, room } = parseInvite(inviteTo('https://example.org/chat/', 'lobby'))
    expect(endpoint(hub, room).href).toBe('wss://example.org/chat/v1/rooms/lobby')
  })
})

describe('a room’s name', () => {
  for (const name of ['a', 'A-z_0.9~', '...', 'x'.repeat(128)]) {
    test(`fine: ${name.slice(0, 20)}`, () => expect(checkRoom(name)).toBeUndefined())
  }
  for (const name of ['', '.', '..', 'a b', 'a/b', 'ä', 'a\n', 'x'.repeat(129)]) {
    test(`wrong: ${JSON.stringify(name.slice(0, 20))}`, () => expect(checkRoom(name)).toMatch(/^The room’s name .*\.$|ROOM\.$/))
  }

  test('is new each time, and can’t be guessed', () => {
    const names = new Set(Array.from({ length: 50 }, newRoomName))
    expect(names.size).toBe(50)
    for (const name of names) {
      expect(name).toMatch(/^[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}$/)
      expect(checkRoom(name)).toBeUndefined()
    }
  })
})
