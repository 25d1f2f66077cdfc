// Whoever reaches the hub can talk: every kind of network with every other one.
import { after, test } from 'node:test'
import { full, skip, withLab } from './lab.js'
import { chromium, firefox, Gopher, Page } from './members.js'
import { kinds, makeSite } from './networks.js'
import { startHub } from './servers.js'
import { keep, table } from './table.js'

const all = Object.keys(kinds)
const sites = { here: {}, there: {} }
const leaving = []
let hub
after(() => Promise.all(leaving)) // before the lab is removed
withLab(async () => {
  hub = await startHub()
  for (const kind of all) {
    sites.here[kind] = makeSite(`here-${kind}`, kind)
    sites.there[kind] = makeSite(`there-${kind}`, kind)
  }
})

/** The paths that a link between two networks may end up with. Firefox stays on the first relay that answers. */
function possible(kind, ...pair) {
  if (pair.includes('only-443')) return ['relay-tls']
  if (pair.includes('udp-blocked')) return ['relay-tcp', 'relay-tls']
  if (pair.includes('symmetric') && !pair.includes('open')) return kind === 'firefox' ? ['relay-udp', 'relay-tcp', 'relay-tls'] : ['relay-udp']
  return ['direct']
}

/** Whether a cell is tried every time: the diagonal, and the half below it where there is no direct path. */
function always(here, there) {
  const below = all.indexOf(here) - all.indexOf(there)
  return below === 0 || below > 0 && possible('go', here, there)[0] !== 'direct'
}

const cells = { 'Go, Go': [], 'Chromium, Go': [], 'Firefox, Go': [] }
after(() => {
  for (const [members, results] of Object.entries(cells)) {
    console.log(`\n${members}\n\n${table(results)}\n`)
    if (full) keep(members, results)
  }
})

// A relay that is quicker than the direct way is used first: after 30 s the link tries to do without.
const settled = 45_000 // ms

/** Two members meet; the one that comes is the one here. */
async function meet(members, here, there, open) {
  const room = hub.newRoom()
  const bob = await Gopher.open(sites.there[there], room, 'Bob')
  const ann = await open(room)
  const took = await ann.live()
  await bob.live()
  const paths = possible(ann.kind, here, there)
  const [{ path }] = await Promise.all([ann, bob].map(one => one.sees(l => paths.includes(l.path), `the path ${paths.join(' or ')}`, settled)))
  ann.send(1, 1, 1)
  bob.send(2, 2, 1)
  await bob.sees(l => l.n === 1, 'what the other one says')
  await ann.sees(l => l.n === 2, 'what the other one says')
  cells[members].push({ here, there, took, path })
  leaving.push(ann.close(), bob.close()) // for some seconds, if a TURN server doesn't answer
}

for (const here of all) {
  for (const there of all) {
    if (!full && !always(here, there)) continue
    test(`Go in ${here}, Go in ${there}`, { skip }, () =>
      meet('Go, Go', here, there, room => Gopher.open(sites.here[here], room, 'Ann')))
  }
}

for (const [name, launch] of Object.entries({ Chromium: chromium, Firefox: firefox })) {
  for (const here of all) {
    let browser
    for (const there of all) {
      if (!full && (name === 'Firefox' ? here !== there : !always(here, there))) continue
      test(`${name} in ${here}, Go in ${there}`, { skip }, async () => {
        browser ??= await launch(sites.here[here])
        await meet(`${name}, Go`, here, there, room => Page.open(browser, room, 'Ann'))
      })
    }
  }
}
