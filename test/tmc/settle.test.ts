import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench } from './bench.ts'

describe('failed(20)', () => {
  test.each([
    ['as it is', 'short reason', 'short reason'],
    ['cut to 128 characters', 'x'.repeat(300), 'x'.repeat(128)],
    ['without half a character at the end', `${'x'.repeat(127)}😀`, 'x'.repeat(127)],
    ['with a whole one', `${'x'.repeat(126)}😀!`, `${'x'.repeat(126)}😀`],
    ['in Chinese', '库存不足', '库存不足'],
  ])('carries the reason %s', async (_, message, reason) => {
    const b = bench()
    b.client.on('message', () => {
      throw new Error(message)
    })
    const script = await b.signIn()
    script.deliver(2n ** 62n)
    await flush()
    expect(script.failed).toEqual([{ id: String(2n ** 62n), reason }])
    expect(script.ofKind(20)[0]!.token).toBe('T')
  })
})

describe('by hand', () => {
  test('confirm() and fail() take ids as text or bigint, on whichever session is there', async () => {
    const b = bench()
    const confirmed = b.client.confirm('9223372036854775807')
    const script = await b.signIn()
    await confirmed
    await b.client.confirm(-(2n ** 63n))
    await b.client.fail('5', 'no')
    await b.client.fail(6n)
    expect(script.confirmed).toEqual(['9223372036854775807', '-9223372036854775808'])
    expect(script.failed).toEqual([
      { id: '5', reason: 'no' },
      { id: '6', reason: expect.stringMatching(/./) },
    ])
  })

  test.each([[7], ['7.5'], [''], ['x'], ['0x10'], [' 7'], [2n ** 63n], ['9223372036854775808'], [null]])(
    'the id %s is refused, and nothing is sent',
    async (id) => {
      const b = bench()
      const script = await b.signIn()
      for (const call of [b.client.confirm(id as string), b.client.fail(id as string)]) {
        expect(await rejection(call)).toMatchObject({ code: 'CONFIG' })
      }
      expect(script.frames).toHaveLength(1)
    },
  )

  test('confirm() carries the token of the session that it is sent on', async () => {
    const b = bench()
    await b.signIn('first')
    const script = await b.again('second')
    await b.client.confirm('1')
    expect(script.ofKind(2)[0]!.token).toBe('second')
  })
})

describe('deduplication', () => {
  test('is off by default: a message that comes again is handled again', async () => {
    const b = bench()
    const seen: string[] = []
    b.client.on('message', ({ id }) => seen.push(id))
    const script = await b.signIn()
    script.deliver(1, 1)
    await flush()
    expect([seen, script.confirmed]).toEqual([
      ['1', '1'],
      ['1', '1'],
    ])
  })

  test('confirms what was handled within the window, without handing it out', async () => {
    const b = bench({ dedupe: 60_000, idleTimeout: 0 })
    const seen: string[] = []
    b.client.on('message', ({ id }) => seen.push(id))
    const script = await b.signIn()
    script.deliver(1)
    await b.clock.advance(59_000)
    script.deliver(1)
    await flush()
    expect([seen, script.confirmed, b.client.stats().duplicates]).toEqual([['1'], ['1', '1'], 1])
    await b.clock.advance(60_000)
    script.deliver(1)
    await flush()
    expect(seen).toEqual(['1', '1'])
  })

  test('knows what was handled while its connection was lost', async () => {
    const b = bench({ dedupe: 60_000 })
    let finish = () => {}
    let calls = 0
    b.client.on('message', () => {
      calls++
      return new Promise<void>((resolve) => (finish = resolve))
    })
    const script = await b.signIn()
    script.deliver(1)
    await flush()
    const again = b.again()
    finish()
    const next = await again
    next.deliver(1)
    await flush()
    expect([calls, next.confirmed]).toEqual([1, ['1']])
  })

  test('never swallows a message that failed, however it failed', async () => {
    const b = bench({ dedupe: 60_000 })
    const seen: string[] = []
    b.client.on('message', async (m) => {
      seen.push(m.id)
      if (m.id === '1') throw new Error('no')
      await m.nack('by hand')
      if (m.id === '3') await m.ack()
    })
    const script = await b.signIn()
    script.deliver(1, 2, 3)
    await flush()
    script.deliver(1, 2, 3)
    await flush()
    expect(seen).toEqual(['1', '2', '3', '1', '2', '3'])
    expect([script.confirmed, script.failed.length]).toEqual([[], 6])
  })
})
