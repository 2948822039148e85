// Many streams on one connection.
import { expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { bench } from './bench.ts'

const NAMES = Array.from({ length: 1_000 }, (_, n) => `stream-${n}`)

test('1,000 streams are opened, restored once each, and each message finds its own', async () => {
  const b = bench()
  await b.obeyed()
  const seen = new Map<string, string[]>()
  await Promise.all(
    NAMES.map((name) => {
      const stream = b.client.stream(name)
      stream.on('message', ({ text }) => {
        seen.set(name, [...(seen.get(name) ?? []), text])
      })
      return stream.open()
    }),
  )
  expect(b.client.stats().open).toBe(1_000)
  const script = await b.again()
  expect(script.lines).toEqual(NAMES.map((name) => `subscribe ${name}`))
  expect(b.client.stats().open).toBe(1_000)
  for (const name of NAMES) script.publish(name, `for ${name}`)
  expect(seen.size).toBe(1_000)
  expect([...seen].every(([name, texts]) => texts.join() === `for ${name}`)).toBe(true)
  await Promise.all(NAMES.map((name) => b.client.stream(name).close()))
  expect([b.client.stats().open, script.lines.length]).toEqual([0, 2_000])
  expect((await b.again()).lines).toEqual([])
})

test('a message reaches the one handler of 1,000 that it is for, and calls no other', async () => {
  const b = bench()
  const script = await b.obeyed()
  const calls = new Array<number>(1_000).fill(0)
  await Promise.all(
    NAMES.map((name, at) => {
      const stream = b.client.stream(name)
      stream.on('message', () => calls[at]!++)
      return stream.open()
    }),
  )
  for (let n = 0; n < 10_000; n++) script.publish('stream-500', 'x')
  await flush()
  expect([calls[500], calls.reduce((sum, count) => sum + count, 0)]).toEqual([10_000, 10_000])
})
