// Without TURN some pairs can't get through. They are told so in time, with the reason.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { binary, Person, program, until } from '../browser/lab.js'
import { skip, withLab } from './lab.js'
import { chromium, Gopher, Page } from './members.js'
import { inside, makeSite } from './networks.js'
import { startCoturn, startHub, tls } from './servers.js'

const bound = 30_000 // ms, of LINK.md
const spare = 2_000 // ms, for a busy machine
const hopeless = [
  ['symmetric', 'symmetric'], ['cone', 'symmetric'],
  ['udp-blocked', 'open'], ['udp-blocked', 'udp-blocked'], ['only-443', 'cone'],
]

let hub
withLab(async () => {
  await startCoturn() // for STUN
  hub = await startHub('turn: {mode: "off"}\nice: {servers: ["stun:turn.snug.test:3478"]}\n')
})

let sites = 0
const site = kind => makeSite(`${kind}-${++sites}`, kind)

/** Waits until somebody is told why the link came to nothing. */
async function fails(one) {
  const { took, cause } = await one.gone()
  assert.equal(cause, 'no-turn', one.story())
  assert.ok(took <= bound + spare, `${one.name} was told after ${took} ms`)
  console.log(`${one.kind} in ${one.site.kind}: ${cause} after ${Math.round(took)} ms`)
}

const words = 'no way through and no TURN offered'

async function terminalSaysWhatIsWrong() {
  const room = hub.newRoom()
  const chat = name => program(inside(site('symmetric'), [binary(), 'chat', '--name', name, room], { env: { SSL_CERT_FILE: tls.ca } }), 'snug chat')
  const all = [chat('Ann'), chat('Bob')]
  for (const one of all) await until(() => one.notes.includes(words), () => `the terminal to say ${words}; it says ${one.notes}`, bound + spare)
  await Promise.all(all.map(one => one.kill()))
}

async function pageSaysWhatIsWrong() {
  const room = hub.newRoom()
  const bob = await Gopher.open(site('symmetric'), room, 'Bob')
  const ann = await Person.open(await chromium(site('cone')), room, 'Ann')
  await until(async () => (await ann.text('aside')).toLowerCase().includes(words.toLowerCase()), async () => `the page to say ${words}; it says ${await ann.text('aside')}`, bound + spare)
  await Promise.all([ann.close(), bob.close()])
}

// All at the same time, since all take half a minute.
test('pairs that can’t get through are told that no TURN was offered', { skip, concurrency: true }, async t => {
  await Promise.all([...hopeless.flatMap(([here, there]) => [
    t.test(`Go in ${here}, Go in ${there}`, async () => {
      const room = hub.newRoom()
      const bob = await Gopher.open(site(there), room, 'Bob')
      const ann = await Gopher.open(site(here), room, 'Ann')
      await Promise.all([fails(ann), fails(bob)])
    }),
    t.test(`Chromium in ${here}, Go in ${there}`, async () => {
      const room = hub.newRoom()
      const bob = await Gopher.open(site(there), room, 'Bob')
      await fails(await Page.open(await chromium(site(here)), room, 'Ann'))
      await bob.close()
    }),
  ]),
  t.test('the terminal says what is wrong', terminalSaysWhatIsWrong),
  t.test('the page says what is wrong, and what helps', pageSaysWhatIsWrong)])
})

test('pairs that need no TURN get through', { skip }, async () => {
  const room = hub.newRoom()
  const bob = await Gopher.open(site('cone'), room, 'Bob')
  const ann = await Gopher.open(site('cone'), room, 'Ann')
  await ann.live()
  await ann.sees(l => l.path === 'direct', 'a direct path')
  await Promise.all([ann.close(), bob.close()])
})
