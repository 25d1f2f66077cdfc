// Channels between real browsers and Go: messages of 0 bytes to 5 MiB on several channels in both directions at once, among ICE restarts
// and killed carriers. Each comes back exactly once, in order and equal.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { browser, closeAll, program, startHub, until } from './lab.js'

const names = ['files', 'state', 'log']
const patience = 120_000

let hub
let site
let echo
before(async () => {
  echo = join(mkdtempSync(join(tmpdir(), 'snug-echo-')), 'echo')
  execFileSync('go', ['build', '-o', echo, './test/browser/echo'], { stdio: 'inherit' })
  hub = await startHub()
  site = createServer((_, response) => response.end('<!doctype html>')).listen(0, '127.0.0.1')
  await once(site, 'listening')
})
after(async () => {
  await hub.kill()
  await closeAll()
  site.close()
})

/** What runs in a page: it sends on every channel and on the one without a name, and compares what comes back. */
async function enter(sdk, invite, names, lengths) {
  const my = globalThis.my = { pcs: [], states: [], got: {}, wrong: [], rounds: 0, talking: true }
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...of) {
      super(...of)
      my.pcs.push(this)
    }
  }
  const noise = new Uint8Array(6 * 1024 * 1024)
  for (let i = 0, x = 1; i < noise.length; i++) noise[i] = (x = x * 48_271 % 0x7fffffff) >> 8
  /** Message n of a channel; each third is text. */
  const message = (name, n) => {
    const length = lengths[n % lengths.length]
    return n % 3 === 2 ? `${name} ${n} ${'é😀'.repeat(length / 7)}` : noise.subarray(n + name.length, n + name.length + length)
  }
  const equal = (a, b) => typeof a === 'string' || typeof b === 'string' ? a === b
    : a.length === b.length && indexedDB.cmp(a, b) === 0
  const { join } = await import(sdk)
  my.room = await join(invite, { name: 'Ann' })
  my.room.addEventListener('members', () => {
    const state = my.room.members[0]?.state
    if (state !== my.states.at(-1)) my.states.push(state)
  })
  const took = (name, data) => {
    const n = my.got[name] = (my.got[name] ?? -1) + 1
    if (!equal(data, message(name, n))) my.wrong.push(`${name} ${n}: ${data.length} long`)
  }
  my.room.addEventListener('message', ({ data }) => took('', data))
  for (const name of names) {
    void (async () => { for await (const { data } of my.room.channel(name).messages()) took(name, data) })()
  }
  my.sent = {}
  my.talk = name => {
    const send = data => name ? my.room.channel(name).broadcast(data) : my.room.broadcast(data)
    return (async () => {
      for (my.sent[name] = 0; my.talking || my.sent[name] % lengths.length; my.sent[name]++) await send(message(name, my.sent[name]))
    })()
  }
  my.go = () => { my.all = Promise.all(['', ...names].map(my.talk)) }
}

const lengths = [0, 1, 5 * 1024 * 1024, 100, 16_376, 16_377, 300_000, 17, 1024 * 1024, 2]
let rooms = 0

for (const kind of ['chrome', 'firefox']) {
  test(`messages of all lengths on ${names.length + 1} channels, ${kind} and Go, among restarts and killed carriers`, async () => {
    const invite = `http://localhost:${hub.port}/r/channels-${++rooms}`
    const page = await (await browser(kind)).newPage()
    await page.goto(`http://localhost:${site.address().port}/`)
    await page.evaluate(enter, new URL('/sdk.js', invite).href, invite, names, lengths)
    const other = program(spawn(echo, [invite, ...names], { stdio: ['pipe', 'pipe', 'pipe'] }), 'echo')
    const my = what => page.evaluate(what)
    const state = () => my(() => `${my.room.members[0]?.state} ${my.room.members[0]?.cause ?? ''}`)
    await until(async () => (await state()).startsWith('live'), state)
    const began = Date.now()
    await my(() => my.go())
    const more = async () => {
      const before = await my(() => Object.values(my.got).reduce((a, b) => a + b, 0))
      await until(() => my(() => Object.values(my.got).reduce((a, b) => a + b, 0)).then(now => now > before + 4), async () => `more than ${before}: ${await my(() => JSON.stringify([my.got, my.sent, my.wrong, my.states]))} ${other.notes}`, patience)
    }
    for (let i = 0; i < 3; i++) {
      await more()
      await my(() => { globalThis.dispatchEvent(new Event('online')) })
      await more()
      const carriers = await my(() => my.pcs.length)
      await new Promise(resolve => setTimeout(resolve, 4_000)) // carriers aren't made faster
      await my(() => { my.pcs.at(-1).close() })
      await until(() => my(() => my.pcs.length).then(now => now > carriers), async () => `another carrier: ${await my(() => my.states.join())}`, patience)
    }
    await more()
    await my(() => { my.talking = false })
    await until(() => my(() => Object.entries(my.sent).every(([name, n]) => my.got[name] === n - 1)), async () => `all to come back: ${await my(() => JSON.stringify([my.got, my.sent, my.wrong, my.states]))} ${other.notes}`, patience)
    await my(async () => { await my.all })
    assert.deepEqual(await my(() => my.wrong), [])
    assert.ok(!(await my(() => my.states)).includes('gone'), 'one link')
    console.log(`  ${await my(() => `${JSON.stringify(my.sent)} messages; ${my.pcs.length} carriers; ${my.states.join(' ')}`)}; ${Date.now() - began} ms`)
    await my(() => my.room.leave())
    await page.close()
    other.child.stdin.end()
    await other.exited
  })

  test(`streams, ${kind} and Go: bytes come back while a carrier is killed, and each end is told`, async () => {
    const invite = `http://localhost:${hub.port}/r/channels-${++rooms}`
    const page = await (await browser(kind)).newPage()
    await page.goto(`http://localhost:${site.address().port}/`)
    await page.evaluate(enter, new URL('/sdk.js', invite).href, invite, [], lengths)
    const other = program(spawn(echo, [invite], { stdio: ['pipe', 'pipe', 'pipe'] }), 'echo')
    await until(() => page.evaluate(() => my.room.members[0]?.state === 'live'), () => `live: ${other.notes}`)
    await new Promise(resolve => setTimeout(resolve, 4_000)) // carriers aren't made faster
    const result = await page.evaluate(async () => {
      const { id } = my.room.members[0]
      const { readable, writable } = await my.room.dial(id, 'pipe')
      const sent = crypto.getRandomValues(new Uint8Array(65_536))
      const writer = writable.getWriter()
      void (async () => {
        for (let i = 0; i < 128; i++) {
          if (i === 40) my.pcs.at(-1).close()
          await writer.write(sent)
        }
        await writer.close()
      })()
      let at = 0
      let wrong = 0
      for (const reader = readable.getReader();;) {
        const { done, value } = await reader.read()
        if (done) break
        for (const byte of value) if (byte !== sent[at++ % sent.length]) wrong++
      }
      const refused = await my.room.dial(id, 'nobody').then(() => 'answered', error => error.code)
      return { at, wrong, refused, carriers: my.pcs.length, states: my.states.join(' ') }
    })
    console.log(`  ${JSON.stringify(result)}`)
    assert.deepEqual([result.at, result.wrong, result.refused, result.carriers], [128 * 65_536, 0, 'closed', 2])
    await page.evaluate(() => my.room.leave())
    await page.close()
    other.child.stdin.end()
    await other.exited
  })
}
