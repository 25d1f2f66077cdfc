import { expect, test } from 'vitest'
import { goldens } from '../fakes/goldens.ts'
import { Machine } from './machine.ts'

// The same traces drive the machine in Go.
for (const { name, offerer, steps } of goldens.linkTraces) {
  test(name, () => {
    const machine = new Machine(offerer)
    for (const [i, { at, event, do: wanted, due }] of steps.entries()) {
      if (event.type === 'tick') expect(machine.due, `step ${i} is a tick, and due`).toSatisfy(due => due > 0 && due <= at)
      expect(machine.step(at, event), `step ${i}, ${event.type} at ${at}`).toEqual(wanted)
      expect(machine.due, `due after step ${i}, ${event.type} at ${at}`).toBe(due)
    }
  })
}

test('there are traces', () => expect(goldens.linkTraces.length).toBeGreaterThanOrEqual(50))
