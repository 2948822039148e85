// The faults of the HTTP endpoints that can be asked for.
import { describe, expect, test } from 'vitest'
import { TAMAR, tamarRoom } from '../support/emulator.ts'
import { rejection } from '../support/events.ts'
import { database, insert, redisOf } from '../support/tamar.ts'

describe('the HTTP endpoints', () => {
  const publish = (site: string): Promise<Response> =>
    fetch(`${site}/api/exchanges/%2F/${TAMAR.exchange}/publish`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${TAMAR.username}:${TAMAR.password}`)}` },
      body: JSON.stringify({ properties: {}, routing_key: 'k', payload: 'x', payload_encoding: 'string' }),
    })

  test('failHttp: a status, for the one that is named', async () => {
    const room = tamarRoom()
    await room.control('failHttp', { endpoint: 'mysql', status: 503, body: 'busy' })
    await room.control('failHttp', { endpoint: 'api', status: 502, count: 2 })
    expect(await redisOf(room).incr('n')).toBe(1)
    expect(await rejection(database(room).execute('SELECT 1'))).toMatchObject({ status: 503 })
    expect((await database(room).execute('SELECT 1')).rows).toHaveLength(1)
    const statuses = []
    for (let i = 0; i < 3; i++) statuses.push((await publish(room.site)).status)
    expect(statuses).toEqual([502, 502, 200])
  })

  test.each([
    ['before', 0],
    ['after', 1],
  ])('failHttp: %s the work was done, of which there are then %i', async (when, done) => {
    const room = tamarRoom()
    await room.control('failHttp', { when, count: 3 })
    await rejection(redisOf(room).incr('n'))
    await rejection(insert(room))
    expect((await publish(room.site)).status).toBe(500)
    expect(await room.stats()).toMatchObject({ sequences: done, rows: done, sent: done })
  })

  test.each(['html', 'half', 'broken'])('failHttp: %s in place of an answer', async (how) => {
    const room = tamarRoom()
    await room.control('failHttp', { how, when: 'after', count: 3 })
    await rejection(redisOf(room).incr('n'))
    await rejection(database(room).execute('SELECT id FROM push_messages'))
    const text = await publish(room.site).then(
      (response) => response.text().catch(() => 'broken off'),
      () => 'broken off',
    )
    expect(() => JSON.parse(text)).toThrow()
    expect(text === 'broken off').toBe(how === 'broken')
    expect(await redisOf(room).incr('n')).toBe(2)
  })

  test('refuse: signing in, for the service that is named', async () => {
    const room = tamarRoom()
    for (const what of ['redis', 'mysql', 'api']) await room.control('refuse', { what })
    expect((await rejection(redisOf(room).incr('n'))).message).toContain('WRONGPASS')
    expect(await rejection(database(room).execute('SELECT 1'))).toMatchObject({ status: 401 })
    expect((await publish(room.site)).status).toBe(401)
    expect((await publish(room.site)).status).toBe(200)
    expect(await room.stats()).toMatchObject({ refused: 3 })
  })

  test('mute of the HTTP line: requests wait', async () => {
    const room = tamarRoom()
    await room.control('mute', { line: 'http' })
    const number = redisOf(room).incr('n')
    const first = await Promise.race([number, room.stats().then(() => 'still waiting')])
    expect(first).toBe('still waiting')
    await room.control('unmute', { line: 'http' })
    expect(await number).toBe(1)
  })

  test('endStreams: subscriptions over HTTP end', async () => {
    const room = tamarRoom()
    const headers = { authorization: `Bearer ${TAMAR.token}` }
    const response = await fetch(`${room.redis}/subscribe/a`, { headers })
    await room.control('endStreams')
    expect(await response.text()).toBe('data: subscribe,a,1\n\n')
    expect(await room.stats()).toMatchObject({ streams: 0 })
  })
})
