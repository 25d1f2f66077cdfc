import { describe, expect, test } from 'vitest'
import { colourOf, guestName, linkify, plain } from './text.ts'

const hrefs = (text: string) => linkify(text).flatMap(({ href }) => href ?? [])

describe('links', () => {
  for (const [text, ...links] of [
    ['no link'],
    ['https://example.org', 'https://example.org'],
    ['see http://a.example/x?y=1#z and https://b.example/.', 'http://a.example/x?y=1#z', 'https://b.example/'],
    ['(https://example.org/a)', 'https://example.org/a'],
    ['看https://example.org/r/lobby，好吗？', 'https://example.org/r/lobby'],
    ['"https://example.org/"', 'https://example.org/'],
    ['https://'],
    ['https://[broken'],
  ] as const) {
    test(text, () => {
      expect(hrefs(text)).toEqual(links)
      expect(linkify(text).map(part => part.text).join('')).toBe(text)
    })
  }
})

describe('never a link', () => {
  for (const text of ['javascript:alert(1)', 'data:text/html,<b>', 'ftp://example.org', 'file:///etc', 'JAVASCRIPT://example.org', 'www.example.org', '//example.org', 'blob:x']) {
    test(text, () => expect(linkify(text)).toEqual([{ text }]))
  }
})

describe('never markup: every character stays text', () => {
  for (const text of [
    '<img src=x onerror=alert(1)>',
    '<a href="https://example.org/" onclick="alert(1)">x</a>',
    'https://example.org/"onmouseover="alert(1)',
    'https://example.org/<script>alert(1)</script>',
    '&lt;b&gt; &amp; \u0000',
    '**bold** [x](javascript:alert(1))',
  ]) {
    test(text, () => {
      expect(linkify(text).map(part => part.text).join('')).toBe(text)
      for (const href of hrefs(text)) expect(href).toMatch(/^https?:\/\/[^\s<>"']+$/)
    })
  }
})

test('a long text is cut into parts without a pause', () => {
  const text = 'https://example.org/' + '.'.repeat(8000)
  expect(hrefs(text)).toEqual(['https://example.org/'])
  expect(linkify('http://'.repeat(1000)).map(part => part.text).join('')).toHaveLength(7000)
})

test('what would turn the direction of the page is taken out, and nothing else', () => {
  expect(plain('a\u202eb\u2066c\u2069')).toBe('abc')
  const fine = 'مرحبا שלום 你好 👩‍👩‍👧 <b>\n\tx\u200f'
  expect(plain(fine)).toBe(fine)
})

test('a guest has a name', () => {
  for (let i = 0; i < 20; i++) expect(guestName('访客')).toMatch(/^访客 [0-9A-F]{2}$/)
})

test('a colour is one of eight, and stays', () => {
  const ids = Array.from({ length: 200 }, (_, i) => `id${i}`)
  expect(new Set(ids.map(colourOf))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]))
  expect(ids.map(colourOf)).toEqual(ids.map(colourOf))
})
