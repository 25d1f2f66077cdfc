import { beforeEach, describe, expect, test, vi } from 'vitest'
import { decodeICE } from './ice.ts'

const credentials = { username: '1790000000:x', credential: 'c' }

beforeEach(() => {
  vi.spyOn(console, 'warn').mockReturnValue()
})

describe('what a browser takes is kept', () => {
  for (const [url, more] of [
    ['stun:stun.example.org', {}],
    ['stun:stun.example.org:3478', {}],
    ['stun:192.0.2.1:5349', {}],
    ['stun:[2001:db8::1]:3478', {}],
    ['STUN:example.org', {}],
    ['turn:turn.example.org', credentials],
    ['turn:turn.example.org:3478?transport=udp', credentials],
    ['turns:[::1]:443?transport=tcp', credentials],
    ['turn:turn.example.org', { username: 'x'.repeat(509), credential: 'x' }],
  ] as const) {
    test(url, () => {
      const servers = [{ urls: [url], ...more }]
      expect(decodeICE({ servers })).toEqual({ servers })
      expect(console.warn).not.toHaveBeenCalled()
    })
  }
})

describe('what it refuses is left out, with a warning', () => {
  for (const [url, more] of [
    ['example.org', {}],
    ['stun:', {}],
    ['stun://example.org', {}],
    ['http://example.org', {}],
    ['stun:example.org:port', {}],
    ['stun:example.org:65536', {}],
    ['stun:exa mple.org', {}],
    ['stun:user@example.org', {}],
    ['stun:example.org?transport=udp', {}],
    ['stun:2001:db8::1', {}],
    ['turn:turn.example.org', {}],
    ['turn:turn.example.org', { username: 'x' }],
    ['turn:turn.example.org', { credential: 'x' }],
    ['turn:turn.example.org', { username: '', credential: '' }],
    ['stuns:stun.example.org', {}],
    ['stun:example.org:0', {}],
    ['turn:turn.example.org?transport=sctp', credentials],
    ['turn:turn.example.org?transport=udp&a=b', credentials],
  ] as const) {
    test(`${url} ${JSON.stringify(more).slice(0, 40)}`, () => {
      const fine = { urls: ['stun:fine.example.org'] }
      expect(decodeICE({ servers: [{ urls: [url], ...more }, fine] })).toEqual({ servers: [fine] })
      expect(console.warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining(url))
      vi.mocked(console.warn).mockClear()
      expect(decodeICE({ servers: [{ urls: [url, 'stun:fine.example.org'], ...more }] })).toEqual({ servers: [{ ...fine, ...more }] })
    })
  }
})

test('a warning holds no credential', () => {
  decodeICE({ servers: [{ urls: ['turn:x?transport=sctp'], username: 'hunter1', credential: 'hunter2' }] })
  expect(String(vi.mocked(console.warn).mock.lastCall)).not.toMatch(/hunter/)
})
