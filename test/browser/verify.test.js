// Who is who in rooms with a key: people compare emoji, in both browsers and the terminal, and a changed key is shown.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { closeAll, openMember, picture, run, startHub, until } from './lab.js'

let hub
before(async () => { hub = await startHub() })
after(async () => {
  await hub.kill()
  await closeAll()
})

async function newInvite() {
  const drawn = run('room', 'new', `http://localhost:${hub.port}`)
  await drawn.exited
  return drawn.text.trim()
}

/** What a page says of somebody's standing. */
const standing = (person, name) => person.page.evaluate(name => [...document.querySelectorAll('aside li')].find(li => li.querySelector('b').textContent === name)?.querySelector('.standing, .changed')?.textContent ?? '', name)
const stands = (person, name, want) => until(async () => await standing(person, name) === want, async () => `${person.name} (${person.kind}) to see ${name} ${want}; sees “${await standing(person, name)}”`)

const shown = person => person.page.evaluate(() => [...document.querySelectorAll('.emoji li')].map(li => li.textContent.trim().replace(/\s+/g, ' ')))
const press = (person, name) => person.role('button', name).click()

/** What a terminal is told beside messages. */
const told = (gopher, text) => until(() => gopher.program.notes.includes(text), () => `${gopher.name} to be told ${text}; was told: ${gopher.program.notes}`)

/** The emoji of a page's dialog, once it has them. */
async function emojiOf(person) {
  await until(async () => (await shown(person)).length === 7, `${person.name} (${person.kind}) to see emoji`)
  return shown(person)
}

for (const kind of ['chrome', 'firefox']) {
  test(`${kind} and a terminal verify each other, whoever begins`, async () => {
    const invite = await newInvite()
    const ann = await openMember(kind, invite, 'Ann')
    const bob = await openMember('go', invite, 'Bob')
    await stands(ann, 'Bob', 'not verified')
    await press(ann, 'Verify Bob')
    await told(bob, 'Ann wants to compare emoji with you')
    await bob.says('/verify Ann')
    const seen = await emojiOf(ann)
    for (const emoji of seen) await told(bob, `  ${emoji} `)
    if (kind === 'chrome') await picture(ann, 'verify')
    await press(ann, 'They match')
    await bob.says('/match')
    await told(bob, 'Ann is verified')
    await until(async () => (await ann.text('snug-verify dialog')).includes('Bob is verified'), 'to be told')
    await press(ann, 'Close')
    await stands(ann, 'Bob', 'verified')

    // After a reload Ann is another session with the same key, and somebody is asked who doesn't want to.
    await ann.page.reload()
    await stands(ann, 'Bob', 'verified')
    await bob.says('/verify Ann')
    await until(async () => (await ann.text('snug-verify dialog')).includes('Bob wants to compare'), 'to be asked')
    await press(ann, 'Compare')
    const again = await emojiOf(ann)
    assert.notDeepEqual(again, seen)
    await press(ann, 'They don’t')
    await until(async () => (await ann.text('snug-verify dialog')).includes('Don’t trust this link'), 'to be warned')
    await press(ann, 'Close')
    await bob.says('/match')
    await told(bob, 'The emoji differ')
    assert.deepEqual(ann.errors, [])
    await ann.close()
    await bob.close()
  })
}

test('chrome and firefox verify each other; another key under a name is shown plainly', async () => {
  const invite = await newInvite()
  const ann = await openMember('chrome', invite, 'Ann')
  const bob = await openMember('firefox', invite, 'Bob')
  await stands(bob, 'Ann', 'not verified')
  await stands(ann, 'Bob', 'not verified')
  await press(bob, 'Verify Ann')
  await until(async () => (await ann.text('snug-verify dialog')).includes('Bob wants to compare'), 'to be asked')
  await press(ann, 'Compare')
  assert.deepEqual(await emojiOf(ann), await emojiOf(bob))
  await press(ann, 'They match')
  await press(bob, 'They match')
  await stands(ann, 'Bob', 'verified')
  await stands(bob, 'Ann', 'verified')
  await press(ann, 'Close')

  const other = await openMember('go', invite, 'Bob')
  await until(async () => (await ann.text('aside')).includes('Somebody with another key had this name before. Verify who it is.'), 'the other Bob to be shown as such')
  await picture(ann, 'changed')
  await other.close()
  await bob.page.reload()
  await stands(ann, 'Bob', 'verified')
  assert.deepEqual([...ann.errors, ...bob.errors], [])
  await ann.close()
  await bob.close()
})
