import { expect, test } from 'vitest'
import { budgets } from './budgets.ts'
import { measureAll } from './size.ts'

test('a user downloads no more than was promised', async () => {
  const sizes = await measureAll()
  expect(
    sizes.filter(({ over }) => over).map(({ name, size, most }) => `${name}: ${size} > ${most}`),
  ).toEqual([])
  expect(sizes).toHaveLength(budgets.length)
  expect(sizes.every(({ size, own }) => own > 0 && own <= size)).toBe(true)
})
