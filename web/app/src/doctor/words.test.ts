import { describe, expect, test } from 'vitest'
import page from '../doctor.ts?raw'
import hub from './hub.ts?raw'
import { language, pageLanguages, type PageWords } from './page.ts'
import relay from './relay.ts?raw'
import { catalogue, checks, render, title, translation } from './words.ts'

const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort()
const cases = Object.entries(translation).flatMap(([check, kinds]) => Object.keys(kinds).filter(kind => kind !== 'title').map(kind => [check, kind] as const))

test.each(cases)('%s.%s says the same in Chinese as in English', (check, kind) => {
  const english = catalogue[check]?.[kind] as { what: string; means?: string; mend?: string }
  const [what = '', means = '', mend = ''] = translation[check]![kind] as string[]
  expect(what).toMatch(/[\u4e00-\u9fff]/)
  expect(places(what)).toEqual(places(english.what))
  expect([means !== '', mend !== '']).toEqual([!!english.means, !!english.mend])
  expect(new Set(places(mend))).toEqual(new Set(places(english.mend ?? '')))
})

// What the sources say, the page can say in both languages.
test('every case that the page can find is translated', () => {
  const sources = [page, hub, relay].join('\n')
  const said = [...sources.matchAll(/say\('([a-z0-9-]+)', (.*)\)/g)].flatMap(([, id = '', rest = '']) =>
    [...rest.replaceAll(/\{.*/g, '').matchAll(/(?<![=!]== ?)'([a-z]+)'/g)].map(([, kind = '']) => [id, kind] as const))
    .filter(([id, kind]) => catalogue[id]?.[kind])
  expect(said.length).toBeGreaterThan(40)
  expect(said.filter(([id, kind]) => !translation[id]?.[kind])).toEqual([])
  for (const kind of ['ok', 'partly', 'lost', 'credentials', 'quota', 'refused', 'browser', 'hidden', 'silent', 'none', 'off', 'skipped']) expect(translation['relay']).toHaveProperty(kind)
})

describe.each(['en', 'zh'])('in %s', code => {
  test.each(checks)('%s has a title, and says why it is skipped', id => {
    expect(title(code, id)).not.toBe(id)
    if (id !== 'hub') expect(render(code, { id, kind: 'skipped', with: {} })).toMatchObject({ id, status: 'skipped', what: expect.stringMatching(/./) })
  })
})

test('what is filled in stands in its place, and is filled once', () => {
  const got = render('en', { id: 'turn-tls', kind: 'credentials', with: { server: '{host}:1' } })
  expect(got).toMatchObject({ title: 'TURN over TLS', status: 'fail', what: '{host}:1 doesn\'t take the password that the hub gives out.' })
  expect(got.means).toBe('Members in networks that let nothing but HTTPS out aren\'t connected with anybody.')
  expect(render('zh', { id: 'turn-tls', kind: 'credentials', with: { server: 'a' } }).means).toMatch(/HTTPS/)
})

test('the page says the same things in both languages', () => {
  const { en, zh } = pageLanguages as { en: PageWords; zh: PageWords }
  expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort())
  expect([en.failed(1), en.failed(2), en.warned(1), zh.failed(3)]).toEqual(['One thing has to be mended.', '2 things have to be mended.', 'Everything works; one thing could be better.', '有 3 项需要修复。'])
})

test.each([['', null, ['de', 'zh-CN'], 'zh'], ['?lang=en', 'zh', ['zh'], 'en'], ['', 'zh', ['en'], 'zh'], ['', null, [], 'en']] as const)('%s, kept %s, preferred %s: %s', (search, kept, preferred, want) => {
  expect(language(search, kept, preferred)).toBe(want)
})
