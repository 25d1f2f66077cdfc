import { expect, test } from 'vitest'
import { Queue } from './queue.ts'

test('first in, first out, also while it fills', () => {
  const queue = new Queue<number>()
  const taken: Array<number | undefined> = []
  for (let i = 0; i < 10; i++) {
    queue.push(2 * i)
    queue.push(2 * i + 1)
    expect(queue.first).toBe(i)
    taken.push(queue.shift())
  }
  expect(taken).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(queue.clear()).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
  expect([queue.first, queue.shift()]).toEqual([undefined, undefined])
})

test('what takes the place of another has its turn', () => {
  const queue = new Queue<string>()
  for (const item of ['a', 'b']) queue.push(item)
  expect(queue.first).toBe('a')
  for (const item of ['c', 'd']) queue.push(item)
  for (const item of ['a', 'b', 'c', 'd']) expect(queue.replace(item.toUpperCase(), other => other === item)).toBe(item)
  expect(queue.replace('x', other => other === 'x')).toBeUndefined()
  expect(queue.clear()).toEqual(['A', 'B', 'C', 'D'])
})
