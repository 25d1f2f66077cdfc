import { describe, expect, test } from 'vitest'
import { emojiTable, hex, signerOf, unbase64url, unhex, vectors } from '../fakes/identity.ts'
import { emoji, emojiOf } from './emoji.ts'
import { fingerprintOf } from './fingerprint.ts'
import { check, checkDescription, checkHello, decodeProof, type Description, encodeProof, type HelloView, signDescription, signHello, weak } from './transcript.ts'
import { boundOf, codeOf, commitTo, type VerifyEnd } from './verify.ts'

const refused = expect.objectContaining({ code: 'identity' })

describe('descriptions are signed and checked', () => {
  for (const v of vectors.descriptions) {
    test(v.name, async () => {
      const d = v as Description
      const proof = decodeProof(v.identity)
      expect(hex(await checkDescription(d, proof))).toBe(v.fingerprint)
      await expect(check(proof, unhex(v.transcript))).resolves.toBeUndefined()
      expect(encodeProof(await signDescription(await signerOf(v.seed, v.identity.key), d))).toEqual(v.identity)
      const others: Array<Partial<Description>> = [
        { room: `${d.room}x` }, { from: d.to, to: d.from }, { to: `${d.to}x` }, { role: d.role === 'offer' ? 'answer' : 'offer' }, { n: d.n - 1 }, { carrier: d.carrier + 1 },
        { offer: `${d.offer}a=x\r\n` }, { own: `${d.own}a=x\r\n` },
      ]
      for (const other of others) await expect(checkDescription({ ...d, ...other }, proof), Object.keys(other)[0]).rejects.toEqual(refused)
    })
  }
})

describe('hellos are signed and checked', () => {
  for (const v of vectors.hellos) {
    test(v.name, async () => {
      const view: HelloView = { ...v, own: unhex(v.own), other: unhex(v.other), otherKey: unbase64url(v.otherKey) }
      const proof = decodeProof(v.identity)
      await checkHello(view, proof, proof.key)
      await check(proof, unhex(v.transcript))
      expect(encodeProof(await signHello(await signerOf(v.seed, v.identity.key), view))).toEqual(v.identity)
      await expect(checkHello(view, proof, view.otherKey), 'another key than the description’s').rejects.toEqual(refused)
      const others: Array<Partial<HelloView>> = [
        { room: 'x' }, { from: view.to, to: view.from }, { carrier: 2 }, { own: view.other }, { other: view.own }, { otherKey: proof.key },
      ]
      for (const other of others) await expect(checkHello({ ...view, ...other }, proof, proof.key), Object.keys(other)[0]).rejects.toEqual(refused)
    })
  }
})

describe('forged signatures are refused', () => {
  for (const v of vectors.refused) {
    test(v.name, () => expect(check(decodeProof(v.identity), unhex(v.transcript))).rejects.toEqual(refused))
  }
  test('keys of small order', () => {
    for (const key of vectors.weak) expect(weak(unhex(key)), key).toBe(true)
    for (const { key } of vectors.keys) expect(weak(unbase64url(key))).toBe(false)
  })
})

describe('proofs are decoded strictly', () => {
  for (const { name, text, error } of vectors.proofs) {
    test(name, () => {
      if (error) expect(() => decodeProof(JSON.parse(text))).toThrow(expect.objectContaining({ code: 'malformed' }))
      else expect(JSON.parse(text)).toMatchObject(encodeProof(decodeProof(JSON.parse(text))))
    })
  }
})

describe('fingerprints of descriptions', () => {
  const errors: Record<string, string> = { none: 'has no fingerprint', malformed: 'isn’t SHA-256', many: 'different fingerprints' }
  for (const v of vectors.fingerprints) {
    test(v.name, () => {
      if (v.error) expect(() => fingerprintOf(v.sdp)).toThrow(errors[v.error])
      else expect(hex(fingerprintOf(v.sdp))).toBe(v.fingerprint)
    })
  }
})

describe('codes are those of the vectors', () => {
  const end = (e: { id: string; key: string; fingerprint: string }): VerifyEnd => ({ id: e.id, key: unbase64url(e.key), fingerprint: unhex(e.fingerprint) })
  for (const v of vectors.codes) {
    test(v.name, async () => {
      const [a, b] = [end(v.a), end(v.b)]
      for (const view of [{ room: v.room, self: a, other: b }, { room: v.room, self: b, other: a }]) {
        expect(hex(await boundOf(view))).toBe(v.bound)
        expect(await commitTo(view, unbase64url(v.nonceA))).toBe(v.commit)
        expect(await codeOf(view, unbase64url(v.nonceA), unbase64url(v.nonceB))).toEqual(v.code)
      }
    })
  }
})

test('the emoji are those of Go', () => {
  expect(emoji.map(({ symbol, en, zh }) => [symbol, en, zh])).toEqual(emojiTable)
  expect(emoji).toHaveLength(64)
  expect(emojiOf([63, 0]).map(e => e.symbol)).toEqual(['👑', '🐘'])
})
