import { expect, test } from 'vitest'
import { goldens } from '../fakes/goldens.ts'
import { offers } from './role.ts'

for (const { name, self, other, offers: first } of goldens.roles) {
  test(name, () => {
    expect(offers(self, other)).toBe(first)
    expect(offers(other, self)).toBe(!first)
  })
}
