// What the browser tests share: the real binary, real browsers, and people who
// use the page by roles and names only.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import puppeteer from 'puppeteer-core'

export const patience = 20_000 // ms

export const paths = {
  chrome: ['/usr/bin/chromium', '/usr/bin/google-chrome'],
  firefox: ['/usr/bin/firefox-esr', '/usr/bin/firefox'],
}
export const chromeFlags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--host-resolver-rules=MAP *.test 127.0.0.1']

const children = new Set()
process.on('exit', () => { for (const child of children) child.kill('SIGKILL') })

let built
/** The binary, built once. */
export function binary() {
  built ??= join(mkdtempSync(join(tmpdir(), 'snug-')), 'snug')
  if (!existsSync(built)) execFileSync('go', ['build', '-o', built, './cmd/snug'], { stdio: 'inherit' })
  return built
}

/** Starts a command of the binary. */
export function run(...args) {
  return program(spawn(binary(), args, { stdio: ['pipe', 'pipe', 'pipe'] }), args.join(' '))
}

/** A program that was started; `text` is what it printed, `notes` what it printed to standard error. */
export function program(child, name) {
  children.add(child)
  child.once('exit', () => children.delete(child))
  const program = { child, text: '', notes: '', exited: once(child, 'exit') }
  child.stdout.on('data', data => { program.text += data })
  child.stderr.on('data', data => { program.notes += data })
  program.says = async text => {
    await until(() => program.text.includes(text), () => `${name} to print ${text}; it printed: ${program.text}${program.notes}`)
  }
  program.kill = async signal => {
    child.kill(signal)
    await program.exited
  }
  return program
}

/** A hub on a port of its own. */
export async function startHub(port = 0, ...flags) {
  const hub = run('serve', '--listen', `127.0.0.1:${port}`, ...flags)
  await hub.says('Ctrl-C')
  hub.invite = /http:\S+/.exec(hub.text)[0]
  hub.port = new URL(hub.invite).port
  return hub
}

export async function until(what, meaning, longest = patience) {
  const end = Date.now() + longest
  for (;;) {
    const got = await what()
    if (got) return got
    if (Date.now() > end) throw new Error(`waited in vain for ${typeof meaning === 'function' ? await meaning() : meaning}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

const running = {}
/** A browser, started once: 'chrome' or 'firefox'. */
export async function browser(kind) {
  running[kind] ??= puppeteer.launch({
    browser: kind,
    executablePath: paths[kind].find(existsSync),
    headless: true,
    acceptInsecureCerts: true, // those of tests sign themselves
    args: kind === 'chrome' ? chromeFlags : [],
    ...(kind === 'firefox' ? { extraPrefsFirefox: { 'intl.accept_languages': 'en' } } : {}),
  })
  return running[kind]
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const shots = 'out/screenshots'

/** Keeps pictures of a page, wide and narrow, light and dark, in either language, in which axe must find nothing serious. */
export async function picture({ page }, name) {
  mkdirSync(shots, { recursive: true })
  await page.setBypassCSP(true)
  for (const language of ['en', 'zh']) {
    for (const scheme of ['light', 'dark']) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }, { name: 'prefers-reduced-motion', value: 'reduce' }])
      for (const width of [1280, 360]) {
        await page.setViewport({ width, height: 740 })
        assert.deepEqual(await axeOn(page), [], `${name} ${language} ${scheme} ${width}`)
        await page.screenshot({ path: `${shots}/${name}-${language}-${scheme}-${width}.png` })
      }
    }
    await page.evaluate(() => document.querySelector('footer button').click())
    await page.evaluate(() => document.querySelector('snug-app').updateComplete)
  }
}

async function axeOn(page) {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  return violations.filter(v => v.impact === 'serious' || v.impact === 'critical')
    .map(v => `${v.id}: ${v.nodes.map(n => n.html).join(' ')}`)
}

/** Ends what a test left running. */
export async function closeAll() {
  for (const child of children) child.kill('SIGKILL')
  await Promise.all(Object.values(running).map(async b => (await b).close()))
}

/** Somebody in front of a browser of their own, or rather a context of one. */
export class Person {
  static async open(kind, url, name, { path = '', prepare } = {}) {
    const person = new Person()
    person.name = name
    person.kind = kind.kind ?? kind
    person.context = await (typeof kind === 'string' ? await browser(kind) : kind).createBrowserContext()
    person.page = await person.context.newPage()
    person.errors = []
    person.page.on('pageerror', error => person.errors.push(String(error)))
    await prepare?.(person.page)
    const home = new URL('/icon.svg', url)
    await person.page.goto(home.href)
    await person.page.evaluate(n => { localStorage.setItem('snug-name', n); localStorage.setItem('snug-language', 'en') }, name)
    const [address, key] = String(url).split('#')
    await person.page.goto(address + path + (key ? `#${key}` : ''))
    return person
  }

  role(role, name) {
    return this.page.locator(`::-p-aria(${name ? `[name="${name}"]` : ''}[role="${role}"])`).setTimeout(patience)
  }

  async says(text) {
    await this.role('textbox', 'Message').fill(text)
    await this.page.keyboard.press('Enter')
  }

  /** The text of an element that has a role, without waiting. */
  async text(selector) {
    return this.page.evaluate(s => document.querySelector(s)?.textContent ?? '', selector)
  }

  async hears(text) {
    await until(async () => (await this.text('[role=log]')).includes(text), async () => `${this.name} (${this.kind}) to hear ${text}; heard: ${await this.text('[role=log]')}`)
  }

  /** What lets others in, as the page shows it. */
  async invite() {
    await this.page.waitForSelector('input.link')
    return this.page.evaluate(() => document.querySelector('input.link').value)
  }

  /** Waits until exactly these are here, all connected, whichever way. */
  async sees(...names) {
    const want = names.map(n => `${n} connected`).sort().join(', ')
    let got = ''
    await until(async () => {
      got = (await this.page.evaluate(() => [...document.querySelectorAll('aside li')].slice(1).map(li => li.querySelector('.who').textContent.trim().replace(/\s+/g, ' ').replace(/ connected, .*/, ' connected')))).sort().join(', ')
      return got === want
    }, () => `${this.name} (${this.kind}) to see ${want}; sees ${got}`)
  }

  async close() {
    await this.context.close()
  }
}

/** A Go peer in the terminal, in line mode, with the same words as a Person. */
export class Gopher {
  static async open(_kind, url, name) {
    const gopher = new Gopher()
    gopher.name = name
    gopher.kind = 'go'
    gopher.errors = []
    gopher.program = run('chat', '--name', name, url)
    return gopher
  }

  async says(text) {
    this.program.child.stdin.write(text + '\n')
  }

  async hears(text) {
    await this.program.says(text)
  }

  async sees(...names) {
    for (const name of names) await until(() => this.program.notes.includes(`* ${name}: connected`), () => `${this.name} (go) to see ${name}: ${this.program.notes}`)
  }

  async close() {
    this.program.child.stdin.end()
    await this.program.exited
  }
}

export function openMember(kind, url, name) {
  return (kind === 'go' ? Gopher : Person).open(kind, url, name)
}
