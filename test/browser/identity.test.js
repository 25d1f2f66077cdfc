// Keys, signatures and what is remembered of members, with the WebCrypto and the IndexedDB of real browsers.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPublicKey, verify } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, test } from 'node:test'
import { browser, closeAll } from './lab.js'

const vectors = JSON.parse(readFileSync('signaling/testdata/identity.json', 'utf8'))
let modules
let server
let home

before(async () => {
  modules = mkdtempSync(join(tmpdir(), 'snug-modules-'))
  execFileSync('node_modules/.bin/tsc', ['-p', 'web/sdk', '--outDir', modules, '--emitDeclarationOnly', 'false', '--declaration', 'false', '--rewriteRelativeImportExtensions'], { stdio: 'inherit' })
  server = createServer(({ url }, response) => {
    const name = basename(new URL(url, 'http://x').pathname)
    if (!name) return response.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>identity</title>')
    if (!name.endsWith('.js')) return response.writeHead(404).end()
    response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(readFileSync(join(modules, name)))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  home = `http://localhost:${server.address().port}/`
})
after(async () => {
  server.close()
  rmSync(modules, { recursive: true })
  await closeAll()
})

/** The key of a room as a page has it, with a signature of `x`. */
async function identityOn(page, room) {
  return page.evaluate(async room => {
    const { loadIdentity } = await import('/identity.js')
    const { identity, kept, why } = await loadIdentity(room)
    return identity ? { kept, key: [...identity.key], signature: [...await identity.sign(new TextEncoder().encode('x'))] } : { why }
  }, room)
}

function verified({ key, signature }) {
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(key)]) // RFC 8410, section 4
  return verify(null, Buffer.from('x'), createPublicKey({ key: spki, format: 'der', type: 'spki' }), Buffer.from(signature))
}

for (const kind of ['chrome', 'firefox']) {
  test(`${kind}: a key is kept, the same in all tabs, and can't be read`, async () => {
    const context = await (await browser(kind)).createBrowserContext()
    try {
      const [one, two] = [await context.newPage(), await context.newPage()]
      await Promise.all([one.goto(home), two.goto(home)])
      const [first, second] = await Promise.all([identityOn(one, 'room'), identityOn(two, 'room')])
      assert.ok(first.kept && second.kept, 'kept')
      assert.deepEqual(second.key, first.key)
      assert.ok(verified(first) && verified(second), 'signatures')
      await one.reload()
      const again = await identityOn(one, 'room')
      assert.deepEqual([again.kept, again.key], [true, first.key])
      assert.notDeepEqual((await identityOn(one, 'other')).key, first.key)
      const exported = await one.evaluate(() => new Promise((resolve, reject) => {
        const opened = indexedDB.open('snug')
        opened.onerror = () => reject(opened.error)
        opened.onsuccess = () => {
          const found = opened.result.transaction('identities').objectStore('identities').get('room')
          found.onsuccess = () => crypto.subtle.exportKey('pkcs8', found.result.privateKey).then(() => resolve('exported'), error => resolve(error.name))
        }
      }))
      assert.equal(exported, 'InvalidAccessError')
    } finally {
      await context.close()
    }
  })

  test(`${kind}: signatures and codes are those of the vectors`, async () => {
    const context = await (await browser(kind)).createBrowserContext()
    try {
      const page = await context.newPage()
      await page.goto(home)
      const wrong = await page.evaluate(async vectors => {
        const { check, checkDescription, checkHello, decodeProof, fromBase64url } = await import('/transcript.js')
        const { codeOf, commitTo } = await import('/verify.js')
        const unhex = text => Uint8Array.from(text.match(/../g) ?? [], byte => parseInt(byte, 16))
        const wrong = []
        const holds = (name, what) => what.then(ok => { if (ok === false) wrong.push(name) }, error => wrong.push(`${name}: ${error}`))
        for (const v of vectors.descriptions) await holds(v.name, checkDescription(v, decodeProof(v.identity)))
        for (const v of vectors.hellos) {
          const proof = decodeProof(v.identity)
          await holds(v.name, checkHello({ ...v, own: unhex(v.own), other: unhex(v.other), otherKey: fromBase64url(v.otherKey, 32) }, proof, proof.key))
        }
        for (const v of vectors.refused) await holds(v.name, check(decodeProof(v.identity), unhex(v.transcript)).then(() => false, () => true))
        for (const key of vectors.weak) await holds(key, check({ key: unhex(key), signature: new Uint8Array(64) }, unhex('00')).then(() => false, () => true))
        const end = e => ({ id: e.id, key: fromBase64url(e.key, 32), fingerprint: unhex(e.fingerprint) })
        for (const v of vectors.codes) {
          const view = { room: v.room, self: end(v.a), other: end(v.b) }
          const [a, b] = [fromBase64url(v.nonceA, 32), fromBase64url(v.nonceB, 32)]
          await holds(v.name, commitTo(view, a).then(commit => commit === v.commit))
          await holds(v.name, codeOf(view, a, b).then(code => String(code) === String(v.code)))
        }
        return wrong
      }, vectors)
      assert.deepEqual(wrong, [])
    } finally {
      await context.close()
    }
  })

  test(`${kind}: members are remembered, and tabs that store at once lose nothing`, async () => {
    const context = await (await browser(kind)).createBrowserContext()
    try {
      const [one, two] = [await context.newPage(), await context.newPage()]
      await Promise.all([one.goto(home), two.goto(home)])
      const meet = (page, from) => page.evaluate(async from => {
        const { Pins } = await import('/identity.js')
        const { base64url } = await import('/decode.js')
        const pins = new Pins('room')
        const member = n => ({ key: base64url(Uint8Array.from({ length: 32 }, (_, i) => i ? 7 : n)), name: `member ${n}`, identity: '' })
        return Promise.all(Array.from({ length: 20 }, async (_, i) => (await pins.see(member(from + i))).standing))
      }, from)
      const all = (await Promise.all([meet(one, 10), meet(two, 30)])).flat()
      assert.deepEqual(new Set(all), new Set(['unverified']))
      await two.reload()
      assert.deepEqual(new Set([...await meet(two, 10), ...await meet(one, 30)]), new Set(['known']))
    } finally {
      await context.close()
    }
  })

  test(`${kind}: a fingerprint is the one of the connection's own description`, async () => {
    const context = await (await browser(kind)).createBrowserContext()
    try {
      const page = await context.newPage()
      await page.goto(home)
      const [said, found] = await page.evaluate(async () => {
        const { fingerprintOf } = await import('/identity.js')
        const certificate = await RTCPeerConnection.generateCertificate({ name: 'ECDSA', namedCurve: 'P-256' })
        const pc = new RTCPeerConnection({ certificates: [certificate] })
        pc.createDataChannel('x')
        await pc.setLocalDescription()
        const { sdp } = pc.localDescription
        pc.close()
        const own = certificate.getFingerprints?.().find(f => f.algorithm === 'sha-256').value ?? /sha-256 (\S+)/.exec(sdp)[1]
        return [own.toLowerCase(), Array.from(fingerprintOf(sdp), byte => byte.toString(16).padStart(2, '0')).join(':')]
      })
      assert.equal(found, said)
    } finally {
      await context.close()
    }
  })
}

test('a page without HTTPS is told that it has no key', async () => {
  const context = await (await browser('chrome')).createBrowserContext()
  try {
    const page = await context.newPage()
    await page.goto(home.replace('localhost', 'plain.test'))
    assert.deepEqual(await identityOn(page, 'room'), { why: 'insecure' })
  } finally {
    await context.close()
  }
})
