// Answers of each version: which of them belongs to whom, and to acknowledged publications.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench1, bench2 } from './bench.ts'

describe('answers of version 1', () => {
  test('ids that are no text, or nobody’s', async () => {
    const b = bench1()
    const script = await b.open()
    const call = b.session.call('p')
    await flush()
    script.send(3, 'x'.repeat(1_000_000), 1)
    script.send(3, '__proto__', 1)
    script.send(3, 5, 1)
    script.send(3, script.callId('p'), 'right')
    expect(await call).toBe('right')
    expect(b.session.stats().malformed).toBe(1)
  })

  test('an error URI may be a CURIE', async () => {
    const b = bench1({ prefixes: { err: 'http://example.com/error#' } })
    const script = await b.open()
    const call = rejection(b.session.call('p'))
    await flush()
    script.fail('p', 'err:bad', 'x')
    expect((await call).details).toMatchObject({ uri: 'http://example.com/error#bad' })
  })

  test('an old session’s answer is nobody’s on the next one', async () => {
    const b = bench1()
    const first = await b.open()
    rejection(b.session.call('p'))
    await flush()
    const old = first.callId('p')
    const second = await b.again()
    const call = b.session.call('p')
    await flush()
    second.send(3, old, 'stale')
    second.result('p', 'fresh')
    expect(await call).toBe('fresh')
  })
})

describe('answers of version 2', () => {
  test.each([
    ['far too large', 1e300],
    ['beyond 2^53', 2 ** 60],
    ['negative', -1],
    ['a fraction', 1.5],
    ['zero', 0],
  ])('an id that is %s is nobody’s', async (_, id) => {
    const b = bench2()
    const script = await b.open()
    const call = b.session.call('p')
    await flush()
    script.send(50, id, {}, ['wrong'])
    script.send(8, 48, id, {}, 'com.example.e')
    script.send(17, id, 5)
    script.socket.message('[50,1e999,{},["wrong"]]')
    script.result('p', 'right')
    expect(await call).toBe('right')
    expect(b.session.stats().malformed).toBe(0)
  })

  test('of another type of request are nobody’s', async () => {
    const b = bench2()
    const script = await b.open()
    const call = b.session.call('p')
    await flush()
    script.send(33, 1, 5)
    script.send(35, 1)
    script.send(17, 1, 5)
    script.send(8, 32, 1, {}, 'com.example.e')
    script.send(8, 64, 1, {}, 'com.example.e')
    script.result('p', 'right')
    expect(await call).toBe('right')
  })

  test('an acknowledged publication resolves with its id, and another at once', async () => {
    const b = bench2()
    const script = await b.open()
    expect(await b.session.publish('t', 1)).toBeUndefined()
    const publishing = b.session.publish('t', 2, { acknowledge: true })
    const other = b.session.publish('t', 3, { acknowledge: true })
    await flush()
    script.send(17, 3, 33)
    script.send(17, 2, 22)
    expect([await publishing, await other]).toEqual([22, 33])
  })

  test('an acknowledged publication ends by its timeout', async () => {
    const b = bench2()
    await b.open()
    const publishing = rejection(b.session.publish('t', 2, { acknowledge: true, timeout: 50 }))
    await b.clock.advance(50)
    expect(await publishing).toMatchObject({ code: 'TIMEOUT' })
  })
})
