// What people see of a network that fails: cut connections, a hub that is silent, pages in the background,
// no network at all, and proxies that let no WebSocket through.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, afterEach, before, test } from 'node:test'
import { browser, closeAll, openMember, Person, picture, startHub, until } from './lab.js'
import { networkProxy } from './proxy.js'

let hub
let proxy
before(async () => {
  hub = await startHub(0, '--set', 'hosts=hub.test')
})
after(async () => {
  await hub.kill()
  await closeAll()
})
afterEach(() => {
  proxy?.close()
  proxy = undefined
})

let rooms = 0
const newRoom = () => `r/sessions-${++rooms}`
const at = (port, room, host = 'localhost') => `http://${host}:${port}/${room}`

/** Keeps what a page says to its hub and hears from it over WebSockets, and has it come back soon. */
function record() {
  globalThis.recorded = []
  Math.random = () => 0.1
  const { send } = WebSocket.prototype
  WebSocket.prototype.send = function (text) {
    globalThis.recorded.push({ ...JSON.parse(text), said: true })
    send.call(this, text)
  }
  globalThis.WebSocket = class extends WebSocket {
    constructor(...of) {
      super(...of)
      this.addEventListener('message', ({ data }) => globalThis.recorded.push(JSON.parse(data)))
    }
  }
}

const open = (kind, url, name) => Person.open(kind, url, name, { prepare: page => page.evaluateOnNewDocument(record) })
const recorded = person => person.page.evaluate(() => globalThis.recorded)
const welcomes = async person => (await recorded(person)).filter(m => m.type === 'welcome')
const departures = async person => (await recorded(person)).flatMap(m => m.left ?? [])
const heardSignals = async person => (await recorded(person)).filter(m => m.type === 'signal' && !m.said).map(m => JSON.stringify(m.body))

/** The signals of a session, each once: those that a welcome says the hub hasn't taken are said again after it. */
async function saidSignals(person) {
  const signals = []
  for (const m of await recorded(person)) {
    if (m.type === 'welcome') signals.length = m.recovered ? m.received : 0
    if (m.type === 'signal' && m.said) signals.push(JSON.stringify(m.body))
  }
  return signals
}
const events = async person => (await person.page.evaluate(() => [...document.querySelectorAll('.event')].map(e => e.textContent)))
const status = person => person.text('.status')

async function talk(...people) {
  for (const [i, person] of people.entries()) {
    const text = `line ${i} of ${Math.random()}`
    await person.says(text)
    for (const other of people) if (other !== person) await other.hears(text)
  }
}

/** Cuts the connections, and again while a page doesn't notice: between two requests there is none. */
async function cutUntil(what, meaning) {
  let next = 0
  await until(() => {
    if (Date.now() > next) {
      proxy.cut()
      next = Date.now() + 3_000
    }
    return what()
  }, meaning)
}

/** Everybody is there, came in once and never left, and each can be heard. */
async function unharmed(...people) {
  for (const person of people) await person.sees(...people.filter(p => p !== person).map(p => p.name))
  await talk(...people)
  for (const person of people) {
    if (person.kind === 'go') continue
    const log = await events(person)
    assert.deepEqual(log.filter(e => e.endsWith(' left')), [], `${person.name} saw nobody leave`)
    assert.equal(new Set(log).size, log.length, `${person.name} saw nobody come in twice: ${log}`)
    assert.deepEqual(person.errors.filter(e => !/ws:/.test(e)), []) // Firefox tells of each WebSocket that fails
  }
}

for (const [first, second] of [['chrome', 'firefox'], ['firefox', 'chrome']]) {
  test(`connections that are cut are nobody’s leave, ${first} and ${second}`, async () => {
    proxy = await networkProxy(hub.port)
    const room = newRoom()
    const ann = await open(first, at(proxy.port, room), 'Ann')
    const bob = await open(second, at(hub.port, room), 'Bob')
    await ann.sees('Bob')
    await bob.sees('Ann')
    for (let i = 0; i < 3; i++) {
      const before = (await welcomes(ann)).length
      proxy.cut()
      await until(async () => (await welcomes(ann)).length > before, 'Ann to be welcomed again')
      await unharmed(ann, bob)
    }
    assert.deepEqual((await welcomes(ann)).map(w => w.recovered), [false, true, true, true])
    assert.deepEqual(await departures(bob), [])
    await Promise.all([ann, bob].map(p => p.close()))
  })
}

for (let cutAfter = 1; cutAfter <= 6; cutAfter++) {
  test(`connections that are cut after signal ${cutAfter}: each arrives once and in order`, async () => {
    proxy = await networkProxy(hub.port)
    const room = newRoom()
    const ann = await open('chrome', at(proxy.port, room), 'Ann')
    await until(async () => (await ann.text('[role=log]')).includes('first here'), 'Ann’s room')
    let seen = 0
    proxy.onframe = text => { if (text.includes('"signal"') && ++seen === cutAfter) proxy.cut() }
    const bob = await open('firefox', at(proxy.port, room), 'Bob')
    await unharmed(ann, bob)
    assert.ok(seen >= cutAfter, `${seen} signals passed`)
    for (const [from, to] of [[ann, bob], [bob, ann]]) {
      await until(async () => (await heardSignals(to)).length >= (await saidSignals(from)).length, 'all signals to arrive')
      assert.deepEqual(await heardSignals(to), await saidSignals(from), `from ${from.name} to ${to.name}`)
      assert.ok((await welcomes(from)).length > 1, `${from.name} was cut off`)
    }
    await Promise.all([ann, bob].map(p => p.close()))
  })
}

test('a hub that is silent is found out, and nobody leaves', async () => {
  const own = await startHub()
  const room = newRoom()
  const ann = await open('chrome', at(own.port, room), 'Ann')
  const bob = await open('firefox', at(own.port, room), 'Bob')
  await ann.sees('Bob')
  await bob.sees('Ann')
  own.child.kill('SIGSTOP')
  await ann.page.evaluate(() => { globalThis.dispatchEvent(new Event('online')) })
  await until(async () => /can’t be reached/.test(await status(ann)), async () => `Ann to be told; she is told: ${await status(ann)}`)
  await talk(ann, bob)
  await picture(ann, 'hub-away')
  own.child.kill('SIGCONT')
  // Over what, depends on which attempt was under way: one of HTTP may be.
  await until(async () => !/can’t be reached/.test(await status(ann)), async () => `the hub to be back; Ann is told: ${await status(ann)}`)
  await unharmed(ann, bob)
  await Promise.all([ann, bob].map(p => p.close()))
  await own.kill()
})

test('a page that sleeps for longer than the hub waits has its place', async () => {
  const own = await startHub(0, '--set', 'session.ping=2s', '--set', 'session.timeout=4s')
  const room = newRoom()
  const ann = await open('chrome', at(own.port, room), 'Ann')
  const bob = await open('chrome', at(own.port, room), 'Bob')
  await bob.sees('Ann')
  const cdp = await ann.page.createCDPSession()
  const inFront = await ann.context.newPage()
  await inFront.bringToFront()
  assert.equal(await ann.page.evaluate(() => document.visibilityState), 'hidden')
  await cdp.send('Page.setWebLifecycleState', { state: 'frozen' })
  await new Promise(resolve => setTimeout(resolve, 6_000))
  assert.match(await bob.text('aside'), /Ann connected; away from the hub/)
  await picture(bob, 'away')
  await cdp.send('Page.setWebLifecycleState', { state: 'active' })
  await ann.page.bringToFront()
  await unharmed(ann, bob)
  assert.deepEqual((await welcomes(ann)).map(w => w.recovered), [false, true])
  assert.deepEqual(await departures(bob), [])
  await Promise.all([ann, bob].map(p => p.close()))
  await own.kill()
})

test('without a network nothing is tried, and at once when there is one', async () => {
  const room = newRoom()
  const ann = await open('chrome', at(hub.port, room, 'hub.test'), 'Ann') // localhost needs no network
  const bob = await open('chrome', at(hub.port, room), 'Bob')
  await bob.sees('Ann')
  await ann.page.setOfflineMode(true)
  await until(async () => /You are offline/.test(await status(ann)), async () => `Ann to be told; she is told: ${await status(ann)}`)
  await picture(ann, 'offline')
  const before = (await recorded(ann)).length
  await new Promise(resolve => setTimeout(resolve, 3_000))
  assert.equal((await recorded(ann)).length, before)
  await ann.page.setOfflineMode(false)
  await until(async () => await status(ann) === '', 'the hub to be back')
  await unharmed(ann, bob)
  await Promise.all([ann, bob].map(p => p.close()))
})

for (const kind of ['chrome', 'firefox']) {
  for (const upgrades of ['refuse', 'hang']) {
    test(`where upgrades ${upgrades === 'refuse' ? 'are refused' : 'hang'}, HTTP takes over within 5 s, in ${kind}`, async () => {
      proxy = await networkProxy(hub.port)
      proxy.upgrades = upgrades
      const room = newRoom()
      const ann = await open(kind, at(proxy.port, room), 'Ann')
      const [began, ready] = await until(() => ann.page.evaluate(() => {
        const note = document.querySelector('.status')?.textContent
        return note && [performance.timing.responseEnd, Date.now()]
      }), 'Ann to come in')
      assert.ok(ready - began < 5_000, `it took ${ready - began} ms`)
      console.log(`  in the room after ${ready - began} ms`)
      assert.match(await status(ann), /WebSockets don’t get through here; using HTTP/)
      const bob = await open(kind, at(proxy.port, room), 'Bob')
      const go = await openMember('go', at(hub.port, room), 'Gopher')
      await go.sees('Ann', 'Bob')
      await unharmed(ann, bob, go)
      assert.ok(proxy.requests.some(url => url.endsWith('/receive')))
      if (kind === 'chrome') await picture(ann, 'http')

      // One connection is lost, and the session goes on over the other transport.
      proxy.upgrades = 'pass'
      await ann.page.evaluate(() => { globalThis.dispatchEvent(new Event('online')) }) // another network, perhaps
      await cutUntil(async () => await status(ann) === '', async () => `a WebSocket; ${await status(ann)}`)
      assert.deepEqual((await welcomes(ann)).map(w => w.recovered), [true])
      await unharmed(ann, bob, go)
      proxy.upgrades = upgrades
      await cutUntil(async () => /using HTTP/.test(await status(ann)), 'HTTP again')
      await unharmed(ann, bob, go)
      await Promise.all([ann, bob, go].map(p => p.close()))
    })
  }
}

for (const kind of ['chrome', 'firefox']) {
  for (const upgrades of ['pass', 'refuse']) {
    test(`a page that goes says bye, over ${upgrades === 'pass' ? 'WebSocket' : 'HTTP'}, in ${kind}`, async () => {
      proxy = await networkProxy(hub.port)
      proxy.upgrades = upgrades
      const room = newRoom()
      const ann = await open(kind, at(proxy.port, room), 'Ann')
      const bob = await open('chrome', at(hub.port, room), 'Bob')
      await bob.sees('Ann')
      await ann.page.goto('about:blank')
      await until(async () => (await departures(bob)).length > 0, 'Bob to be told')
      assert.deepEqual((await departures(bob)).map(d => d.reason), ['bye'])
      await until(async () => (await events(bob)).includes('Ann left'), 'Bob to see it')
      await Promise.all([ann, bob].map(p => p.close()))
    })
  }

  test(`a page of another origin is let in over HTTP, too, in ${kind}`, async () => {
    proxy = await networkProxy(hub.port)
    proxy.upgrades = 'refuse'
    const room = at(proxy.port, newRoom())
    const site = createServer((_, response) => response.end()).listen(0, '127.0.0.1')
    await once(site, 'listening')
    const page = await (await browser(kind)).newPage()
    await page.goto(`http://localhost:${site.address().port}/`)
    const found = await page.evaluate(async (sdk, invite) => {
      const { join } = await import(sdk)
      const room = await join(invite, { name: 'Site' })
      const found = room.hub
      await room.leave()
      return found
    }, `http://localhost:${proxy.port}/sdk.js`, room)
    assert.deepEqual(found, { state: 'connected', transport: 'http' })
    await page.close()
    site.close()
  })
}
