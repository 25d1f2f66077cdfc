// The page behind nginx and below a path, with the recipe that is in packaging.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { closeAll, Person, startHub, until } from './lab.js'

const name = 'snug.test' // which the browsers find on this machine

let hub
let proxy
let site

before(async () => {
  hub = await startHub(0, '--proxy', '127.0.0.1') // as docs/proxies.md says
  const port = await freePort()
  proxy = startProxy(port, hub.port)
  site = `https://${name}:${port}`
  await until(() => answers(port), () => `nginx to answer: ${proxy.notes}`)
})
after(async () => {
  proxy.child.kill('SIGTERM')
  await proxy.exited
  await hub.kill()
  await closeAll()
})

function startProxy(port, hubPort) {
  const dir = mkdtempSync(join(tmpdir(), 'snug-nginx-'))
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1',
    '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')], { stdio: 'ignore' })
  let recipe = readFileSync('packaging/nginx-subpath.conf', 'utf8')
  for (const [old, now] of [
    ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
    ['listen [::]:443 ssl;', ''],
    ['/etc/letsencrypt/live/example.org/fullchain.pem', 'cert.pem'],
    ['/etc/letsencrypt/live/example.org/privkey.pem', 'key.pem'],
    ['server_name example.org;', `server_name ${name};`],
    ['127.0.0.1:8080', `127.0.0.1:${hubPort}`],
  ]) {
    assert.ok(recipe.includes(old), `the recipe holds no ${old}`)
    recipe = recipe.replaceAll(old, now)
  }
  writeFileSync(join(dir, 'snug.conf'), recipe)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(what => `${what}_temp_path ${what};`)
  const user = process.getuid() === 0 ? 'user root;' : ''
  writeFileSync(join(dir, 'nginx.conf'), `${user} daemon off; pid nginx.pid; events {} http { access_log off; ${temporary.join(' ')} include snug.conf; }`)
  const child = spawn('nginx', ['-p', dir, '-c', 'nginx.conf', '-e', 'stderr'], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } })
  const program = { child, notes: '', exited: once(child, 'exit') }
  child.stderr.on('data', data => { program.notes += data })
  return program
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

function answers(port) {
  return new Promise(resolve => {
    get({ host: '127.0.0.1', port, path: '/snug/', headers: { host: name }, rejectUnauthorized: false }, answer => {
      answer.resume()
      resolve(answer.statusCode === 200)
    }).on('error', () => resolve(false))
  })
}

async function arrives(person) {
  await until(() => person.page.url().includes('/r/'), () => `a room, not ${person.page.url()}`)
  await person.page.waitForSelector('input.link')
}

test('two browsers talk through nginx, below a path', async () => {
  const ann = await Person.open('chrome', `${site}/snug`, 'Ann') // which is led on to /snug/
  await ann.role('button', 'Create a room').click()
  await arrives(ann)
  const invite = await ann.invite()
  assert.match(invite, new RegExp(`^${site}/snug/r/~[\\w-]{22}#[\\w-]{43}$`))
  assert.equal(ann.page.url(), invite.split('#')[0])
  const bob = await Person.open('chrome', invite, 'Bob')
  await ann.sees('Bob')
  await bob.sees('Ann')
  await ann.says('hello below a path')
  await bob.hears('hello below a path')
  await bob.says('hello back')
  await ann.hears('hello back')

  const typed = await Person.open('chrome', `${site}/snug/`, 'Cem')
  await typed.role('textbox', 'Invite').fill(invite)
  await typed.role('button', 'Join').click()
  await arrives(typed)
  await typed.sees('Ann', 'Bob')
  await typed.page.locator('a.home').click()
  await until(() => typed.page.url() === `${site}/snug/`, () => `the start, not ${typed.page.url()}`)
  assert.deepEqual([...ann.errors, ...bob.errors, ...typed.errors], [])
  await Promise.all([ann, bob, typed].map(p => p.close()))
})
