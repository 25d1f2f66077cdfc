// Rooms with a key, in both browsers and the terminal: what the hub gets to see of them, where the key may be found, and what
// people are told who come without it.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { browser, closeAll, openMember, Person, picture, run, startHub, until } from './lab.js'
import { recordingProxy } from './proxy.js'

let hub
before(async () => { hub = await startHub() })
after(async () => {
  await hub.kill()
  await closeAll()
})

/** A fresh invite, by way of another port. */
async function newInvite(port = hub.port, ...flags) {
  const drawn = run('room', 'new', ...flags, `http://localhost:${port}`)
  await drawn.exited
  return drawn.text.trim()
}

const alert = person => until(() => person.text('[role=alert]'), `${person.name} to be told what is wrong`)

/** Everything that a page keeps where others could find it. */
async function traces(person) {
  return person.page.evaluate(() => JSON.stringify([
    location.href, document.title, document.referrer, { ...localStorage }, { ...sessionStorage }, document.cookie,
    [...document.querySelectorAll('*')].flatMap(e => [...e.attributes].map(a => a.value)),
    performance.getEntriesByType('resource').map(e => e.name), performance.getEntriesByType('navigation').length,
  ]))
}

test('chrome, firefox and a terminal talk, and the hub learns nothing', async () => {
  const proxy = await recordingProxy(hub.port)
  const invite = await newInvite(proxy.port)
  const [, key] = invite.split('#')
  const all = []
  const logged = []
  for (const kind of ['chrome', 'firefox', 'go']) {
    all.push(await openMember(kind, invite, `Nemo-${kind}`))
    all.at(-1).page?.on('console', message => logged.push(message.text()))
  }
  for (const one of all) await one.sees(...all.filter(o => o !== one).map(o => o.name))
  for (const one of all) {
    await one.says(`xyzzy-${one.kind}`)
    for (const other of all) if (other !== one) await other.hears(`xyzzy-${one.kind}`)
  }
  for (const one of all.filter(o => o.page)) {
    assert.equal(await one.text('.seal'), 'sealed')
    assert.equal(await one.invite(), invite)
    assert.ok(!(await traces(one)).includes(key), `${one.kind} keeps the key where it may be found`)
    await one.page.reload()
    await one.sees(...all.filter(o => o !== one).map(o => o.name))
    assert.ok(!(await traces(one)).includes(key), `${one.kind}, after a reload, keeps the key where it may be found`)
  }
  assert.deepEqual(all.flatMap(o => o.errors), [])
  await Promise.all(all.map(m => m.close()))
  proxy.close()
  const said = proxy.said.join('\n')
  const seen = said + '\n' + said.replaceAll(/"data":"([\w-]+)"/g, (_, data) => Buffer.from(data, 'base64url').toString('latin1'))
  for (const proof of ['"hello"', '"welcome"', '"sealed"', '"kind":"browser"', '/v1/rooms/~']) assert.ok(seen.includes(proof), `the proxy saw no ${proof}: it sees nothing`)
  for (const secret of ['Nemo', 'xyzzy', 'offer', 'answer', 'candidate', 'fingerprint', 'm=application', 'ufrag', 'typ host', key, key.slice(0, 12)]) {
    assert.ok(!seen.includes(secret), `the hub saw ${secret}`)
  }
  assert.ok(!logged.join().includes(key), 'the key was logged')
})

test('an invite without its key, with another’s, or damaged, in both languages', async () => {
  const invite = await newInvite()
  const [link, key] = invite.split('#')
  const [, other] = (await newInvite()).split('#')
  for (const [url, english, chinese] of [
    [link, /lacks its key.*whole link/, /缺少密钥/],
    [`${link}#${other}`, /don’t belong together/, /不匹配/],
    [`http://localhost:${hub.port}/r/lobby#${key}`, /don’t belong together/, /不匹配/],
    [`${link}#${key.slice(1)}`, /is damaged/, /已损坏/],
  ]) {
    const ann = await Person.open('chrome', url, 'Ann')
    assert.match(await alert(ann), english)
    await ann.page.evaluate(() => document.querySelector('footer button').click())
    await until(async () => chinese.test(await ann.text('[role=alert]')), async () => `${chinese}, not ${await ann.text('[role=alert]')}`)
    for (const secret of [key, key.slice(1), other]) assert.ok(!(await traces(ann)).includes(secret))
    assert.deepEqual(ann.errors, [])
    if (url === link) {
      await picture(ann, 'no-key')
      await ann.page.evaluate(whole => { location.href = whole }, invite) // the whole link is pasted over it
      assert.equal(await ann.invite(), invite)
      assert.ok(!(await traces(ann)).includes(key))
    }
    await ann.close()
  }
})

test('who has no key is seen, and nothing is said to it', async () => {
  const invite = await newInvite()
  const ann = await Person.open('chrome', invite, 'Ann')
  const bob = await openMember('go', invite, 'Bob')
  await ann.sees('Bob')
  const Socket = globalThis.WebSocket ?? createRequire(createRequire(import.meta.url).resolve('puppeteer-core'))('ws')
  const socket = new Socket(invite.split('#')[0].replace('http', 'ws').replace('/r/', '/v1/rooms/'), 'snug.v1')
  await once(socket, 'open').catch(() => new Promise(resolve => socket.addEventListener('open', resolve)))
  const heard = []
  socket.addEventListener('message', event => heard.push(String(event.data)))
  socket.send(JSON.stringify({ type: 'hello', secret: Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url'), name: 'Bob', kind: 'go' }))
  await until(async () => /Somebody.*can’t prove that it has this room’s key/.test(await ann.text('aside ul')), async () => `a stranger: ${await ann.text('aside ul')}`)
  await until(() => bob.program.notes.includes('can\'t prove that it has the room\'s key'), () => `Bob to be told: ${bob.program.notes}`)
  await ann.says('for Bob alone')
  await bob.hears('for Bob alone')
  assert.ok(!(await ann.page.evaluate(() => document.querySelector('.composer [role=alert]'))), 'it is no problem')
  await picture(ann, 'stranger')
  socket.close(1000)
  await ann.sees('Bob')
  assert.ok(!heard.some(text => text.includes('"type":"signal"')), 'the stranger was told something')
  await Promise.all([ann.close(), bob.close()])
})

test('on plain HTTP away from localhost rooms are open, and it is said why', async () => {
  const own = await startHub(0, '--set', 'hosts=hub.test')
  const site = `http://hub.test:${own.port}`
  const ann = await Person.open('chrome', `${site}/`, 'Ann')
  await until(async () => /without a key.*https:\/\//.test(await ann.text('main')), 'the reason')
  await ann.role('button', 'Create a room').click()
  assert.match(await ann.invite(), /\/r\/[a-z2-7-]{14}$/)
  assert.equal(await ann.text('.seal'), 'open')
  assert.match(await ann.text('snug-invite'), /no key/)
  await ann.close()
  const sealed = (await newInvite(own.port)).replace('localhost', 'hub.test')
  const bob = await Person.open('chrome', sealed, 'Bob')
  assert.match(await alert(bob), /only at https:\/\/ and on localhost/)
  await bob.close()
  await own.kill()
})

for (const kind of ['chrome', 'firefox']) {
  test(`a page of another origin, in ${kind}, enters a sealed room with the SDK`, async () => {
    const site = createServer((_, response) => response.end('<!doctype html>')).listen(0, '127.0.0.1')
    await once(site, 'listening')
    const invite = await newInvite()
    const ann = await openMember('go', invite, 'Ann')
    const page = await (await browser(kind)).newPage()
    await page.goto(`http://localhost:${site.address().port}/`)
    const found = await page.evaluate(async (sdk, to) => {
      const { join, newInvite } = await import(sdk)
      const room = globalThis.room = await join(to, { name: 'Site', meta: { x: 1 } })
      return { sealed: room.sealed, invite: room.invite, name: room.self.name, drawn: await newInvite('https://hub.example') }
    }, new URL('/sdk.js', invite).href, invite)
    assert.match(found.drawn, /^https:\/\/hub\.example\/r\/~[\w-]{22}#[\w-]{43}$/)
    assert.deepEqual({ ...found, drawn: '' }, { sealed: true, invite, name: 'Site', drawn: '' })
    await ann.sees('Site')
    await page.close()
    await ann.close()
    site.close()
  })
}
