// The page that the README shows, as somebody would serve it: from an address that
// isn't the hub's.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { browser, closeAll, openMember, startHub, until } from './lab.js'

let hub
let site
before(async () => {
  hub = await startHub()
  const html = readFileSync('examples/page/index.html', 'utf8').replaceAll(':8080/', `:${hub.port}/`)
  assert.equal(html.split(`localhost:${hub.port}/`).length, 3, 'the page names the hub twice')
  site = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html')
    response.end(html)
  })
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
})
after(async () => {
  await hub.kill()
  await closeAll()
  site.close()
})

for (const kind of ['chrome', 'firefox']) {
  test(`the README's page talks with a terminal, in ${kind}`, async () => {
    const page = await (await browser(kind)).newPage()
    const errors = []
    page.on('pageerror', error => errors.push(String(error)))
    await page.goto(`http://localhost:${site.address().port}/`)
    const gopher = await openMember('go', `http://localhost:${hub.port}/r/lobby`, 'Gopher')
    await gopher.sees('Page')
    const heard = () => page.evaluate(() => document.querySelector('pre').textContent)
    for (const text of ['hello from the terminal', '你好 <b>&amp;']) {
      await gopher.says(text)
      await until(async () => (await heard()).endsWith(`Gopher: ${text}\n`), async () => `the page to show ${text}; it shows ${await heard()}`)
    }
    await page.locator('input').fill('hello from the page')
    await page.keyboard.press('Enter')
    await gopher.hears('Page: hello from the page\n')
    assert.equal(await page.evaluate(() => document.querySelector('input').value), '')
    assert.deepEqual(errors, [])
    await page.close()
    await gopher.close()
  })
}
