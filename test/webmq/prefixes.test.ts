// Prefixes and CURIEs: `name:rest`.
import type { WampEvent } from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { bench, bench1, CONFIG, VERSIONS } from './bench.ts'

const EX = 'http://example.com/'
const prefixes = { ex: EX, '': 'http://nobody/' }

describe.each(VERSIONS)('prefixes of version %d', (version) => {
  test('a CURIE is the URI it stands for, wherever a topic or procedure goes out', async () => {
    const b = bench(version, { prefixes: { ex: EX } })
    const script = await b.open()
    const subscription = await b.subscribe('ex:t')
    b.session.publish('ex:t#1', 1).catch(() => {})
    b.session.call('ex:p').catch(() => {})
    await flush()
    expect(subscription.topic).toBe(`${EX}t`)
    expect([script.subscribes, script.calls]).toEqual([[`${EX}t`], [`${EX}p`]])
    const [published] = script.of(version === 1 ? 7 : 16)
    expect(published![version === 1 ? 0 : 2]).toBe(`${EX}t#1`)
  })

  test('a CURIE and its URI are the same subscription', async () => {
    const b = bench(version, { prefixes: { ex: EX } })
    const script = await b.open()
    await b.subscribe('ex:t')
    await b.session.subscribe(`${EX}t`)
    expect(script.subscribes).toEqual([`${EX}t`])
  })

  test.each([
    ['http://other.com/t', 'http://other.com/t'],
    ['unknown:t', 'unknown:t'],
    ['ex', 'ex'],
    [':t', ':t'],
    ['ex:', EX],
    ['ex:a:b', `${EX}a:b`],
    ['EX:t', 'EX:t'],
    ['com.example.t', 'com.example.t'],
    ['__proto__:t', '__proto__:t'],
    ['constructor:t', 'constructor:t'],
  ])('%j is %j', async (given, expected) => {
    const b = bench(version, { prefixes: { ex: EX } })
    const script = await b.open()
    await b.subscribe(given)
    expect(script.subscribes).toEqual([expected])
  })

  test('one that is declared later holds from then on; one that is declared again is replaced', async () => {
    const b = bench(version)
    const script = await b.open()
    await b.subscribe('ex:t')
    b.session.prefix('ex', EX)
    await b.subscribe('ex:t')
    b.session.prefix('ex', 'http://example.org/')
    await b.subscribe('ex:t')
    expect(script.subscribes).toEqual(['ex:t', `${EX}t`, 'http://example.org/t'])
  })

  test('declaring one connects nobody', async () => {
    const b = bench(version)
    b.session.prefix('ex', EX)
    await flush()
    expect(b.network.sockets).toEqual([])
  })

  test.each([
    ['', EX],
    ['a:b', EX],
    [5, EX],
    [undefined, EX],
    ['ex', ''],
    ['ex', 5],
    ['ex', undefined],
  ])('prefix(%j, %j) is refused', async (name, uri) => {
    const b = bench(version)
    expect(() => b.session.prefix(name as string, uri as string)).toThrow(CONFIG)
    expect(() => bench(version, { prefixes })).toThrow(CONFIG)
  })

  test('declaring one on a socket that takes no more does not throw; the next session has it', async () => {
    const b = bench(version)
    const first = await b.open()
    first.socket.sendFails = new Error('gone')
    b.session.prefix('ex', EX)
    first.socket.sendFails = undefined
    const second = version === 1 ? await b.redial() : first
    if (version === 1) second.accept()
    await b.subscribe('ex:t')
    expect(second.subscribes).toEqual([`${EX}t`])
  })
})

describe('prefixes of version 1', () => {
  test('are declared once per session, and anew after a reconnect', async () => {
    const b = bench1({ prefixes: { ex: EX } })
    const first = await b.open()
    b.session.prefix('org', 'http://example.org/')
    const second = await b.again()
    const third = await b.again()
    for (const script of [first, second, third]) {
      expect(script.of(1)).toEqual([
        ['ex', EX],
        ['org', 'http://example.org/'],
      ])
    }
  })

  test.each([
    ['the CURIE', 'ex:t'],
    ['the URI', `${EX}t`],
    ['another CURIE', 'all:example.com/t'],
  ])('events come in by %s', async (_, topic) => {
    const b = bench1({ prefixes: { ex: EX, all: 'http://' } })
    const script = await b.open()
    const events: WampEvent[] = []
    ;(await b.subscribe('ex:t')).on('event', (event) => events.push(event))
    script.event(topic, 1)
    expect(events).toEqual([expect.objectContaining({ topic: `${EX}t`, event: 1 })])
  })

  test('events by a CURIE with an unknown prefix are nobody’s, or of the topic of that very name', async () => {
    const b = bench1({ prefixes: { ex: EX } })
    const script = await b.open()
    const topics: string[] = []
    for (const topic of ['ex:t', 'odd:t']) (await b.subscribe(topic)).on('event', (e) => topics.push(e.topic))
    script.event('unknown:t', 1)
    script.event('odd:t', 1)
    expect([topics, b.session.stats().malformed]).toEqual([['odd:t'], 0])
  })
})
