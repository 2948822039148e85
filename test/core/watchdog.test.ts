import { expect, test } from 'vitest'
import { alarm } from '../../src/core/clock.ts'
import { createMachine, type StateChange } from '../../src/core/machine.ts'
import { watch } from '../../src/core/watchdog.ts'
import { FakeClock } from '../support/clock.ts'

function watched() {
  const clock = new FakeClock()
  const told: string[] = []
  const dog = watch({
    clock,
    idle: 100,
    grace: 50,
    probe: () => told.push('probe'),
    dead: () => told.push('dead'),
  })
  return { clock, told, dog }
}

test('a silent line is asked once for a sign of life, then taken for dead; no timer is left', async () => {
  const { clock, told } = watched()
  await clock.advance(99)
  expect(told).toEqual([])
  await clock.advance(1)
  expect(told).toEqual(['probe'])
  await clock.advance(50)
  expect([told, clock.timers]).toEqual([['probe', 'dead'], 0])
})

test('a line that answers is asked again after the next silence', async () => {
  const { clock, told, dog } = watched()
  await clock.advance(120)
  dog.heard()
  await clock.advance(120)
  expect(told).toEqual(['probe', 'probe'])
  dog.stop()
  expect(clock.timers).toBe(0)
})

test('a line that answers is asked again, also when it gets more time to answer than to be silent', async () => {
  const clock = new FakeClock()
  let asked = 0
  const dog = watch({
    clock,
    idle: 30,
    grace: 100,
    probe: () => {
      asked++
      clock.setTimeout(() => dog.heard(), 1)
    },
    dead: () => {
      throw new Error('it was alive')
    },
  })
  await clock.advance(10_000)
  expect(asked).toBeGreaterThan(50)
  dog.stop()
  expect(clock.timers).toBe(0)
})

test('an alarm rings at its time, a moment late after a sleep, and not when it was cancelled', async () => {
  const clock = new FakeClock()
  const rung: number[] = []
  const start = clock.now()
  const ring = () => rung.push(clock.now() - start)
  alarm(clock, 10, ring)
  alarm(clock, 10, ring)()
  await clock.advance(10)
  alarm(clock, 10, ring)
  clock.sleep(600_000)
  await clock.advance(0)
  expect(rung).toEqual([10])
  await clock.advance(1_000)
  expect(rung).toEqual([10, 601_010])
})

test('states follow the table; what it does not know changes nothing', () => {
  const changes: StateChange[] = []
  const machine = createMachine((change) => changes.push(change))
  const reason = new Error('lost')
  const moves = (
    [
      'ready',
      'lost',
      'dial',
      'dial',
      'ready',
      'cancel',
      'lost',
      'ready',
      'stop',
      'stop',
      'lost',
      'dial',
    ] as const
  ).map((trigger) => machine.move(trigger, reason))
  expect(moves).toEqual([false, false, true, false, true, false, true, true, true, false, false, true])
  expect(changes.map(({ to }) => to)).toEqual([
    'connecting',
    'open',
    'reconnecting',
    'open',
    'closed',
    'connecting',
  ])
  expect(changes[2]).toEqual({ from: 'open', to: 'reconnecting', reason })
})
