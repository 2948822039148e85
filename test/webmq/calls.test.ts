// Calls and publications: everything that waits; see answers.test.ts for what comes back.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, bench2, CONFIG, VERSIONS, type WampBench } from './bench.ts'

const P = 'http://example.com/add'

describe.each(VERSIONS)('calls of version %d', (version) => {
  test('results find their calls in any order, and those of unknown calls nobody', async () => {
    const b = bench(version)
    const script = await b.open()
    const done: string[] = []
    const calls = ['a', 'b', 'c'].map((name) =>
      b.session.call<string>(name).then((result) => done.push(`${name} ${result}`)),
    )
    await flush()
    for (const name of ['c', 'a', 'a', 'b']) {
      script.result(name, `of ${name}`)
      await flush()
    }
    await Promise.all(calls)
    expect(done).toEqual(['c of c', 'a of a', 'b of b'])
    expect([b.errors, b.session.stats().malformed]).toEqual([[], 0])
  })

  test('100 calls of one procedure, answered backwards', async () => {
    const b = bench(version)
    const script = await b.open()
    const calls = Array.from({ length: 100 }, (_, n) => b.session.call('p', [n]))
    await flush()
    const type = version === 1 ? 2 : 48
    for (const call of script.of(type).reverse()) {
      const argument = version === 1 ? call[2] : (call[3] as unknown[])[0]
      script.send(...(version === 1 ? [3, call[0], argument] : [50, call[0], {}, [argument]]))
    }
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 100 }, (_, n) => n))
  })

  test('an error has the server’s URI and what it said', async () => {
    const b = bench(version)
    const script = await b.open()
    const call = rejection(b.session.call(P, [1]))
    await flush()
    script.fail(P, 'http://example.com/error#bad', 'it is bad')
    const error = await call
    expect(error).toMatchObject({
      name: 'IsomqError',
      code: 'PROVIDER',
      provider: 'webmq',
      details: { uri: 'http://example.com/error#bad', args: ['it is bad'] },
    })
    expect(error.message).toContain(P)
    expect(error.message).toContain('http://example.com/error#bad it is bad')
    expect(b.session.state).toBe('open')
  })

  test('an endless error is cut in the text', async () => {
    const b = bench(version)
    const script = await b.open()
    const call = rejection(b.session.call('p'))
    await flush()
    script.fail('p', 'x'.repeat(100_000), 'y'.repeat(100_000))
    expect((await call).message.length).toBeLessThan(600)
  })

  test('a call connects, and goes out as soon as that is done', async () => {
    const b = bench(version)
    const call = b.session.call(P, [1, 2])
    await flush()
    expect(b.network.sockets).toHaveLength(1)
    b.script.accept()
    await flush()
    b.script.result(P, 3)
    expect(await call).toBe(3)
  })

  test('what waits is sent as it was given, whatever becomes of it meanwhile', async () => {
    const b = bench(version)
    const args: unknown[] = [{ a: 1 }]
    const event: Record<string, unknown> = { a: 1 }
    b.session.call(P, args).catch(() => {})
    b.session.publish('t', event).catch(() => {})
    ;(args[0] as Record<string, unknown>).a = 2
    args.push('more')
    event.a = 2
    const script = await b.open()
    expect(script.messages.slice(-2)).toEqual(
      version === 1
        ? [
            [2, script.callId(P), P, { a: 1 }],
            [7, 't', { a: 1 }],
          ]
        : [
            [48, 1, {}, P, [{ a: 1 }]],
            [16, 2, {}, 't', [{ a: 1 }]],
          ],
    )
  })

  test('a call ends by its signal or its timeout, says which, and a late answer is ignored', async () => {
    const b = bench(version)
    const script = await b.open()
    const abort = new AbortController()
    const bySignal = rejection(b.session.call('x', [], { signal: abort.signal }))
    const byTime = rejection(b.session.call('y', [], { timeout: 300 }))
    await flush()
    abort.abort('enough')
    expect(await bySignal).toMatchObject({ code: 'ABORTED', cause: 'enough' })
    await b.clock.advance(300)
    expect(await byTime).toMatchObject({ code: 'TIMEOUT', retryable: true })
    script.result('x', 1)
    script.result('y', 1)
    await flush()
    expect([b.session.state, b.errors, b.session.stats().malformed]).toEqual(['open', [], 0])
  })

  test('the timeout covers the wait for the connection and the answer together', async () => {
    const b = bench(version)
    const call = rejection(b.session.call('p', [], { timeout: 1_000 }))
    await b.clock.advance(600)
    const script = await b.open()
    expect(script.calls).toEqual(['p'])
    await b.clock.advance(399)
    let over = false
    call.then(() => {
      over = true
    })
    await flush()
    expect(over).toBe(false)
    await b.clock.advance(1)
    expect(await call).toMatchObject({ code: 'TIMEOUT' })
  })

  test('a call is patient for 30 seconds by itself, and for ever with timeout 0', async () => {
    const b = bench(version, { idleTimeout: 0 })
    const script = await b.open()
    const patient = b.session.call('forever', [], { timeout: 0 })
    const call = rejection(b.session.call('p'))
    await b.clock.advance(30_000)
    expect(await call).toMatchObject({ code: 'TIMEOUT' })
    await b.clock.advance(86_400_000)
    script.result('forever', 'done')
    expect(await patient).toBe('done')
  })

  test('calls under way are bounded, connected or not; one more is QUEUE_FULL', async () => {
    const b = bench(version, { maxPending: 3 })
    const waiting = ['a', 'b', 'c'].map((name) => b.session.call(name))
    for (const more of [() => b.session.call('d'), () => b.session.publish('t', 1)]) {
      expect(await rejection(more())).toMatchObject({ code: 'QUEUE_FULL', retryable: true })
    }
    const script = await b.open()
    expect(await rejection(b.session.call('d'))).toMatchObject({ code: 'QUEUE_FULL' })
    script.result('a', 1)
    await waiting[0]
    waiting.push(b.session.call('d'))
    await flush()
    expect(script.calls).toEqual(['a', 'b', 'c', 'd'])
    for (const name of ['b', 'c', 'd']) script.result(name, 1)
    await Promise.all(waiting)
  })

  test('the last round trip is how long the server took to answer', async () => {
    const b = bench(version)
    const script = await b.open()
    expect(b.session.stats().lastRoundTrip).toBeUndefined()
    const call = b.session.call('p')
    await b.clock.advance(70)
    script.result('p', 1)
    await call
    expect(b.session.stats().lastRoundTrip).toBe(70)
  })

  test('a call made within an event’s handler, or a debug record’s, is one like any other', async () => {
    const b = bench(version)
    const script = await b.open()
    const results: unknown[] = []
    let made = 0
    b.session.on('debug', ({ event }) => {
      if (event === 'sent' && made++ === 0) b.session.call('inner').then((result) => results.push(result))
    })
    b.session.call('outer').then((result) => results.push(result))
    await flush()
    const ids = script.of(version === 1 ? 2 : 48).map(([id]) => id)
    expect([script.calls, new Set(ids).size]).toEqual([['outer', 'inner'], 2])
    script.result('inner', 1)
    script.result('outer', 2)
    await flush()
    expect(results).toEqual([1, 2])
  })

  test('values of every kind go both ways', async () => {
    const b = bench(version)
    const script = await b.open()
    for (const value of [null, true, 0, -1.5, 2 ** 53, '', 'é😀\u2028"\\', [], [[]], {}, { a: { b: [] } }]) {
      const call = b.session.call('p', [value])
      await flush()
      const [, ...rest] = script.of(version === 1 ? 2 : 48).at(-1)!
      expect(rest.at(-1)).toEqual(version === 1 ? value : [value])
      script.result('p', value)
      expect(await call).toEqual(value)
    }
  })
})

describe.each(VERSIONS)('limits of version %d that cannot be met', (version) => {
  const acts = (limits: object) => [
    (b: WampBench) => b.session.call('p', [], limits),
    (b: WampBench) => b.session.publish('t', 1, limits),
  ]

  test.each([{ timeout: -1 }, { timeout: Number.NaN }])(
    '%j is CONFIG, also without a connection',
    async (limits) => {
      const b = bench(version)
      for (const act of acts(limits)) expect(await rejection(act(b))).toEqual(CONFIG)
      await flush()
      expect(b.network.sockets).toEqual([])
    },
  )

  test('a signal that has ended sends nothing on an open session either', async () => {
    const b = bench(version)
    const script = await b.open()
    const before = script.messages.length
    for (const act of acts({ signal: AbortSignal.abort() }))
      expect(await rejection(act(b))).toMatchObject({ code: 'ABORTED' })
    expect(script.messages).toHaveLength(before)
  })
})

test.each(VERSIONS)('a refusal of version %d reads the same', async (version) => {
  const b = bench(version)
  const script = await b.open()
  const call = rejection(b.session.call('com.example.p'))
  await flush()
  script.fail('com.example.p', 'com.example.no', 'because')
  expect((await call).message).toBe(
    'webmq: the server refused the call of com.example.p (com.example.no because)',
  )
})

test('a result is typed as its caller says', async () => {
  const b = bench2()
  const script = await b.open()
  const call: Promise<number> = b.session.call<number>('p')
  await flush()
  script.result('p', 5)
  expect((await call).toFixed(1)).toBe('5.0')
})
