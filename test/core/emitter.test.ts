import { expect, test } from 'vitest'
import { createEmitter } from '../../src/core/emitter.ts'
import { flush } from '../support/clock.ts'

interface Events extends Record<string, unknown> {
  a: number
  b: string
}

test('handlers get their events in order, twice when added twice, and no more once taken off', () => {
  const emitter = createEmitter<Events>(() => {})
  const seen: unknown[] = []
  const handler = (value: unknown) => void seen.push(value)
  const off = emitter.on('a', handler)
  emitter.on('a', handler)
  emitter.on('b', handler)
  emitter.emit('a', 1)
  off()
  off()
  emitter.emit('a', 2)
  emitter.emit('b', 'x')
  expect(seen).toEqual([1, 1, 2, 'x'])
  expect(emitter.has('a')).toBe(true)
})

test('what a handler throws or rejects with is told with its event, and the others still run', async () => {
  const failed: unknown[] = []
  const emitter = createEmitter<Events>((thrown, type) => failed.push([thrown, type]))
  let ran = 0
  emitter.on('a', () => {
    throw 'thrown'
  })
  emitter.on('a', () => Promise.reject('rejected'))
  emitter.on('a', () => ran++)
  emitter.emit('a', 1)
  await flush()
  expect([failed, ran]).toEqual([
    [
      ['thrown', 'a'],
      ['rejected', 'a'],
    ],
    1,
  ])
})

test('a handler that takes itself off does not rob the next one of the event', () => {
  const emitter = createEmitter<Events>(() => {})
  const seen: string[] = []
  const off = emitter.on('a', () => {
    off()
    seen.push('first')
  })
  emitter.on('a', () => seen.push('second'))
  emitter.emit('a', 1)
  expect(seen).toEqual(['first', 'second'])
})
