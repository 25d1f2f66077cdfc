// Who may enter a hub that asks for tokens, what they may do there, and what they are told otherwise.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { binary, browser, closeAll, patience, Person, picture, startHub, until } from './lab.js'

const key = join(mkdtempSync(join(tmpdir(), 'snug-')), 'key')
let hub
before(async () => {
  execFileSync(binary(), ['token', 'keygen', '--out', key], { stdio: 'ignore' })
  hub = await startHub(0, '--token-keys', `${key}.pub.pem`, '--set', 'auth.duplicates=refuse')
})
after(async () => {
  await hub.kill()
  await closeAll()
})

let rooms = 0
const newRoom = () => `tokens-${++rooms}`
const at = room => `http://localhost:${hub.port}/r/${room}`
const mint = (room, sub, ...flags) => execFileSync(binary(), ['token', '--key', `${key}.pem`, '--room', room, '--sub', sub, ...flags]).toString().trim()
const told = person => until(() => person.text('[role=alert]'), `${person.name} to be told`)
const has = (person, selector, text) => until(async () => (await person.text(selector)).includes(text), async () => `${person.name} to see ${text}; it is: ${await person.text(selector)}`)

/** Shows a token to the page that asks for one. */
async function enter(person, token) {
  await person.page.locator('input[aria-label=Token]').setTimeout(patience).fill(token) // what hides its text has no role
  await person.role('button', 'Join').click()
}

test('who has no token is told so, and can show one; who may, locks the room and puts somebody out', async () => {
  const room = newRoom()
  const ann = await Person.open('chrome', at(room), 'Ann')
  assert.match(await told(ann), /lets nobody in without a token/)
  await picture(ann, 'token')
  await enter(ann, mint(room, 'ann', '--permission', 'kick', '--permission', 'lock'))
  await has(ann, '[role=log]', 'first here')
  assert.ok(!ann.page.url().includes('eyJ'), 'the token stands in no URL')
  const bob = await Person.open('chrome', at(room), 'Bob')
  await enter(bob, mint(room, 'bob'))
  await ann.sees('Bob')
  await bob.sees('Ann')
  assert.equal(await bob.text('.kick'), '', 'Bob may put nobody out')

  await ann.role('button', 'Lock').click()
  await has(bob, '.tag', 'locked')
  await picture(ann, 'locked')
  const cem = await Person.open('chrome', at(room), 'Cem')
  await enter(cem, mint(room, 'cem'))
  await has(cem, '[role=alert]', 'This room is locked')
  await picture(cem, 'refused-locked')
  await ann.role('button', 'Unlock').click()
  await until(async () => await bob.text('.tag') === '', 'the room to be unlocked')
  await cem.role('button', 'Try again').click()
  await ann.sees('Bob', 'Cem')

  await ann.role('button', 'Put Bob out').click()
  assert.match(await told(bob), /put out/)
  await picture(bob, 'kicked')
  await ann.sees('Cem')
  const again = await Person.open('firefox', at(room), 'Bob')
  await enter(again, mint(room, 'bob')) // a token of his own making would do, but not the one that was put out
  await ann.sees('Bob', 'Cem')
  assert.deepEqual([ann, bob, cem].flatMap(p => p.errors), [])
  await Promise.all([ann, bob, cem, again].map(p => p.close()))
})

test('an identity that is there already', async () => {
  const room = newRoom()
  const ann = await Person.open('chrome', at(room), 'Ann')
  await told(ann)
  await enter(ann, mint(room, 'ann'))
  await has(ann, '[role=log]', 'first here')
  const twin = await Person.open('chrome', at(room), 'Twin')
  await told(twin)
  await enter(twin, mint(room, 'ann'))
  await has(twin, '[role=alert]', 'You are in this room already')
  await picture(twin, 'refused-duplicate')
  await Promise.all([ann, twin].map(p => p.close()))
})

for (const [what, token] of [['for another room', room => mint(`${room}-not`, 'ann')], ['that is none', () => 'abc']]) {
  test(`a token ${what}`, async () => {
    const room = newRoom()
    const ann = await Person.open('chrome', at(room), 'Ann')
    await told(ann)
    await enter(ann, token(room))
    await has(ann, '[role=alert]', 'lets nobody in without a token')
    await ann.close()
  })
}

/** A page that uses the SDK; mint() gives it tokens. */
async function sdkPage(kind, room, flags) {
  const page = await (await browser(kind)).newPage()
  let minted = 0
  await page.exposeFunction('mint', () => { minted++; return mint(room, `page-${kind}`, ...flags) })
  await page.goto(`http://localhost:${hub.port}/icon.svg`)
  return { page, minted: () => minted }
}

for (const kind of ['chrome', 'firefox']) {
  test(`a token is renewed before it expires, and the session goes on, in ${kind}`, async () => {
    const room = newRoom()
    const { page, minted } = await sdkPage(kind, room, ['--expires', '4s'])
    const states = await page.evaluate(async invite => {
      const { join } = await import('/sdk.js')
      const room = await join(invite, { name: 'page', token: () => globalThis.mint() })
      const states = [room.hub.state]
      room.addEventListener('hub', () => states.push(room.hub.state))
      await new Promise(resolve => setTimeout(resolve, 9_000)) // more than two tokens last
      await room.leave()
      return states
    }, at(room))
    assert.deepEqual([...new Set(states)], ['connected', 'closed'])
    assert.ok(minted() >= 3, `${minted()} tokens`)
    await page.close()
  })
}

test('who may not, is told so and stays', async () => {
  const room = newRoom()
  const { page } = await sdkPage('chrome', room, [])
  const found = await page.evaluate(async invite => {
    const { join } = await import('/sdk.js')
    const room = await join(invite, { name: 'page', token: () => globalThis.mint() })
    const refused = (await Promise.allSettled([room.lock(), room.kick(room.self.id)])).map(r => r.reason?.code)
    const found = { refused, permissions: room.permissions, identity: room.self.identity, state: room.hub.state }
    await room.leave()
    return found
  }, at(room))
  assert.deepEqual(found, { refused: ['forbidden', 'forbidden'], permissions: ['join'], identity: 'page-chrome', state: 'connected' })
  await page.close()
})

test('who may, hears what became of it', async () => {
  const room = newRoom()
  const { page } = await sdkPage('chrome', room, ['--permission', 'kick', '--permission', 'lock'])
  const found = await page.evaluate(async invite => {
    const { join } = await import('/sdk.js')
    const room = await join(invite, { name: 'page', token: () => globalThis.mint() })
    const holds = await room.kick('A'.repeat(22))
    await room.lock()
    await room.lock() // nothing changes
    await new Promise(resolve => { if (room.locked) resolve(); else room.addEventListener('locked', resolve) })
    const found = { holds, permissions: room.permissions, locked: room.locked }
    await room.leave()
    return found
  }, at(room))
  assert.deepEqual(found, { holds: 'nothing', permissions: ['join', 'kick', 'lock'], locked: true })
  await page.close()
})
