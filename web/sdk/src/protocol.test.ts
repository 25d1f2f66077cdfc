import { describe, expect, test } from 'vitest'
import { goldens, valueOf } from '../fakes/goldens.ts'
import { decodeFromHub, newSecret } from './protocol.ts'

describe('golden messages from the hub', () => {
  for (const c of goldens.fromHub) {
    test(c.name, () => {
      if (c.error === 'unknown-type') expect(decodeFromHub(c.text)).toBeUndefined()
      else if (c.error) expect(() => decodeFromHub(c.text)).toThrow(expect.objectContaining({ code: c.error }))
      else expect(decodeFromHub(c.text)).toEqual(valueOf(c))
    })
  }
})

test('what is optional in a welcome may be missing', () => {
  const you = 'Yw3NKWbEM2aRElRIu7JbTw'
  const welcome = decodeFromHub(JSON.stringify({ type: 'welcome', you, session: 's', roster: { epoch: 'e', n: 1 } }))
  expect(welcome).toMatchObject({
    you, recovered: false, received: 0, roster: { members: [] }, ice: { servers: [] }, heartbeat: { grace: 60_000 }, limits: { replay: 262_144 }, permissions: ['join'], features: [],
  })
})

test('an ICE server needs addresses', () => {
  const welcome = { type: 'welcome', you: 'Yw3NKWbEM2aRElRIu7JbTw', session: 's', roster: { epoch: 'e', n: 1 }, ice: { servers: [{ urls: 'stun:x' }] } }
  expect(() => decodeFromHub(JSON.stringify(welcome))).toThrow('urls is no list')
})

test('secrets are new, and of the form that a hub takes', () => {
  const form = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/
  const golden = goldens.toHub.find(c => c.name === 'hello')!
  expect((valueOf(golden) as { secret: string }).secret).toMatch(form)
  const secrets = new Set(Array.from({ length: 50 }, newSecret))
  expect(secrets.size).toBe(50)
  for (const secret of secrets) expect(secret).toMatch(form)
})
