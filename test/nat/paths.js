// Measures how long links take to open over each kind of path, prints that, and writes it into docs/paths.md,
// with the matrix of the last full run of matrix.test.js if there is one. It needs root:
//
//   NAT_LAB=full node --test --test-force-exit test/nat/matrix.test.js
//   node test/nat/paths.js [--runs 10]
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { closeAll } from '../browser/lab.js'
import { chromium, closeBrowsers, firefox, Gopher, Page } from './members.js'
import { makeInternet, makeSite, missing, remove } from './networks.js'
import { makeCertificates, startHub } from './servers.js'
import { kept, table, timesTable } from './table.js'

const document = 'docs/paths.md'
// The kinds of network that lead to each path.
const ways = {
  direct: ['cone', 'cone'],
  'relay-udp': ['symmetric', 'symmetric'],
  'relay-tcp': ['udp-blocked', 'cone'],
  'relay-tls': ['only-443', 'cone'],
}

const { values } = parseArgs({ options: { runs: { type: 'string', default: '10' } } })
const runs = Number(values.runs)
if (!(runs >= 1)) {
  console.error('Usage: node test/nat/paths.js [--runs N]')
  process.exit(2)
}
const why = missing()
if (why) {
  console.error(why)
  process.exit(1)
}
process.on('exit', remove)
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

makeInternet()
makeCertificates()
const hub = await startHub()
const times = []
for (const [path, [here, there]] of Object.entries(ways)) {
  const sites = { here: makeSite(`here-${path}`, here), there: makeSite(`there-${path}`, there) }
  for (const [members, launch] of Object.entries({ 'Go, Go': undefined, 'Chromium, Go': chromium, 'Firefox, Go': firefox })) {
    const browser = await launch?.(sites.here)
    const open = room => browser ? Page.open(browser, room, 'Ann') : Gopher.open(sites.here, room, 'Ann')
    const took = []
    for (let i = 0; i < runs; i++) took.push(await measure(sites, open))
    times.push({ path, members, took })
    console.error(`${path}, ${members}: ${took.map(Math.round).join(' ')} ms`)
  }
}
console.log(timesTable(times))
write('times', timesTable(times))
for (const members of ['Go, Go', 'Chromium, Go', 'Firefox, Go']) {
  const matrix = kept(members)
  if (matrix) write(members, table(matrix))
}
await closeBrowsers()
await closeAll()
process.exit(0)

/** How many ms it took until the link was open, for the one who comes. */
async function measure(sites, open) {
  const room = hub.newRoom()
  const bob = await Gopher.open(sites.there, room, 'Bob')
  const ann = await open(room)
  const took = await ann.live()
  void ann.close().catch(() => {}) // which nobody waits for
  await bob.program.kill('SIGKILL')
  return took
}

/** Puts a text between the marks of this name. */
function write(name, text) {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end -->`]
  const [before, rest] = readFileSync(document, 'utf8').split(begin)
  writeFileSync(document, `${before}${begin}\n\n${text}\n\n${end}${rest.slice(rest.indexOf(end) + end.length)}`)
}
