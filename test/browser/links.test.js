// Links in real browsers, and with Go: what restarts ICE, and what takes a link's carrier away, in the middle of numbered
// messages. Nothing is lost, nothing comes twice, and it is the same link throughout.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { browser, closeAll, run, startHub, until } from './lab.js'

let hub
let site
before(async () => {
  hub = await startHub()
  site = createServer((_, response) => response.end('<!doctype html>')).listen(0, '127.0.0.1')
  await once(site, 'listening')
})
after(async () => {
  await hub.kill()
  await closeAll()
  site.close()
})

let rooms = 0
const newRoom = () => `http://localhost:${hub.port}/r/links-${++rooms}`

/** What runs in a page: keeps every RTCPeerConnection, what is heard, and the states of the link to the only other member. */
async function enter(sdk, invite, name) {
  const my = globalThis.my = { pcs: [], heard: [], states: [], sent: 0, talking: true }
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...of) {
      super(...of)
      my.pcs.push(this)
    }
  }
  const { Chat, join } = await import(sdk)
  my.room = await join(invite, { name })
  my.chat = new Chat(my.room)
  my.chat.addEventListener('message', ({ message }) => my.heard.push(message.body))
  my.room.addEventListener('members', () => {
    const state = my.room.members[0]?.state
    if (state !== my.states.at(-1)) my.states.push(state)
  })
  // A page behind another has slow timers, in Firefox of a second; a worker's aren't.
  const clock = new Worker(URL.createObjectURL(new Blob(['setInterval(() => postMessage(0), 5)'])))
  my.talk = async () => {
    while (my.talking) {
      await my.chat.send(`${my.sent++}`).sent
      await new Promise(resolve => clock.addEventListener('message', resolve, { once: true }))
    }
    clock.terminate()
  }
}

/** Somebody who uses the SDK alone. */
class Developer {
  static async open(kind, invite, name) {
    const developer = new Developer()
    developer.name = `${name} (${kind})`
    developer.page = await (await browser(kind)).newPage()
    await developer.page.goto(`http://localhost:${site.address().port}/`)
    await developer.page.evaluate(enter, new URL('/sdk.js', invite).href, invite, name)
    return developer
  }

  /** What a function says of globalThis.my. */
  my(what) {
    return this.page.evaluate(what)
  }

  state() {
    return this.my(() => my.room.members[0]?.state)
  }

  async isLive() {
    await until(async () => await this.state() === 'live', async () => `${this.name} to be live: ${await this.state()}`)
  }

  talks() {
    return this.my(() => { void my.talk() })
  }

  /** Waits until so many more have been heard. */
  async hears(more) {
    const before = await this.my(() => my.heard.length)
    await until(async () => await this.my(() => my.heard.length) >= before + more, async () => `${this.name} to hear ${more} more than ${before}: ${await this.my(() => `${my.heard.length} ${my.states} ${my.room.members[0]?.cause}`)}`)
  }

  hush() {
    return this.my(() => {
      my.talking = false
      return my.sent
    })
  }

  async close() {
    await this.my(() => my.room.leave())
    await this.page.close()
  }
}

/** Every number came, once and in order. */
async function allOf(listener, sent, prefix = '') {
  await until(async () => await listener.my(() => my.heard.length) >= sent, async () => `${listener.name} to hear all ${sent}: ${await listener.my(() => my.heard.length)}`)
  assert.deepEqual(await listener.my(() => my.heard), Array.from({ length: sent }, (_, i) => `${prefix}${i}`), `what ${listener.name} heard`)
}

const restart = developer => developer.my(() => { globalThis.dispatchEvent(new Event('online')) })
const kill = developer => developer.my(() => my.pcs.at(-1).close())
const credentials = developer => developer.my(() => /a=ice-ufrag:(.*)/.exec(my.pcs.at(-1).localDescription.sdp)[1])
const carriers = developer => developer.my(() => my.pcs.length)

/** Who makes the offers, and who answers. */
async function roles(a, b) {
  const [of, other] = await Promise.all([a, b].map(d => d.my(() => my.room.self.id)))
  return of < other ? { offerer: a, answerer: b } : { offerer: b, answerer: a }
}

for (const kinds of [['chrome', 'chrome'], ['firefox', 'firefox'], ['chrome', 'firefox']]) { // ids draw who offers
  for (const who of ['offerer', 'answerer']) {
    const meet = async () => {
      const room = newRoom()
      const pair = [await Developer.open(kinds[0], room, 'Ann'), await Developer.open(kinds[1], room, 'Bob')]
      for (const one of pair) await one.isLive()
      for (const one of pair) await one.talks()
      for (const one of pair) await one.hears(50)
      return { pair, one: (await roles(...pair))[who] }
    }
    const part = async pair => {
      const sent = [await pair[0].hush(), await pair[1].hush()]
      await allOf(pair[0], sent[1])
      await allOf(pair[1], sent[0])
      for (const one of pair) assert.ok(!(await one.my(() => my.states)).includes('gone'), `${one.name} saw one link`)
      console.log(`  ${sent} messages; ${(await Promise.all(pair.map(one => one.my(() => my.states.join(' '))))).join(' | ')}`)
      await Promise.all(pair.map(one => one.close()))
    }

    test(`an ICE restart among messages, ${kinds[0]} and ${kinds[1]}, the ${who}’s network changes`, async () => {
      const { pair, one } = await meet()
      const before = await Promise.all(pair.map(credentials))
      await restart(one)
      for (const [i, developer] of pair.entries()) await until(async () => await credentials(developer) !== before[i], `${developer.name} to have new credentials`)
      for (const developer of pair) await developer.hears(200)
      assert.deepEqual(await Promise.all(pair.map(carriers)), [1, 1])
      assert.deepEqual(await Promise.all(pair.map(d => d.state())), ['live', 'live'])
      await part(pair)
    })

    test(`another carrier among messages, ${kinds[0]} and ${kinds[1]}, the ${who}’s is killed`, async () => {
      const { pair, one } = await meet()
      await new Promise(resolve => setTimeout(resolve, 4_000)) // carriers aren't made faster
      await kill(one)
      for (const developer of pair) await until(async () => await carriers(developer) === 2, async () => `${developer.name} to have another carrier: ${await developer.my(() => my.states.join())}`)
      for (const developer of pair) await developer.isLive()
      for (const developer of pair) await developer.hears(200)
      await part(pair)
    })
  }
}

for (const kind of ['chrome', 'firefox']) {
  for (const what of ['an ICE restart', 'another carrier']) {
    test(`${what} among messages, ${kind} and Go`, async () => {
      const room = newRoom()
      const ann = await Developer.open(kind, room, 'Ann')
      const bot = run('bot', 'echo', room)
      await ann.isLive()
      await ann.talks()
      await ann.hears(50)
      if (what === 'an ICE restart') {
        const before = await credentials(ann)
        await restart(ann)
        await until(async () => await credentials(ann) !== before, 'new credentials')
      } else {
        await new Promise(resolve => setTimeout(resolve, 4_000)) // carriers aren't made faster
        await kill(ann)
        await until(async () => await carriers(ann) === 2, 'another carrier')
      }
      await ann.isLive()
      await ann.hears(200)
      await allOf(ann, await ann.hush(), 'echo: ')
      assert.equal(await carriers(ann), what === 'an ICE restart' ? 1 : 2)
      assert.ok(!(await ann.my(() => my.states)).includes('gone'), 'one link')
      console.log(`  ${await ann.my(() => `${my.sent} messages; ${my.states.join(' ')}; ${my.room.members[0].path}`)}`)
      await ann.close()
      await bot.kill()
    })
  }
}
