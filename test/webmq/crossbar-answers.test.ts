// What Crossbar.io's HTTP bridge answers, or does not, and what is shown of it.
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { rejection, until } from '../support/events.ts'
import { type Answer, broken, pauses, refusedBySystem, SECRET } from './bridge.ts'
import { isSigned, json, publishing, signed } from './publishing.ts'

describe('an error of the application', () => {
  const refused = { error: 'com.example.error', args: ['it is so', 2], kwargs: { a: 1 } }

  test('comes with status 200 and is PROVIDER, with what the router said', async () => {
    for (const act of ['publish', 'call'] as const) {
      const { client, requests } = signed(json(refused))
      const error = await rejection(client[act]('x'))
      expect(error).toMatchObject({ code: 'PROVIDER', retryable: false })
      expect(error.details).toEqual({ uri: 'com.example.error', args: ['it is so', 2], kwargs: { a: 1 } })
      expect(error.message).toContain('com.example.error it is so')
      expect(requests).toHaveLength(1)
    }
  })

  test.each<[object, object]>([
    [{ error: 'e' }, { uri: 'e', args: [], kwargs: {} }],
    [
      { error: 'e', args: 'odd', kwargs: null },
      { uri: 'e', args: [], kwargs: {} },
    ],
    [
      { error: 'e', id: 5 },
      { uri: 'e', args: [], kwargs: {} },
    ],
  ])('may say less: %j', async (body, details) => {
    expect((await rejection(publishing(json(body)).client.publish('t'))).details).toEqual(details)
  })

  test('is cut in the text', async () => {
    const { client } = publishing(json({ error: 'e'.repeat(10_000), args: ['x'.repeat(10_000)] }))
    expect((await rejection(client.call('p'))).message.length).toBeLessThan(500)
  })

  test('that quotes the signature shows it nowhere', async () => {
    const { client } = signed(({ url }) => {
      const signature = url.searchParams.get('signature')
      const said = `bad ${signature} of ${SECRET}`
      return Response.json({ error: `e ${signature}`, args: [said, { said }], kwargs: { a: [said] } })
    })
    const text = everything([await rejection(client.call('p'))])
    expect(text).not.toContain(SECRET)
    expect(text).not.toMatch(/[\w-]{43}=/)
  })
})

describe('a status', () => {
  test.each([
    [400, 'HTTP'],
    [401, 'AUTH_REJECTED'],
    [403, 'AUTH_REJECTED'],
    [404, 'HTTP'],
    [405, 'HTTP'],
    [413, 'HTTP'],
    [500, 'HTTP'],
    [502, 'HTTP'],
  ])('of %d is %s, with the body, and is not tried again', async (status, code) => {
    for (const act of ['publish', 'call'] as const) {
      const { client, requests } = signed(() => new Response('malformed request', { status }))
      const error = await rejection(client[act]('x'))
      expect(error).toMatchObject({ code, details: { status, body: 'malformed request' } })
      expect(requests).toHaveLength(1)
    }
  })

  test('of a failure is one even when the body reads like a success', async () => {
    const { client } = publishing(json({ id: 5 }, 500))
    expect(await rejection(client.publish('t'))).toMatchObject({ code: 'HTTP' })
  })

  test('of 401 by a server with another time says by how much the clock here is wrong', async () => {
    const { client } = signed(({ at }) => {
      const date = new Date(at + 600_000).toUTCString()
      return new Response('', { status: 401, headers: { date } })
    })
    expect((await rejection(client.publish('t'))).message).toMatch(/the clock here is (599|600|601) s behind/)
  })

  test('of 503, or nobody listening, is tried again with another number, nonce and time', async () => {
    const answers: Answer[] = [json({}, 503), () => refusedBySystem(), json({ id: 1 })]
    const server = signed((request) => answers.shift()!(request), { random: () => 0.3 })
    const publish = server.client.publish('t', [1])
    await pauses(server, publish)
    expect(await publish).toBe(1)
    expect(await Promise.all(server.requests.map(isSigned))).toEqual([true, true, true])
    for (const name of ['seq', 'nonce', 'timestamp', 'signature']) {
      expect([name, new Set(server.requests.map(({ url }) => url.searchParams.get(name))).size]).toEqual([
        name,
        3,
      ])
    }
  })

  test('of a redirect is not followed', async () => {
    const { client, requests } = signed(
      () => new Response('', { status: 307, headers: { location: 'http://x/' } }),
    )
    const error = await rejection(client.publish('t'))
    expect([error.code, requests.length, requests[0]!.init.redirect]).toEqual(['HTTP', 1, 'manual'])
  })
})

describe('a 200 that is no JSON', () => {
  test.each([
    ['a page', '<html>Crossbar.io</html>'],
    ['nothing', ''],
    ['half', '{"id":47'],
  ])('%s is PROTOCOL, with its beginning', async (_, body) => {
    const { client, requests } = signed(() => new Response(body))
    const error = await rejection(client.publish('t'))
    expect(error).toMatchObject({ code: 'PROTOCOL', details: { status: 200, body } })
    expect(requests).toHaveLength(1)
  })

  test('that breaks off is CONNECTION_LOST, and is not tried again', async () => {
    const { client, requests } = signed(() => broken(200))
    expect(await rejection(client.publish('t'))).toMatchObject({ code: 'CONNECTION_LOST' })
    expect(requests).toHaveLength(1)
  })

  test('as deep as a well is an error of its own kind', async () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    const error = await rejection(publishing(() => new Response(`{"error":${deep}}`)).client.publish('t'))
    expect(error).toMatchObject({ code: 'PROTOCOL' })
  })
})

test('the timeout and the signal end a call', async () => {
  const server = signed(() => new Promise<Response>(() => {}))
  const byTime = rejection(server.client.publish('t', [], {}, { timeout: 50 }))
  await until(() => server.requests.length === 1)
  await server.clock.advance(50)
  expect(await byTime).toMatchObject({ code: 'TIMEOUT' })
  const abort = new AbortController()
  const bySignal = rejection(server.client.call('p', [], {}, { signal: abort.signal }))
  await until(() => server.requests.length === 2)
  abort.abort('enough')
  expect(await bySignal).toMatchObject({ code: 'ABORTED', cause: 'enough' })
  expect([server.clock.timers, server.requests.every(({ init }) => init.signal!.aborted)]).toEqual([0, true])
})

test('neither secret nor signature is shown, on any way to fail', async () => {
  const seen: unknown[] = []
  const quoting =
    (status: number): Answer =>
    ({ raw, url, body }) =>
      new Response(`${raw} ${body} ${url.searchParams.get('signature')} ${SECRET}`, { status })
  const ways: Answer[] = [
    ...[200, 400, 401, 403, 500].map(quoting),
    ({ raw }) => Promise.reject(new TypeError(`Failed to parse URL from ${raw}`)),
    ({ raw }) => Promise.reject(Object.assign(new Error('x'), { input: raw })),
    () => broken(200),
  ]
  for (const answer of ways) {
    const { client } = signed(answer, { logger: (record) => seen.push(record) })
    seen.push(await rejection(client.publish('t', ['x'])))
  }
  const text = everything(seen)
  expect(text).not.toContain(SECRET)
  expect(text).not.toMatch(/[\w-]{43}(=|%3D)/)
})
