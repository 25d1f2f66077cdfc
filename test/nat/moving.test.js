// Somebody's network goes away, and two seconds later there is another one: the same link goes on, and nothing is lost.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pass } from 'node:timers/promises'
import { full, skip, withLab } from './lab.js'
import { chromium, Gopher, Page } from './members.js'
import { connect, makeSite, unplug } from './networks.js'
import { startHub } from './servers.js'

const away = 2_000 // ms without a network
const every = 20 // ms, between two messages
const longest = { go: 3_000, chrome: 4_000 } // ms from the new network to the next message, either way

let hub
withLab(async () => { hub = await startHub() })

/** Ann's network changes while both send numbers. */
async function move(t, ann, bob, site) {
  await ann.live()
  await bob.live()
  const count = 400
  ann.send(1, count, every)
  bob.send(1, count, every)
  await Promise.all([ann, bob].map(one => one.sees(l => l.n === 50 && l.what === 'heard', 'numbers')))
  unplug(site, 'eth0')
  await pass(away)
  const since = Date.now()
  connect(site, 'wlan0')
  const up = Date.now()
  for (const one of [ann, bob]) assert.equal(await one.wrong(count), '')
  const gaps = [ann, bob].map(one => one.lines.find(l => l.what === 'heard' && l.time > since).time - up)
  t.diagnostic(`${site.kind}: ${gaps.map(Math.round).join(' and ')} ms from the new network to the next message`)
  for (const gap of gaps) assert.ok(gap <= longest[ann.kind], `${Math.round(gap)} ms passed: ${ann.story()}; ${bob.story()}`)
  await Promise.all([ann.close(), bob.close()])
}

for (const kind of full ? ['open', 'cone', 'symmetric', 'udp-blocked', 'only-443'] : ['cone', 'symmetric']) {
  test(`a Go program in ${kind} changes its network`, { skip }, async t => {
    const site = makeSite(`go-${kind}`, kind)
    const room = hub.newRoom()
    const bob = await Gopher.open(makeSite(`there-${kind}`, 'cone'), room, 'Bob')
    await move(t, await Gopher.open(site, room, 'Ann'), bob, site)
  })
  test(`a Chromium in ${kind} changes its network`, { skip }, async t => {
    const site = makeSite(`page-${kind}`, kind)
    const room = hub.newRoom()
    const bob = await Gopher.open(makeSite(`here-${kind}`, 'cone'), room, 'Bob')
    await move(t, await Page.open(await chromium(site), room, 'Ann'), bob, site)
  })
}
