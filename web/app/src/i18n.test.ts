import { describe, expect, test } from 'vitest'
import { SnugError } from '../../sdk/src/index.ts'
import { chosen, explain, languages, type Words } from './i18n.ts'

const { en, zh } = languages as { en: Words; zh: Words }

/** Every text of a language by its path; functions get ‹…› for what they are given. */
function texts(words: object, path = ''): Map<string, string> {
  const all = new Map<string, string>()
  for (const [key, value] of Object.entries(words) as Array<[string, unknown]>) {
    if (typeof value === 'object' && value !== null) for (const [inner, text] of texts(value, `${path}${key}.`)) all.set(inner, text)
    else all.set(path + key, typeof value === 'function' ? String((value as (given: string) => string)('‹…›')) : String(value))
  }
  return all
}

const [english, chinese] = [texts(en), texts(zh)]

test('both languages have the same texts', () => {
  expect([...chinese.keys()].sort()).toEqual([...english.keys()].sort())
  expect(english.size).toBeGreaterThan(50)
})

describe.each([['en', english], ['zh', chinese]])('%s', (_, all) => {
  test.each([...all])('%s says something, as text', (_path, text) => {
    expect(text.trim()).toBe(text)
    expect(text).not.toMatch(/^$|undefined|\[object|<|TODO/)
  })
})

test.each([...english])('%s has the same placeholders in both', (path, text) => {
  const placeholders = (s: string) => s.match(/‹…›|\/r\/ROOM|--origin|128|8,192/g) ?? []
  expect(placeholders(chinese.get(path)!).sort()).toEqual(placeholders(text).sort())
})

test('Chinese is Chinese', () => {
  const same = [...english].filter(([path, text]) => chinese.get(path) === text).map(([path]) => path)
  expect(same).toEqual(['invitePlaceholder'])
})

describe('the language', () => {
  for (const [search, kept, preferred, code] of [
    ['', null, ['de-DE', 'zh-CN', 'en'], 'zh'],
    ['', null, ['ZH-Hant-TW'], 'zh'],
    ['', null, ['de-DE'], 'en'],
    ['', null, [], 'en'],
    ['', 'en', ['zh-CN'], 'en'],
    ['?lang=zh', 'en', ['en'], 'zh'],
    ['?lang=xx', 'zh', ['en'], 'zh'],
    ['?lang=__proto__', 'constructor', ['toString', 'zh'], 'zh'],
  ] as const) {
    test(`${search || 'no ?lang'}, kept ${kept}, preferred ${preferred.join(' ') || 'none'}: ${code}`, () => {
      expect(chosen(search, kept, preferred).code).toBe(code)
    })
  }
})

describe('an error', () => {
  test('is a sentence of the language', () => {
    const error = new SnugError('full', 'This room has all its 64 members.')
    expect(explain(zh, error)).toBe(zh.errors['full'])
    expect(explain(en, error)).toBe(en.errors['full'])
  })

  test('that passes says when', () => {
    const error = new SnugError('limit', 'Too many.', { retry: 1_500 })
    expect(explain(en, error)).toBe(`${en.errors['limit']} Wait 2 s.`)
    expect(explain(zh, error)).toBe(`${zh.errors['limit']} 请等 2 秒。`)
  })

  test('that the page doesn’t know is what the hub says', () => {
    expect(explain(zh, new SnugError('banned', 'You are banned.'))).toBe('You are banned.')
    expect(explain(en, new SnugError('constructor', 'Odd.'))).toBe('Odd.')
    expect(explain(en, new TypeError('broken'))).toBe('TypeError: broken')
  })
})
