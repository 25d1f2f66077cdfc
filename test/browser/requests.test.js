// Requests between real browsers and Go, in both directions, also while carriers are killed.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { browser, closeAll, program, startHub, until } from './lab.js'

let hub
let site
let asker
before(async () => {
  asker = join(mkdtempSync(join(tmpdir(), 'snug-asker-')), 'asker')
  execFileSync('go', ['build', '-o', asker, './test/browser/asker'], { stdio: 'inherit' })
  hub = await startHub()
  site = createServer((_, response) => response.end('<!doctype html>')).listen(0, '127.0.0.1')
  await once(site, 'listening')
})
after(async () => {
  await hub.kill()
  await closeAll()
  site.close()
})

/** What runs in a page. */
async function enter(sdk, invite) {
  const my = globalThis.my = { pcs: [], ended: [], sums: 0, wrong: [], asking: true }
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...of) {
      super(...of)
      my.pcs.push(this)
    }
  }
  const { join, RequestError } = await import(sdk)
  my.room = await join(invite, { name: 'Ann' })
  my.room.handle('product', of => of.reduce((a, b) => a * b, 1))
  my.room.handle('own', () => { throw new RequestError('out-of-ink', 'There is no ink.') })
  my.room.handle('fails', () => { throw new Error('secret') })
  my.outcome = async (name, body, options) => {
    try {
      return await my.room.request(my.room.members[0].id, name, body, options)
    } catch (error) {
      return `${error instanceof RequestError ? 'told' : 'found'} ${error.code}`
    }
  }
  my.sum = async () => {
    for (let n = 0; my.asking; n++) {
      const sum = await my.outcome('sum', [n, 1])
      if (sum !== n + 1) my.wrong.push(sum)
      my.sums++
    }
  }
}

let rooms = 0
for (const kind of ['chrome', 'firefox']) {
  test(`${kind} and Go ask each other`, async () => {
    const invite = `http://localhost:${hub.port}/r/requests-${++rooms}`
    const page = await (await browser(kind)).newPage()
    await page.goto(`http://localhost:${site.address().port}/`)
    await page.evaluate(enter, new URL('/sdk.js', invite).href, invite)
    const other = program(spawn(asker, [invite], { stdio: ['pipe', 'pipe', 'pipe'] }), 'asker')
    const my = what => page.evaluate(what)
    await until(() => my(() => my.room.members[0]?.state === 'live'), () => my(() => my.room.members[0]?.state))
    await other.says('joined')

    assert.equal(await my(() => my.outcome('sum', [1, 2, 3])), 6)
    assert.equal(await my(() => my.outcome('sum', 'nothing of the sort')), 'told malformed')
    assert.equal(await my(() => my.outcome('nothing')), 'told unknown')
    assert.equal(await my(() => my.outcome('own')), 'told out-of-paper')
    assert.equal(await my(() => my.outcome('echo', '\ud800')), 'told malformed') // no Unicode, but JSON.stringify says it
    assert.equal(await my(() => my.outcome('echo', 'é'.repeat(130_000)).then(text => text.length)), 130_000)
    assert.match(await my(() => my.outcome('hang', null, { timeout: 50 })), /timeout/) // either side may be first to say so
    await my(async () => {
      const stop = new AbortController()
      my.hung = my.outcome('hang', null, { signal: stop.signal })
      my.stop = () => stop.abort()
    })
    await until(() => other.text.split('hanging').length === 3, () => other.text)
    await my(() => { my.stop() })
    assert.equal(await my(() => my.hung), 'found aborted')
    await other.says('hung until context canceled')
    assert.deepEqual(await my(async () => {
      const all = []
      for await (const { member, answer } of my.room.requestAll('sum', [4])) all.push([member.name, answer])
      return all
    }), [['asker', 4]])

    const ask = async (line, answer) => {
      other.child.stdin.write(`${line}\n`)
      await other.says(answer)
    }
    await ask('product [2,3,7]', 'Ann answers 42 <nil>')
    await ask('own null', 'There is no ink. (out-of-ink)')
    await ask('fails null', 'The request failed. (failed)')
    await ask('nothing null', '(unknown)')
    assert.ok(!other.text.includes('secret'))

    await my(() => { my.all = my.sum() })
    for (let i = 0; i < 2; i++) {
      const { pcs, sums } = await my(() => ({ pcs: my.pcs.length, sums: my.sums }))
      await until(() => my(() => my.sums).then(now => now > sums + 20), async () => `more sums than ${await my(() => my.sums)}`)
      await my(() => { my.pcs.at(-1).close() })
      await until(() => my(() => my.pcs.length).then(now => now > pcs), () => 'another carrier')
    }
    const { sums } = await my(() => ({ sums: my.sums }))
    await until(() => my(() => my.sums).then(now => now > sums + 20), () => 'more sums')
    await my(() => { my.asking = false })
    await my(() => my.all)
    assert.deepEqual(await my(() => my.wrong), [])
    console.log(`  ${await my(() => `${my.sums} sums over ${my.pcs.length} carriers`)}`)
    await my(() => my.room.leave())
    await page.close()
    other.child.stdin.end()
    await other.exited
  })
}
