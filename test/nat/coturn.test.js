// Somebody else's TURN server, coturn, with credentials that the hub makes: every transport, every kind of member.
import { after, test } from 'node:test'
import { skip, withLab } from './lab.js'
import { chromium, firefox, Gopher, Page } from './members.js'
import { makeSite } from './networks.js'
import { coturnConfig, coturnServers, startCoturn, startHub } from './servers.js'

const transports = {
  'relay-udp': coturnServers.find(s => s.endsWith('=udp')),
  'relay-tcp': coturnServers.find(s => s.startsWith('turn:') && s.endsWith('=tcp')),
  'relay-tls': coturnServers.find(s => s.startsWith('turns:')),
}

let hub
const browsers = {}
const sites = {}
withLab(async () => {
  await startCoturn()
  for (const name of ['ann', 'bob']) sites[name] = makeSite(name, 'cone')
})
after(() => hub?.kill('SIGKILL'))

const open = {
  go: room => Gopher.open(sites.ann, room, 'Ann', '--relay-only'),
  chrome: async room => Page.open(browsers.chrome ??= await chromium(sites.ann), room, 'Ann', { relayOnly: true }),
  firefox: async room => Page.open(browsers.firefox ??= await firefox(sites.ann), room, 'Ann', { relayOnly: true }),
}

for (const [path, server] of Object.entries(transports)) {
  for (const kind of Object.keys(open)) {
    test(`${kind} talks by ${path} of coturn`, { skip }, async t => {
      await hub?.kill('SIGKILL')
      hub = await startHub(coturnConfig([server]))
      const room = hub.newRoom()
      const bob = await Gopher.open(sites.bob, room, 'Bob')
      const ann = await open[kind](room)
      const took = await ann.live()
      for (const one of [ann, bob]) await one.sees(l => l.path === path, `the path ${path}`)
      ann.send(1, 1, 1)
      bob.send(2, 2, 1)
      await bob.sees(l => l.n === 1, 'what the other one says')
      await ann.sees(l => l.n === 2, 'what the other one says')
      t.diagnostic(`open after ${Math.round(took)} ms`)
      await Promise.all([ann.close(), bob.close()])
    })
  }
}
