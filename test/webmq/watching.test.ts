// What a session tells of itself.
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { flush } from '../support/clock.ts'
import { bench, VERSIONS } from './bench.ts'

describe.each(VERSIONS)('watching version %d', (version) => {
  test('a logger gets a record of each message, both ways, by its type and nothing of what is in it', async () => {
    const records: { event: string; type?: unknown; [fact: string]: unknown }[] = []
    const b = bench(version, { logger: (record) => records.push(record) })
    const script = await b.open()
    await b.subscribe('MARKER-topic')
    script.event('MARKER-topic', 'MARKER-event')
    const call = b.session.call('MARKER-procedure', ['MARKER-argument'])
    await flush()
    script.result('MARKER-procedure', 'MARKER-result')
    await call
    await b.session.publish('MARKER-topic', 'MARKER-event')
    const types = (event: string) =>
      records.filter((record) => record.event === event).map(({ type }) => type)
    expect([types('sent'), types('received')]).toEqual(
      version === 1
        ? [
            [5, 2, 7],
            [0, 8, 3],
          ]
        : [
            [1, 32, 48, 16],
            [2, 33, 36, 50],
          ],
    )
    expect(everything(records)).not.toContain('MARKER')
  })

  test('the counters add up', async () => {
    const b = bench(version)
    const script = await b.open()
    const subscription = await b.subscribe('topic')
    await b.subscribe('other')
    subscription.on('event', () => {})
    const loop = (await b.session.subscribe('topic')).messages({ maxBuffered: 1 })
    for (let n = 0; n < 3; n++) script.event('topic', n)
    script.event('unknown', 1)
    script.socket.message('nonsense')
    const call = b.session.call('p')
    await b.clock.advance(30)
    script.result('p', 1)
    await call
    expect(b.session.stats()).toEqual({
      received: 4,
      dropped: 2,
      malformed: 1,
      reconnects: 0,
      subscriptions: 2,
      lastRoundTrip: 30,
    })
    await loop.return!()
    script.socket.drop()
    expect(b.session.stats().subscriptions).toBe(0)
    ;(await b.redial()).accept()
    await flush()
    expect(b.session.stats()).toMatchObject({ received: 4, reconnects: 1 })
  })

  test('states and statuses come in order, with their reasons', async () => {
    const b = bench(version)
    const states: string[] = []
    b.session.on('state', ({ from, to, reason }) =>
      states.push(`${from} → ${to} ${(reason as { code?: string } | undefined)?.code ?? ''}`.trim()),
    )
    await b.open()
    await b.subscribe('topic')
    await b.again()
    await b.session.close()
    expect(states).toEqual([
      'idle → connecting',
      'connecting → open',
      'open → reconnecting CONNECTION_LOST',
      'reconnecting → open',
      'open → closed CLOSED',
    ])
    expect(b.statuses.map(({ type }) => type)).toEqual([
      'connected',
      'disconnected',
      'retrying',
      'gap',
      'connected',
      'disconnected',
    ])
    // That somebody closed it is no error.
    expect(b.errors.map(({ code }) => code)).toEqual(['CONNECTION_LOST'])
  })
})
