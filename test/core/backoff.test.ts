import { expect, test } from 'vitest'
import { backoff } from '../../src/core/backoff.ts'
import { seeded } from '../support/random.ts'

test('the retry after a healthy connection comes at once', () => {
  expect(backoff(0, () => 0.9)).toBe(0)
})

test('the ceiling doubles up to the longest pause, the floor stays', () => {
  const ceilings = [1, 2, 3, 4, 5, 6].map((attempt) => backoff(attempt, () => 1))
  expect(ceilings).toEqual([4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
  for (let attempt = 1; attempt < 2_000; attempt += 100) {
    expect(backoff(attempt, () => 0)).toBe(500)
    expect(backoff(attempt, () => 1)).toBeLessThanOrEqual(30_000)
  }
})

test('pauses of its own are kept to, also when the longest is the shorter one', () => {
  expect(backoff(1, () => 0.5, 10, 50)).toBe(30)
  expect(backoff(5, () => 0.5, 100, 50)).toBe(100)
})

test('pauses are spread evenly', () => {
  const random = seeded(3)
  const halves = [0, 0]
  for (let n = 0; n < 2_000; n++) halves[backoff(1, random) < 2_250 ? 0 : 1]!++
  expect(Math.abs(halves[0]! - halves[1]!)).toBeLessThan(200)
})
