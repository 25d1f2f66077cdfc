// Measures the time from joining to an open link, for each pair of kinds of member and
// each order of joining, with one rule or more for who offers:
//
//   node bench/links.js [--runs 20] [--rule kind,newcomer]
//
// It is measured at the newcomer, from the start of join() until its link to the one
// other member is live. Both use a hub on this machine and no ICE server.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { browser, patience, startHub, until } from '../test/browser/lab.js'

// What replaces the two files that say who offers; null is the code as it is.
const rules = {
  kind: null,
  newcomer: {
    'peer/role.go': `package peer

import "github.com/snug-chat/snug/signaling"

func offers(self, other signaling.Member) bool { return self.Joined > other.Joined }

`,
    'web/sdk/src/role.ts': `export function offers(self: { joined: number }, other: { joined: number }): boolean {
  return self.joined > other.joined
}
`,
  },
}

const names = { chrome: 'Chromium', firefox: 'Firefox', go: 'Go' }
// Who is there, and who comes.
const pairs = [
  ['chrome', 'chrome'], ['firefox', 'firefox'], ['chrome', 'firefox'], ['firefox', 'chrome'],
  ['go', 'chrome'], ['chrome', 'go'], ['go', 'firefox'], ['firefox', 'go'], ['go', 'go'],
]

const { values } = parseArgs({ options: { runs: { type: 'string', default: '20' }, rule: { type: 'string', default: 'kind,newcomer' } } })
const runs = Number(values.runs)
const chosen = values.rule.split(',')
if (!(runs >= 1) || !chosen.every(rule => rule in rules)) {
  console.error(`Usage: node bench/links.js [--runs N] [--rule ${Object.keys(rules).join(',')}]`)
  process.exit(2)
}

const temporary = mkdtempSync(join(tmpdir(), 'snug-bench-'))
const children = new Set()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(temporary, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

/** Builds the Go member and the SDK with a rule, out of the working tree. */
function build(rule) {
  console.error(`building with the rule ${rule}`)
  const dir = join(temporary, rule)
  mkdirSync(dir)
  cpSync('web', join(dir, 'web'), { recursive: true, filter: file => !file.endsWith('.test.ts') })
  cpSync('tsconfig.json', join(dir, 'tsconfig.json'))
  symlinkSync(resolve('node_modules'), join(dir, 'node_modules'))
  const overlay = {}
  for (const [file, text] of Object.entries(rules[rule] ?? {})) {
    mkdirSync(join(dir, file, '..'), { recursive: true })
    writeFileSync(join(dir, file), text)
    overlay[resolve(file)] = join(dir, file)
  }
  writeFileSync(join(dir, 'overlay.json'), JSON.stringify({ Replace: overlay }))
  execFileSync('go', ['build', '-overlay', join(dir, 'overlay.json'), '-o', join(dir, 'bench'), './bench'], { stdio: 'inherit' })
  execFileSync(join(temporary, 'build'), { cwd: dir, stdio: ['ignore', 2, 2] })
}

const page = `<!doctype html><title>bench</title><link rel="icon" href="data:,"><script type="module">
import { join } from './sdk.js'
let room
globalThis.enter = async (invite, alone, patience) => {
  const start = performance.now()
  room = await join(invite, { name: 'bench' })
  const joined = performance.now() - start
  if (alone) return { joined }
  await new Promise((resolve, reject) => {
    const look = () => { if (room.members.some(m => m.state === 'live')) resolve() }
    room.addEventListener('members', look)
    setTimeout(() => reject(new Error('the link is ' + room.members.map(m => m.state + ' ' + m.cause))), patience)
    look()
  })
  return { joined, live: performance.now() - start }
}
globalThis.exit = () => room.leave()
</script>`

/** Serves a page and its SDK for each rule. */
async function serve() {
  const server = createServer((request, response) => {
    const [, rule, file] = request.url.split('/')
    response.setHeader('Content-Type', file === 'sdk.js' ? 'text/javascript' : 'text/html')
    response.end(file === 'sdk.js' ? readFileSync(join(temporary, rule, 'web/dist/sdk.js')) : page)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${server.address().port}`
}

class Page {
  static async open(kind, rule, site) {
    const member = new Page()
    member.page = await (await browser(kind)).newPage()
    await member.page.goto(`${site}/${rule}/`)
    return member
  }

  enter(invite, alone) {
    return this.page.evaluate((...args) => globalThis.enter(...args), invite, alone, patience)
  }

  async close() {
    await this.page.evaluate(() => globalThis.exit())
    await this.page.close()
  }
}

class Process {
  static async open(_kind, rule) {
    const member = new Process()
    member.binary = join(temporary, rule, 'bench')
    return member
  }

  async enter(invite, alone) {
    const child = spawn(this.binary, [invite], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.child = child
    this.exited = once(child, 'exit')
    children.add(child)
    child.once('exit', () => children.delete(child))
    let text = ''
    child.stdout.on('data', data => { text += data })
    const ms = what => until(() => {
      if (child.exitCode !== null) throw new Error('the Go member has ended')
      return new RegExp(`^${what} (.*)\n`, 'm').exec(text)?.[1]
    }, `the Go member to be ${what}`).then(Number)
    return alone ? { joined: await ms('joined') } : { live: await ms('live'), joined: await ms('joined') }
  }

  async close() {
    this.child.stdin.end()
    const timer = setTimeout(() => this.child.kill('SIGKILL'), patience)
    await this.exited
    clearTimeout(timer)
  }
}

const open = (kind, rule, site) => (kind === 'go' ? Process : Page).open(kind, rule, site)

/** The times of one newcomer, in ms. */
async function measure([there, comes], rule, site, invite) {
  const first = await open(there, rule, site)
  const second = await open(comes, rule, site)
  await first.enter(invite, true)
  const times = await second.enter(invite, false)
  await second.close()
  await first.close()
  return times
}

/** The value that a share of all isn't above. */
function percentile(all, share) {
  return all.toSorted((a, b) => a - b)[Math.ceil(all.length * share) - 1]
}

function print(results) {
  const ms = x => x.toFixed(1).padStart(9)
  const cell = times => ms(percentile(times.map(t => t.live), 0.5)) + ms(percentile(times.map(t => t.live), 0.95)) +
    ms(percentile(times.map(t => t.live - t.joined), 0.5))
  console.log(`\n${new Date().toISOString().slice(0, 10)}, ms, ${runs} runs each, ${cpus().length} CPUs, load at the end ${loadavg()[0].toFixed(1)}\n`)
  console.log(' '.repeat(22) + chosen.map(rule => `rule: ${rule}`.padStart(27)).join(''))
  console.log('there     comes'.padEnd(22) + chosen.map(() => '      p50      p95 after j.').join(''))
  for (const pair of pairs) {
    const [there, comes] = pair.map(kind => names[kind].padEnd(10))
    console.log((there + comes).padEnd(22) + chosen.map(rule => cell(results[rule].get(pair))).join(''))
  }
  console.log('\nafter j.: p50 of the time after join() has returned')
}

async function main() {
  execFileSync('go', ['build', '-o', join(temporary, 'build'), './web/build'], { stdio: 'inherit' })
  for (const rule of chosen) build(rule)
  const hub = await startHub()
  const site = await serve()
  const results = Object.fromEntries(chosen.map(rule => [rule, new Map(pairs.map(pair => [pair, []]))]))
  let rooms = 0
  // The first run of all is to warm up and isn't counted.
  for (let run = 0; run <= runs; run++) {
    console.error(run === 0 ? 'warming up' : `run ${run} of ${runs}, load ${loadavg()[0].toFixed(1)}`)
    for (const pair of pairs) {
      for (const rule of run % 2 ? chosen : chosen.toReversed()) {
        const invite = `http://127.0.0.1:${hub.port}/r/bench-${++rooms}`
        const times = await measure(pair, rule, site, invite).catch(error => {
          throw new Error(`${pair[0]} there, ${pair[1]} comes, rule ${rule}: ${error.message}\n${hub.text}${hub.notes}`, { cause: error })
        })
        if (run > 0) results[rule].get(pair).push(times)
      }
    }
  }
  print(results)
  await Promise.all(['chrome', 'firefox'].map(async kind => (await browser(kind)).close()))
}

// What is left running ends with this process.
main().then(() => process.exit(0), error => {
  console.error(error)
  process.exit(1)
})
