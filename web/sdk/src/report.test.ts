import { describe, expect, test } from 'vitest'
import { type Family, familyOf } from './report.ts'

describe('the family of a browser', () => {
  for (const [what, family, userAgent] of [
    ['Chrome on Windows', 'chromium', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36'],
    ['Chromium without a head', 'chromium', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/141.0.0.0 Safari/537.36'],
    ['Edge', 'chromium', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0'],
    ['Samsung’s', 'chromium', 'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36'],
    ['Firefox on Linux', 'firefox', 'Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0'],
    ['Firefox on Android', 'firefox', 'Mozilla/5.0 (Android 15; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0'],
    ['Safari on macOS', 'webkit', 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15'],
    ['Safari on iOS', 'webkit', 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1'],
    ['Chrome on iOS', 'webkit', 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141.0.0.0 Mobile/15E148 Safari/604.1'],
    ['Firefox on iOS', 'webkit', 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/144.0 Mobile/15E148 Safari/605.1.15'],
    ['GNOME Web', 'webkit', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15'],
    ['the Edge before Chromium', 'other', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/70.0.3538.102 Safari/537.36 Edge/18.19582'],
    ['Node', 'other', 'Node.js/20'],
    ['nothing', 'other', ''],
  ] as Array<[string, Family, string]>) {
    test(`${what} is ${family}`, () => expect(familyOf({ userAgent })).toBe(family))
  }

  test('is what client hints say, whatever the user agent is made to say', () => {
    const brands = [{ brand: 'Not A;Brand' }, { brand: 'Chromium' }, { brand: 'Opera' }]
    expect(familyOf({ userAgent: 'x', userAgentData: { brands } })).toBe('chromium')
    expect(familyOf({ userAgent: 'x', userAgentData: { brands: brands.slice(0, 1) } })).toBe('other')
    expect(familyOf({ userAgent: 'x', userAgentData: {} })).toBe('other')
    expect(familyOf({})).toBe('other')
  })
})
