// The page /doctor in both browsers: nothing is found on a sound hub, and each planted fault is.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { createServer as createHTTPServer, request as forward } from 'node:http'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { binary, closeAll, Person, picture, run, startHub, until } from './lab.js'
import { networkProxy } from './proxy.js'

const quick = ['--set', 'session.ping=1s', '--set', 'session.timeout=10s'] // silence is over soon
const secret = join(mkdtempSync(join(tmpdir(), 'snug-doctor-')), 'secret')
writeFileSync(secret, 'a secret of sixteen characters or more')

// An address that is no loopback, which browsers prefer for relays.
const address = Object.values(networkInterfaces()).flat().find(a => a.family === 'IPv4' && !a.internal)?.address ?? '127.0.0.1'

after(closeAll)

/** Opens the page and waits for its end. `found` are the checks that aren't fine, `lines` what each says. */
async function examine(kind, port, { path = '/doctor', prepare } = {}) {
  const person = await Person.open(kind, `http://127.0.0.1:${port}`, 'Ann', { path, prepare })
  await over(person)
  return person
}

async function over(person) {
  const read = () => person.page.evaluate(() => ({
    working: document.querySelector('.doctor button.primary')?.disabled ?? true,
    lines: Object.fromEntries([...document.querySelectorAll('.doctor li')].map(li => [li.dataset.id, [li.dataset.status, li.innerText.replaceAll(/\s+/g, ' ')]])),
    sum: document.querySelector('.sum')?.textContent ?? '',
  }))
  let got
  await until(async () => {
    got = await read()
    return !got.working && Object.keys(got.lines).length > 0
  }, () => `the end; now: ${JSON.stringify(got)}`)
  person.lines = got.lines
  person.sum = got.sum
  person.found = Object.keys(got.lines).filter(id => ['fail', 'warn'].includes(got.lines[id][0]))
}

const relayingAt = port => ['--turn', 'on', '--turn-address', address, '--set', `turn.listen=0.0.0.0:${port}`, ...quick]
const relaying = relayingAt(0)

for (const kind of ['chrome', 'firefox']) {
  test(`nothing is found on a sound hub (${kind})`, async () => {
    const hub = await startHub(0, ...relaying)
    const ann = await examine(kind, hub.port)
    assert.deepEqual(ann.found, [], JSON.stringify(ann.lines))
    assert.equal(ann.sum, 'Everything that could be tried is fine.')
    for (const id of ['hub', 'clock', 'websocket', 'http', 'join', 'path', 'stun', 'turn', 'turn-udp', 'turn-tcp', 'firewall', 'idle']) assert.equal(ann.lines[id]?.[0], 'ok', `${id}: ${ann.lines[id]}`)
    assert.match(ann.lines['turn-udp'][1], /relayed 1200 bytes there and back in \d+ ms\./)
    assert.deepEqual(ann.errors, [])
    await ann.close()
    await hub.kill()
  })

  test(`a TURN server that nothing listens at, and one with another secret (${kind})`, async () => {
    const [closed, open] = [await freePort(), await freePort()]
    const other = await startHub(0, ...relayingAt(open))
    const hub = await startHub(0, ...quick, '--set', `ice.servers=turn:${address}:${closed}?transport=tcp,turn:${address}:${open}?transport=udp`, '--set', `ice.secret_file=${secret}`)
    const ann = await examine(kind, hub.port)
    assert.deepEqual(ann.found, ['turn-udp', 'turn-tcp'], JSON.stringify(ann.lines))
    assert.match(ann.lines['turn-udp'][1], /doesn't take the password that the hub gives out\..*static-auth-secret/)
    assert.match(ann.sum, /have to be mended/)
    await ann.close()
    await hub.kill()
    await other.kill()
  })

  test(`no TURN, no upgrades, no requests, silence that is cut, and a clock that is off (${kind})`, async () => {
    const hub = await startHub(0, ...quick)
    const none = await examine(kind, hub.port)
    assert.deepEqual(none.found, ['stun', 'turn'])
    await none.close()

    const proxy = await networkProxy(hub.port)
    proxy.upgrades = 'refuse'
    const refused = await examine(kind, proxy.port)
    assert.deepEqual(refused.found, ['websocket', 'stun', 'turn'])
    assert.match(refused.lines['websocket'][1], /lets no upgrade pass.*proxy_set_header Upgrade/)
    await refused.close()
    proxy.close()

    const strict = await changing(hub.port, { post: 403 })
    const noRequests = await examine(kind, strict.address().port)
    assert.deepEqual(noRequests.found, ['http', 'stun', 'turn'])
    await noRequests.close()
    strict.close()

    const late = await changing(hub.port, { date: new Date(Date.now() - 3_600_000).toUTCString() })
    const ahead = await examine(kind, late.address().port)
    assert.deepEqual(ahead.found, ['clock', 'stun', 'turn'])
    assert.match(ahead.lines['clock'][1], /60 min ahead of the hub/)
    await ahead.close()
    late.close()
    await hub.kill()

    const slow = await startHub(0, '--set', 'session.ping=8s', '--set', 'session.timeout=20s')
    const cutting = await changing(slow.port, { cut: 3_000 })
    const cut = await examine(kind, cutting.address().port)
    assert.deepEqual(cut.found, ['stun', 'turn', 'idle'], JSON.stringify(cut.lines))
    assert.match(cut.lines['idle'][1], /A silent WebSocket connection is cut after 3 s; the hub gives a sign of life only every 8 s\./)
    await cut.close()
    cutting.close()
    await slow.kill()
  })
}

test('a hub with a certificate, and a TURN server over TLS whose certificate the browser doesn’t take', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'snug-doctor-'))
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1', '-subj', '/CN=snug.test',
    '-addext', 'subjectAltName=DNS:snug.test', '-keyout', join(dir, 'key.pem'), '-out', join(dir, 'cert.pem')], { stdio: 'ignore' })
  const hub = run('serve', '--listen', '127.0.0.1:0', ...relaying, '--tls-cert', join(dir, 'cert.pem'), '--tls-key', join(dir, 'key.pem'), '--set', `turn.host=${address}`)
  await hub.says('Ctrl-C')
  const ann = await Person.open('chrome', new URL(/https:\S+/.exec(hub.text)[0]).origin, 'Ann', { path: '/doctor' })
  await over(ann)
  assert.deepEqual(ann.found, ['turn-tls'], JSON.stringify(ann.lines))
  assert.match(ann.lines['turn-tls'][1], /or its certificate isn't good/)
  for (const id of ['https', 'http', 'websocket', 'turn-udp', 'turn-tcp']) assert.equal(ann.lines[id]?.[0], 'ok', `${id}: ${ann.lines[id]}`)
  await ann.close()
  await hub.kill()
})

test('a hub that asks for tokens', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'snug-doctor-'))
  const made = run('token', 'keygen', '--out', join(dir, 'backend'))
  await made.exited
  const hub = await startHub(0, ...relaying, '--token-keys', join(dir, 'backend.pub.pem'), '--set', 'auth.duplicates=refuse')
  const ann = await examine('chrome', hub.port)
  assert.deepEqual(ann.found, ['join'])
  const token = run('token', '--key', join(dir, 'backend.pem'), '--room', 'lobby', '--sub', 'ann')
  await token.exited
  await ann.role('textbox', 'Token').fill(token.text.trim())
  await ann.page.locator('.doctor form button').click()
  await until(async () => (await ann.page.evaluate(() => document.querySelector('.doctor button.primary').disabled)), 'the check to begin again')
  await over(ann)
  assert.deepEqual(ann.found, [], JSON.stringify(ann.lines))
  assert.equal(ann.lines['turn-udp'][0], 'ok')
  await ann.close()
  await hub.kill()
})

test('the page looks as it should', async () => {
  const hub = await startHub(0, ...quick, '--set', `ice.servers=turn:${address}:${await freePort()}`, '--set', `ice.secret_file=${secret}`)
  const ann = await examine('chrome', hub.port)
  await picture(ann, 'doctor')
  await ann.page.locator('a.home').click()
  await until(() => new URL(ann.page.url()).pathname === '/', () => `the start, not ${ann.page.url()}`)
  assert.deepEqual(ann.errors, [])
  await ann.close()
  await hub.kill()
})

test('the page leads here where the hub isn’t reached, and from a member that isn’t connected', async () => {
  const hub = await startHub(0, ...quick)
  const nobody = await freePort()
  const lost = await Person.open('chrome', `http://127.0.0.1:${hub.port}`, 'Ann', {
    path: '/r/lobby', prepare: page => page.evaluateOnNewDocument(port => {
      globalThis.WebSocket = class extends WebSocket { constructor(_url, protocol) { super(`ws://127.0.0.1:${port}`, protocol) } }
      globalThis.fetch = async () => { throw new TypeError('no network') }
    }, nobody),
  })
  await leads(lost, 'a.button')
  await lost.close()

  const apart = page => page.evaluateOnNewDocument(() => { // as if no network let anything through
    globalThis.RTCPeerConnection = class extends RTCPeerConnection { constructor(c) { super({ ...c, iceTransportPolicy: 'relay' }) } }
  })
  const [ann, bob] = await Promise.all(['Ann', 'Bob'].map(name => Person.open('chrome', `http://127.0.0.1:${hub.port}`, name, { path: '/r/apart', prepare: apart })))
  await leads(ann, 'aside .why a')
  await leads(bob, 'aside .why a')
  await ann.close()
  await bob.close()
  await hub.kill()
})

/** Waits for a link to the page. */
async function leads(person, selector) {
  const link = () => person.page.evaluate(s => [...document.querySelectorAll(s)].map(a => [a.textContent, a.getAttribute('href')]).find(([, href]) => href === '../doctor'), selector)
  for (let end = Date.now() + 60_000; !await link();) {
    if (Date.now() > end) assert.fail(`no link; the page says ${await person.text('body')}`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  assert.deepEqual(await link(), ['Find out why', '../doctor'])
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address()
  server.close()
  return port
}

/** A proxy before a hub: it may answer POST with a status, say another date, or cut a silent WebSocket after so many ms. */
async function changing(port, { post, date, cut }) {
  const server = createHTTPServer((request, response) => {
    if (post && request.method === 'POST') {
      request.resume()
      response.writeHead(post).end()
      return
    }
    const { method, url, headers } = request
    const upstream = forward({ host: '127.0.0.1', port, method, path: url, headers }, answer => {
      const said = { ...answer.headers, ...(date ? { date } : {}) }
      response.writeHead(answer.statusCode, said)
      answer.pipe(response)
    })
    upstream.on('error', () => response.destroy())
    response.on('close', () => upstream.destroy())
    request.pipe(upstream)
  })
  server.on('upgrade', (request, socket, head) => {
    const upstream = forward({ host: '127.0.0.1', port, path: request.url, headers: request.headers })
    upstream.on('upgrade', (answer, hub, first) => {
      const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`]
      for (let i = 0; i < answer.rawHeaders.length; i += 2) lines.push(`${answer.rawHeaders[i]}: ${answer.rawHeaders[i + 1]}`)
      socket.write(lines.join('\r\n') + '\r\n\r\n')
      socket.write(first)
      hub.write(head)
      let timer
      const passed = () => {
        clearTimeout(timer)
        if (cut) timer = setTimeout(() => { socket.destroy(); hub.destroy() }, cut)
      }
      passed()
      for (const [from, to] of [[socket, hub], [hub, socket]]) {
        from.on('data', data => { passed(); to.write(data) })
        from.on('close', () => { clearTimeout(timer); to.destroy() })
        from.on('error', () => to.destroy())
      }
    })
    upstream.on('error', () => socket.destroy())
    upstream.end()
  })
  server.listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  return server
}

binary() // built before the first test, which has less patience
