// The page as people use it: what it says when something is wrong, by keyboard
// alone, in both languages and schemes, and what the hub gets to see of a conversation.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { browser, closeAll, openMember, Person, picture, run, startHub, until } from './lab.js'
import { recordingProxy } from './proxy.js'

let hub
before(async () => {
  hub = await startHub()
})
after(async () => {
  await hub.kill()
  await closeAll()
})

let rooms = 0
const newRoom = (port = hub.port) => `http://localhost:${port}/r/page-${++rooms}`

async function alert(person) {
  return until(() => person.text('[role=alert]'), `${person.name} to be told what is wrong`)
}

test('no chat text passes the hub', async () => {
  const proxy = await recordingProxy(hub.port)
  const url = newRoom(proxy.port)
  const all = []
  for (const kind of ['chrome', 'firefox', 'go']) all.push(await openMember(kind, url, `N-${kind}`))
  for (const one of all) await one.sees(...all.filter(o => o !== one).map(o => o.name))
  const secrets = []
  for (const one of all) {
    const secret = `xyzzy-${one.kind}-机密`
    secrets.push(secret)
    await one.says(secret)
    for (const other of all) if (other !== one) await other.hears(secret)
  }
  await Promise.all(all.map(m => m.close()))
  proxy.close()
  const said = proxy.said.join('\n')
  for (const proof of ['"hello"', '"welcome"', '"offer"', '"answer"', '"candidates"', 'N-firefox']) {
    assert.ok(said.includes(proof), `the proxy saw no ${proof}: it sees nothing`)
  }
  for (const secret of secrets) {
    assert.ok(!said.includes(secret) && !said.includes(Buffer.from(secret).toString('base64')), `the hub saw ${secret}`)
  }
  assert.ok(!said.includes('xyzzy'))
})

test('axe finds nothing serious, in either language or scheme', async () => {
  const url = newRoom()
  const ann = await Person.open('chrome', url, 'Ann')
  const bob = await Person.open('chrome', url, '小明')
  await bob.sees('Ann')
  await bob.says('Hello 你好 https://example.org')
  await ann.hears('https://example.org')
  const start = await Person.open('chrome', `http://localhost:${hub.port}/`, 'Ann')
  const wrong = await Person.open('chrome', `http://localhost:${hub.port}/r/a%20b`, 'Ann')
  await alert(wrong)
  for (const [view, person] of Object.entries({ room: ann, start, wrong })) await picture(person, view)
  await Promise.all([ann, bob, start, wrong].map(p => p.close()))
})

for (const kind of ['chrome', 'firefox']) {
  test(`the whole flow by keyboard alone, in ${kind}`, async () => {
    const ann = await Person.open(kind, `http://localhost:${hub.port}/`, 'Ann')
    const reach = async (name, key = ['Tab']) => {
      await until(async () => {
        const focused = await ann.page.evaluate(() => document.hasFocus() && document.activeElement.textContent.trim())
        if (focused === name) return true
        for (const k of key) await ann.page.keyboard.down(k)
        for (const k of key) await ann.page.keyboard.up(k)
        return false
      }, `${key.join('+')} to reach ${name}`)
    }
    const back = ['Shift', 'Tab'] // past the page's last element Firefox goes on to its own toolbar
    await reach('Create a room')
    await ann.page.keyboard.press('Enter')
    await until(() => /\/r\/~[\w-]{22}$/.test(ann.page.url()), 'a room')
    await ann.role('textbox', 'Message').wait()
    await until(async () => (await ann.page.evaluate(() => document.activeElement?.getAttribute('aria-label'))) === 'Message', 'the composer to have the focus')
    const bot = run('bot', 'echo', await ann.invite())
    await ann.sees('echo')
    await ann.page.keyboard.type('typed')
    await ann.page.keyboard.down('Shift')
    await ann.page.keyboard.press('Enter')
    await ann.page.keyboard.up('Shift')
    await ann.page.keyboard.type('in two lines')
    await ann.page.keyboard.press('Enter')
    await ann.hears('echo: typed\nin two lines')
    await reach('Show QR code', back)
    await ann.page.keyboard.press('Enter')
    await until(() => ann.page.evaluate(() => document.querySelector('dialog').open), 'the QR code')
    await ann.page.keyboard.press('Escape')
    await until(() => ann.page.evaluate(() => !document.querySelector('dialog').open), 'the QR code to close')
    await reach('Copy invite', back)
    await ann.page.keyboard.press('Enter')
    await until(async () => (await ann.text('snug-invite [role=status]')).includes('Copied'), 'the invite to be copied')
    await reach('Leave', back)
    await ann.page.keyboard.press('Enter')
    await until(async () => (await ann.text('main')).includes('You left'), 'the end')
    await reach('Join again')
    await ann.page.keyboard.press('Enter')
    await ann.sees('echo')
    assert.deepEqual(ann.errors, [])
    await ann.close()
    await bot.kill()
  })
}

test('a new name comes in anew', async () => {
  const url = newRoom()
  const ann = await Person.open('chrome', url, 'Ann')
  const bob = await Person.open('chrome', url, 'Bob')
  await bob.sees('Ann')
  await ann.role('textbox', 'Your name').fill('Anna')
  await ann.role('button', 'Save').click()
  await bob.sees('Anna')
  await ann.sees('Bob')
  await Promise.all([ann.close(), bob.close()])
})

test('a room name out of the alphabet', async () => {
  const ann = await Person.open('chrome', `http://localhost:${hub.port}/r/caf%C3%A9`, 'Ann')
  assert.match(await alert(ann), /name can’t be.*A-Z/)
  await ann.close()
})

test('a full room', async () => {
  const url = newRoom()
  const sockets = Array.from({ length: 64 }, () => {
    const socket = new (globalThis.WebSocket ?? ws())(url.replace('http', 'ws').replace('/r/', '/v1/rooms/'), 'snug.v1')
    return socket
  })
  await Promise.all(sockets.map(async socket => {
    await once(socket, 'open').catch(() => new Promise(resolve => socket.addEventListener('open', resolve)))
    const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
    const welcomed = new Promise(resolve => socket.addEventListener('message', resolve))
    socket.send(JSON.stringify({ type: 'hello', secret, kind: 'test' }))
    await welcomed
  }))
  const ann = await Person.open('chrome', url, 'Ann')
  assert.match(await alert(ann), /This room is full/)
  for (const socket of sockets) socket.close(1000)
  await until(async () => {
    await ann.page.evaluate(() => [...document.querySelectorAll('button')].find(b => b.textContent === 'Try again')?.click())
    return (await ann.text('[role=log]')).includes('first here')
  }, 'the room to have a place again')
  await ann.close()
})

function ws() {
  return createRequire(createRequire(import.meta.url).resolve('puppeteer-core'))('ws')
}

test('a page without WebRTC', async () => {
  const ann = await Person.open('chrome', newRoom(), 'Ann', {
    prepare: page => page.evaluateOnNewDocument(() => { delete globalThis.RTCPeerConnection }),
  })
  assert.match(await alert(ann), /no WebRTC.*Firefox, Chromium/)
  await ann.close()
})

test('a hub that is gone', async () => {
  const own = await startHub()
  const ann = await Person.open('chrome', own.invite, 'Ann')
  await until(async () => (await ann.text('[role=log]')).includes('first here'), 'the room')
  await ann.page.evaluate(() => [...document.querySelectorAll('button')].find(b => b.textContent === 'Leave').click())
  await until(async () => (await ann.text('main')).includes('You left'), 'the end')
  await own.kill('SIGKILL')
  await ann.role('button', 'Join again').click()
  assert.match(await alert(ann), /can’t be reached.*network/)
  const again = await startHub(own.port)
  await ann.role('button', 'Try again').click()
  await until(async () => (await ann.text('[role=log]')).includes('first here'), 'the room')
  await ann.close()
  await again.kill()
})

// A page of another origin that imports the SDK from the hub, as a developer's would.
async function site(host, hubPort) {
  const server = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html')
    response.end(`<!doctype html><title>site</title><script type="module">
      import { join } from 'http://localhost:${hubPort}/sdk.js'
      try {
        const room = await join('http://localhost:${hubPort}/r/site', { name: 'Site' })
        room.addEventListener('message', ({ data, member }) => { document.title = member.name + ': ' + data })
        room.addEventListener('members', () => room.broadcast('Hello from a site'))
      } catch (error) { document.title = error.code + ': ' + error.message }
    </script>`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://${host}:${server.address().port}/`, close: () => server.close() }
}

for (const kind of ['chrome', 'firefox']) {
  test(`a page of another origin imports the SDK, in ${kind}`, async () => {
    const own = await startHub()
    const local = await site('localhost', own.port)
    const page = await (await browser(kind)).newPage()
    await page.goto(local.url)
    const gopher = await openMember('go', `http://localhost:${own.port}/r/site`, 'Gopher')
    await gopher.sees('Site')
    await page.close()
    await gopher.close()
    local.close()
    await own.kill()
  })
}

test('a foreign page is refused, and told which setting lets it in', async () => {
  const foreign = await site('elsewhere.test', hub.port)
  const page = await (await browser('chrome')).newPage()
  const logged = []
  page.on('console', message => logged.push(message.text()))
  await page.goto(foreign.url)
  await until(async () => /^origin: .*--origin/.test(await page.title()), async () => `the refusal; the title is ${await page.title()}; the console ${logged}`)
  const flag = `--origin ${new URL(foreign.url).origin}`
  assert.ok((await page.title()).includes(flag))
  assert.ok(logged.some(text => text.includes(flag)), 'the console names the flag')
  await page.close()
  foreign.close()
})
