// Whoever reaches the hub can talk: every kind of network with every other one.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { skip, withLab } from './lab.js'
import { chromium, Gopher, Page } from './members.js'
import { kinds, makeSite } from './networks.js'
import { startHub } from './servers.js'
import { keep, table } from './table.js'

const all = Object.keys(kinds)
const sites = { here: {}, there: {} }
let hub
withLab(async () => {
  hub = await startHub()
  for (const kind of all) {
    sites.here[kind] = makeSite(`here-${kind}`, kind)
    sites.there[kind] = makeSite(`there-${kind}`, kind)
  }
})

/** The paths that a link between two networks may end up with. */
function possible(...pair) {
  if (pair.includes('only-443')) return ['relay-tls']
  if (pair.includes('udp-blocked')) return ['relay-tcp', 'relay-tls']
  if (pair.includes('symmetric') && !pair.includes('open')) return ['relay-udp']
  return ['direct']
}

const leaving = []
after(() => Promise.all(leaving))

const cells = { 'Go, Go': [], 'Chromium, Go': [] }
after(() => {
  for (const [members, results] of Object.entries(cells)) {
    console.log(`\n${members}\n\n${table(results)}\n`)
    keep(members, results)
  }
})

/** Two members meet; the one that comes is the one here. */
async function meet(members, here, there, open) {
  const room = hub.newRoom()
  const bob = await Gopher.open(sites.there[there], room, 'Bob')
  const ann = await open(room)
  const took = await ann.live()
  await bob.live()
  const paths = possible(here, there)
  for (const one of [ann, bob]) await one.sees(l => paths.includes(l.path), `the path ${paths.join(' or ')}`)
  ann.send(1, 1, 1)
  bob.send(2, 2, 1)
  await bob.sees(l => l.n === 1, 'what the other one says')
  await ann.sees(l => l.n === 2, 'what the other one says')
  assert.equal(ann.link.path, bob.link.path, 'both tell the same path')
  cells[members].push({ here, there, took, path: ann.link.path })
  leaving.push(ann.close(), bob.close()) // for some seconds, if a TURN server doesn't answer
}

for (const here of all) {
  for (const there of all) {
    test(`Go in ${here}, Go in ${there}`, { skip }, () =>
      meet('Go, Go', here, there, room => Gopher.open(sites.here[here], room, 'Ann')))
  }
}

for (const here of all) {
  let browser
  for (const there of all) {
    test(`Chromium in ${here}, Go in ${there}`, { skip }, async () => {
      browser ??= await chromium(sites.here[here])
      await meet('Chromium, Go', here, there, room => Page.open(browser, room, 'Ann'))
    })
  }
}
