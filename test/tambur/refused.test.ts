// What a publisher says when the service does not take a message, and what it never shows.
import { IsomqError } from 'isomq/tambur'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { rejection } from '../support/events.ts'
import { CONFIG } from './bench.ts'
import { type Answer, type Call, KEYS, service, taken } from './service.ts'

const DATE = (clock: { now(): number }, ahead = 0) => new Date(clock.now() + ahead).toUTCString()

describe('a refused signature', () => {
  test.each([401, 403])(
    'with status %i is AUTH_REJECTED, said once, with what the service said',
    async (status) => {
      const s = service(() => new Response('{"error":"invalid_signature"}', { status }))
      const error = await rejection(s.publisher.publish('news', 'x'))
      expect(error).toMatchObject({
        code: 'AUTH_REJECTED',
        provider: 'tambur',
        retryable: false,
        details: { status, debug: '{"error":"invalid_signature"}' },
      })
      expect(error.message).toContain('invalid_signature')
      expect([s.calls.length, s.clock.timers]).toEqual([1, 0])
    },
  )

  test('that is not explained has at least a status', async () => {
    const s = service(() => new Response(null, { status: 401 }))
    expect((await rejection(s.publisher.publish('news', 'x'))).message).toContain('status 401')
  })

  test('that is explained at length is in the details, and in the text in short', async () => {
    const explanation = JSON.stringify({
      error: 'invalid_signature',
      base_string: `POST&${'x'.repeat(1_500)}`,
    })
    const s = service(() => new Response(explanation, { status: 401 }), { debug: true })
    const error = await rejection(s.publisher.publish('news', 'x'))
    expect((error.details as { debug: string }).debug).toBe(explanation)
    expect(error.message.length).toBeLessThan(500)
  })

  test('of a megabyte is cut', async () => {
    const s = service(() => new Response('x'.repeat(1_000_000), { status: 401 }), { debug: true })
    const error = await rejection(s.publisher.publish('news', 'x'))
    expect(everything([error]).length).toBeLessThan(20_000)
  })

  test.each<[number, RegExp | undefined]>([
    [0, undefined],
    [29_000, undefined],
    [-29_000, undefined],
    [3_600_000, /clock here is 3600 s behind/],
    [-3_600_000, /clock here is 3600 s ahead/],
  ])('names a clock that is off: the server’s is %i ms ahead', async (ahead, hint) => {
    // Dates have no milliseconds.
    const s = service(
      () => new Response('no', { status: 401, headers: { date: DATE(s.clock, ahead - 123) } }),
    )
    const { message } = await rejection(s.publisher.publish('news', 'x'))
    if (hint) expect(message).toMatch(hint)
    else expect(message).not.toContain('clock')
  })

  test.each(['', 'yesterday', 'NaN'])('makes nothing of the date %j', async (date) => {
    const s = service(() => new Response('no', { status: 401, headers: { date } }))
    expect((await rejection(s.publisher.publish('news', 'x'))).message).not.toContain('clock')
  })
})

describe('other answers', () => {
  test.each([400, 404, 405, 410, 413, 422, 500, 502, 504])(
    'status %i is HTTP, with what it said',
    async (status) => {
      const s = service(() => new Response('{"error":"no_such_thing"}', { status }))
      expect(await rejection(s.publisher.publish('news', 'x'))).toMatchObject({
        code: 'HTTP',
        details: { status, body: '{"error":"no_such_thing"}' },
      })
      expect(s.calls.length).toBe(1)
    },
  )

  test.each([301, 302, 307, 308])('a redirect with status %i is HTTP, and not followed', async (status) => {
    const s = service(() => new Response(null, { status, headers: { location: 'https://evil.test/' } }))
    const error = await rejection(s.publisher.publish('news', 'x'))
    expect(error).toMatchObject({ code: 'HTTP' })
    expect([error.message.includes('redirect'), s.calls.length]).toEqual([true, 1])
  })

  test('17 MiB are not read to their end', async () => {
    const s = service(() => new Response(new Uint8Array(17 * 1024 * 1024), { status: 200 }))
    expect(await rejection(s.publisher.publish('news', 'x'))).toMatchObject({ code: 'LIMIT' })
    expect(s.calls.length).toBe(1)
  })
})

/** What a service may quote, as it is and in the usual spellings. */
function quote({ url, body, form }: Call): string {
  const signature = form.get('oauth_signature')!
  const all = [KEYS.secret, signature, form.get('oauth_nonce')!, `${KEYS.secret}&`]
  return [
    url,
    body,
    ...all,
    ...all.map(encodeURIComponent),
    ...all.map((text) => JSON.stringify({ text })),
    ...all.map((text) => new URLSearchParams({ text }).toString()),
  ].join('\n')
}

test('A23 · no secret, signature or nonce in any error, record or log, however it is quoted', async () => {
  const seen: unknown[] = []
  const hidden: string[] = []
  const answers: Answer[] = [
    (call) => new Response(quote(call), { status: 401 }),
    (call) => new Response(quote(call), { status: 403, statusText: 'x' }),
    (call) => new Response(quote(call), { status: 400 }),
    (call) => new Response(quote(call), { status: 500 }),
    (call) => new Response(quote(call), { status: 503 }),
    (call) => new Response(quote(call), { status: 302, headers: { location: `/?${call.body}` } }),
    () => Promise.reject(new TypeError('fetch failed')),
    () => new Promise(() => {}),
    taken,
  ]
  for (const debug of [false, true]) {
    for (const answer of answers) {
      const s = service(
        (call) => {
          hidden.push(call.form.get('oauth_signature')!, call.form.get('oauth_nonce')!)
          return answer(call)
        },
        { debug, retries: 1, timeout: 5_000, logger: (record) => void seen.push(record) },
      )
      const publishing = s.publisher.publish('news', 'x').catch((error) => seen.push(error))
      for (let turn = 0; turn < 20; turn++) {
        await new Promise((resolve) => setTimeout(resolve, 0))
        if (s.clock.untilNext !== undefined) await s.clock.advance(s.clock.untilNext)
      }
      await publishing
    }
  }
  const codes = new Set(seen.flatMap((it) => (it instanceof IsomqError ? [it.code] : [])))
  for (const code of ['AUTH_REJECTED', 'HTTP', 'CONNECT_FAILED', 'TIMEOUT'])
    expect([...codes]).toContain(code)
  const text = everything(seen)
  expect(text).toContain('the service refused the signature')
  for (const marker of [KEYS.secret, 's3cret', ...hidden, ...hidden.map(encodeURIComponent)]) {
    expect(text).not.toContain(marker)
  }
})

test('A23 · the publisher itself shows none of its options', () => {
  expect(everything([service().publisher])).not.toContain('MARKER')
})

describe('the log', () => {
  test('says what was published, and when it is tried again', async () => {
    const answers: Answer[] = [() => new Response('', { status: 503 }), taken]
    const s = service(() => answers.shift()!({} as Call))
    const publishing = s.publisher.publish('news', 'MARKER-text')
    while (s.clock.timers < 2) await new Promise((resolve) => setTimeout(resolve, 0))
    await s.clock.advance(500)
    await publishing
    expect(s.records).toEqual([
      expect.objectContaining({ provider: 'tambur', event: 'published', stream: 'news', status: 503 }),
      expect.objectContaining({ provider: 'tambur', event: 'retrying', attempt: 1, delay: 500 }),
      expect.objectContaining({ provider: 'tambur', event: 'published', stream: 'news', status: 204 }),
    ])
    expect(everything(s.records)).not.toContain('MARKER')
  })

  test('may throw or reject without harm', async () => {
    for (const logger of [
      () => {
        throw new Error('the log is full')
      },
      () => Promise.reject(new Error('the log is full')),
    ]) {
      const s = service(taken, { logger })
      await s.publisher.publish('news', 'x')
    }
  })
})

describe('tokens of a publisher', () => {
  test('are those of its keys', async () => {
    const { publisher } = service(taken, {
      apiKey: '30af96de47e3c58329045ff136a4a3ea',
      appId: 'ws-bot-1',
      secret: 'wsbot',
    })
    const id = 'a0629978-28d8-4fd4-b862-f67e9b6dfd8f'
    expect([
      await publisher.authToken('test', id),
      await publisher.presenceToken('test', 'test_user', id),
      await publisher.directToken('test', 'test_user', id),
    ]).toEqual([
      '2f25ad1ce5afab906cc582b6254a912590c60f73',
      'dcadf9659116ebbe024a4cd5ae12bde48d95408e',
      '2403374744295f5d22e3f999d4eb85b3f689c6b2',
    ])
  })

  test('of a grant that is ambiguous are refused', async () => {
    const { publisher } = service()
    await expect(publisher.authToken('news', 'a:b')).rejects.toEqual(CONFIG)
    await expect(publisher.presenceToken('a:b', 'me', 'id')).rejects.toEqual(CONFIG)
    await expect(publisher.directToken('news', '', 'id')).rejects.toEqual(CONFIG)
    await expect(publisher.directToken('news', undefined as unknown as string, 'id')).rejects.toEqual(CONFIG)
  })
})
