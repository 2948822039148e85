import { expect, test } from 'vitest'
import { createGate } from '../../src/tamar/gate.ts'

test('so many are inside at once, the others enter in their order, failures included', async () => {
  const gate = createGate(3)
  const order: number[] = []
  let [inside, most] = [0, 0]
  const visits = Array.from({ length: 20 }, (_, i) =>
    gate(async () => {
      most = Math.max(most, ++inside)
      order.push(i)
      await Promise.resolve()
      inside--
      if (i % 5 === 0) throw new Error(`no ${i}`)
      return i
    }),
  )
  const ended = await Promise.allSettled(visits)
  expect(ended.filter(({ status }) => status === 'rejected')).toHaveLength(4)
  expect([most, inside]).toEqual([3, 0])
  expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i))
  expect(await gate(async () => 'free again')).toBe('free again')
})
