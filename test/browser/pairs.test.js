// Every pair of members, in both join orders, hears each other, also without the hub.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { closeAll, openMember, startHub } from './lab.js'

const pairs = [
  ['chrome', 'chrome'], ['firefox', 'firefox'], ['chrome', 'firefox'], ['firefox', 'chrome'],
  ['chrome', 'go'], ['go', 'chrome'], ['firefox', 'go'], ['go', 'firefox'], ['go', 'go'],
]

let hub
before(async () => { hub = await startHub() })
after(async () => {
  await hub.kill()
  await closeAll()
})

let rooms = 0
const newRoom = () => `http://localhost:${hub.port}/r/pairs-${++rooms}`

for (const [first, second] of pairs) {
  test(`${first}, then ${second}`, async () => {
    const url = newRoom()
    const ann = await openMember(first, url, 'Ann')
    if (first === 'go') await ann.program.child.stdin.write('\n')
    const bob = await openMember(second, url, 'Bob')
    await ann.sees('Bob')
    await bob.sees('Ann')
    await ann.says('hello from Ann 你好')
    await bob.hears('hello from Ann 你好')
    await bob.says('hello from Bob 👋')
    await ann.hears('hello from Bob 👋')
    assert.deepEqual([...ann.errors, ...bob.errors], [])
    await bob.close()
    await ann.close()
  })
}

test('five in one room hear each other', async () => {
  const url = newRoom()
  const kinds = ['chrome', 'firefox', 'go', 'chrome', 'go']
  const all = []
  for (const [i, kind] of kinds.entries()) all.push(await openMember(kind, url, `M${i}`))
  for (const one of all) await one.sees(...all.filter(o => o !== one).map(o => o.name))
  for (const [i, one] of all.entries()) {
    await one.says(`this is ${i}`)
    for (const other of all) if (other !== one) await other.hears(`this is ${i}`)
  }
  await Promise.all(all.map(m => m.close()))
})

for (const kinds of [['chrome', 'firefox'], ['chrome', 'go'], ['firefox', 'go']]) {
  test(`the hub is killed under ${kinds.join(' and ')}, and comes back`, async () => {
    const own = await startHub()
    const url = own.invite
    const ann = await openMember(kinds[0], url, 'Ann')
    const bob = await openMember(kinds[1], url, 'Bob')
    await ann.sees('Bob')
    await bob.sees('Ann')
    await own.kill('SIGKILL')
    for (const i of [1, 2]) {
      await ann.says(`no hub ${i}`)
      await bob.hears(`no hub ${i}`)
      await bob.says(`indeed ${i}`)
      await ann.hears(`indeed ${i}`)
    }
    const again = await startHub(own.port)
    const cem = await openMember('chrome', url, 'Cem')
    await cem.sees('Ann', 'Bob')
    await ann.sees('Bob', 'Cem') // and nobody twice
    await cem.says('good morning')
    await ann.hears('good morning')
    await bob.hears('good morning')
    await ann.says('once')
    await cem.hears('once')
    await Promise.all([ann, bob, cem].map(m => m.close()))
    await again.kill()
  })
}
