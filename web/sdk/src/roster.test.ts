import { describe, expect, test } from 'vitest'
import { goldens } from '../fakes/goldens.ts'
import { decodeFromHub } from './protocol.ts'
import { applyChange, type RosterChange } from './roster.ts'

describe('golden changes of a roster', () => {
  for (const c of goldens.rosters) {
    test(c.name, () => {
      const roster = structuredClone(c.roster)
      const change = decodeFromHub(JSON.stringify(c.change)) as RosterChange
      const { left, joined, moved } = applyChange(roster, change)
      expect(roster).toEqual(c.after)
      expect([left, joined, moved].map(list => list.map(m => m.id))).toEqual([c.left, c.joined, c.away])
      expect(applyChange(roster, change), 'the second time').toEqual({ left: [], joined: [], moved: [] })
      expect(roster).toEqual(c.after)
    })
  }
})
