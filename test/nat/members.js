// Members in the lab: Go programs, and pages in browsers that run in a namespace. They tell what they see in
// the same lines: see test/nat/member.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import puppeteer from 'puppeteer-core'
import { chromeFlags, paths, program, until } from '../browser/lab.js'
import { inside } from './networks.js'
import { dir, publicKeyHash, tls } from './servers.js'

/** What both kinds of member have. */
class Member {
  lines = []

  /** The last thing that was told of the link to the other one. */
  get link() {
    return this.lines.findLast(l => l.what === 'link') ?? {}
  }

  /** Waits until a line is such, and returns it. */
  async sees(is, meaning, longest) {
    return until(() => this.lines.find(is), () => `${this.name} (${this.kind} at ${this.site.name}) to see ${meaning}; it saw ${this.story()}`, longest)
  }

  /** Waits until the link is open; returns how many ms that took from the start of joining. */
  async live(longest = 30_000) {
    const { time } = await this.sees(l => l.state === 'live', 'its link open', longest)
    return time - this.lines.find(l => l.what === 'begins').time
  }

  /** Waits for the end of a link; returns how many ms it was there, and its cause. */
  async gone(longest = 40_000) {
    const { time, cause } = await this.sees(l => l.state === 'gone', 'its link gone', longest)
    return { took: time - this.lines.find(l => l.what === 'link').time, cause }
  }

  /** The numbers that came, in order. */
  get heard() {
    return this.lines.filter(l => l.what === 'heard').map(l => l.n)
  }

  /** Waits for the number that is the last one, and says what is wrong with those that came, or nothing. */
  async wrong(last, longest = 60_000) {
    await this.sees(l => l.what === 'heard' && l.n === last, `number ${last}`, longest)
    const at = this.heard.findIndex((n, i) => n !== i + 1)
    if (at >= 0) return `${this.name} heard ${this.heard.slice(Math.max(0, at - 2), at + 3)} at ${at}`
    if (this.lines.some(l => l.state === 'gone' || l.what === 'failed')) return this.story()
    return ''
  }

  /** The longest time between two numbers, in ms. */
  get longestGap() {
    const times = this.lines.filter(l => l.what === 'heard').map(l => l.time)
    return Math.round(Math.max(...times.slice(1).map((t, i) => t - times[i])))
  }

  story() {
    const of = l => [l.what, l.state, l.cause, l.path, l.error].filter(Boolean).join(' ')
    return `${this.lines.filter(l => l.what !== 'heard').map(of).join(', ')} and ${this.heard.length} numbers ${this.notes ?? ''}`
  }
}

let goMember
/** A program with the Go package. */
export class Gopher extends Member {
  static async open(site, invite, name, ...flags) {
    const member = Object.assign(new Gopher(), { site, name, kind: 'go' })
    if (!goMember) execFileSync('go', ['build', '-o', goMember = join(dir, 'member'), './test/nat/member'], { stdio: 'inherit' })
    member.program = program(inside(site, [goMember, '--name', name, ...flags, invite], { env: { SSL_CERT_FILE: tls.ca } }), name)
    let rest = ''
    member.program.child.stdout.on('data', data => {
      const lines = (rest + data).split('\n')
      rest = lines.pop()
      member.lines.push(...lines.map(line => JSON.parse(line)))
    })
    await member.sees(l => l.what === 'joined', 'the room')
    return member
  }

  get notes() {
    return this.program.notes
  }

  send(first, last, pause) {
    this.program.child.stdin.write(`send ${first} ${last} ${pause}ms\n`)
  }

  async close() {
    this.program.child.stdin.end()
    await this.program.exited
  }
}

/** A page with the SDK. */
export class Page extends Member {
  static async open(browser, invite, name, options = {}) {
    const member = Object.assign(new Page(), { site: browser.site, name, kind: browser.kind })
    member.context = await browser.createBrowserContext()
    member.page = await member.context.newPage()
    member.page.on('pageerror', error => member.lines.push({ what: 'link', state: 'error', error: String(error) }))
    await member.page.exposeFunction('told', line => { member.lines.push(line) })
    await member.page.goto(new URL('/', invite).href)
    await member.page.evaluate(enter, invite, name, options)
    await member.sees(l => l.what === 'joined', 'the room')
    return member
  }

  send(first, last, pause) {
    this.page.evaluate(sendNumbers, first, last, pause).catch(() => {}) // the page was closed
  }

  async close() {
    await this.page.evaluate(() => globalThis.room.leave())
    await this.context.close()
  }
}

/** In the page: joins and tells. */
async function enter(invite, name, options) {
  const { join } = await import(new URL('/sdk.js', invite).href)
  const now = () => performance.timeOrigin + performance.now()
  globalThis.tell = line => globalThis.told({ time: now(), ...line })
  globalThis.tell({ what: 'begins' })
  const room = globalThis.room = await join(invite, { name, ...options })
  globalThis.tell({ what: 'joined' })
  const known = new Map()
  const look = () => {
    for (const { id, name, state, cause, path } of room.members) {
      const text = [state, cause, path].join()
      if (known.get(id) === text) continue
      known.set(id, text)
      globalThis.tell({ what: 'link', name, state, cause, path })
    }
  }
  room.addEventListener('members', look)
  room.addEventListener('message', event => globalThis.tell({ what: 'heard', n: Number(event.data) }))
  look()
}

async function sendNumbers(first, last, pause) {
  for (let n = first; n <= last; n++) {
    const next = new Promise(resolve => setTimeout(resolve, pause))
    try {
      await globalThis.room.broadcast(String(n))
    } catch (error) {
      return globalThis.tell({ what: 'failed', n, error: String(error) })
    }
    await next
  }
  globalThis.tell({ what: 'sent', n: last })
}

const browsers = []
/** A Chromium of somebody. It is driven over a pipe, which needs no network. */
export async function chromium(site) {
  const browser = await puppeteer.launch({
    executablePath: script(site, paths.chrome.find(existsSync)),
    pipe: true,
    args: [
      ...chromeFlags.filter(flag => !flag.startsWith('--host-resolver-rules')),
      `--ignore-certificate-errors-spki-list=${publicKeyHash()}`,
    ],
  })
  browsers.push(browser)
  return Object.assign(browser, { site, kind: 'chrome' })
}

/**
 * A Firefox of somebody, which trusts the lab's authority. It is driven over a TCP port of its namespace, so connections to the
 * same port here are carried there.
 */
export async function firefox(site) {
  const profile = mkdtempSync(join(dir, 'firefox-'))
  execFileSync('certutil', ['-N', '-d', `sql:${profile}`, '--empty-password'])
  execFileSync('certutil', ['-A', '-d', `sql:${profile}`, '-n', 'lab', '-t', 'C,,', '-i', tls.ca])
  const carrier = createServer(socket => {
    const there = inside(site, ['node', '-e', `const s = require('net').connect(${carrier.address().port}, '127.0.0.1'); process.stdin.pipe(s).pipe(process.stdout)`])
    socket.on('error', () => there.kill())
    socket.on('close', () => there.kill())
    socket.pipe(there.stdin)
    there.stdout.pipe(socket)
    there.stdin.on('error', () => socket.destroy())
  })
  carrier.listen(0, '127.0.0.1')
  await once(carrier, 'listening')
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: script(site, paths.firefox.find(existsSync)),
    userDataDir: profile,
    debuggingPort: carrier.address().port,
  })
  browsers.push({ close: async () => { await browser.close(); carrier.close() } })
  return Object.assign(browser, { site, kind: 'firefox' })
}

/** A program that starts another one in somebody's namespace. */
function script(site, executable) {
  const file = join(dir, `${site.name}-${executable.split('/').pop()}`)
  writeFileSync(file, `#!/bin/sh\nexec ip netns exec ${site.namespace} ${executable} "$@"\n`)
  chmodSync(file, 0o755)
  return file
}

/** Ends all browsers. */
export async function closeBrowsers() {
  await Promise.all(browsers.splice(0).map(b => b.close()))
}
