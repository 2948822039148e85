// What becomes of answers, and what errors say.
import { describe, expect, test } from 'vitest'
import { rejection } from '../support/events.ts'
import { type Answer, broken, gateway, ok, once, text } from './gateway.ts'

describe('an answer', () => {
  test('is its JSON, with the status, the headers and the request id', async () => {
    const answer = await once(() =>
      Response.json(
        { result: { a: [1] } },
        { status: 201, headers: { 'X-Request-Id': 'r-1', 'x-other': 'o' } },
      ),
    ).post<{ result: object }>('x')
    expect([answer.data.result, answer.requestId, answer.status]).toEqual([{ a: [1] }, 'r-1', 201])
    expect(answer.headers.get('x-other')).toBe('o')
  })

  test('need not have a request id', async () => {
    expect((await once(() => ok()).get('x')).requestId).toBeUndefined()
  })

  test.each([
    '{"error":null}',
    '{"error":false,"a":1}',
    '{"error":""}',
    '{"error":0}',
    '{"Error":"x","errors":["y"]}',
    '{"result":true,"error":null}',
    '[{"error":"x"}]',
    '"error"',
    '0',
    'false',
    'null',
    '""',
    ' { "a" : "中" } ',
    '{"__proto__":{"error":"x"}}',
  ])('of %s is one', async (body) => {
    const { data } = await once(text(body)).get('x')
    expect(JSON.stringify(data)).toBe(JSON.stringify(JSON.parse(body)))
  })

  test('may be empty, with 204 or any success', async () => {
    for (const answer of [text(null, { status: 204 }), text(''), text(null, { status: 202 })]) {
      expect((await once(answer).delete('x')).data).toBeUndefined()
    }
  })

  test('is read whatever it says that it is', async () => {
    const headers = { 'content-type': 'text/html; charset=gbk' }
    expect((await once(text('{"a":"中"}', { headers })).get('x')).data).toEqual({ a: '中' })
  })

  test('rounds long integers, unless they shall be exact', async () => {
    const body =
      '{"tag":9007199254740993,"list":[-18446744073709551615],"short":12,"text":"9007199254740993","f":1.5}'
    const client = once(text(body))
    expect((await client.get<{ tag: unknown }>('x')).data.tag).toBe(9007199254740992)
    for (const method of ['GET', 'POST']) {
      expect((await client.request(method, 'x', {}, { exact: true })).data).toEqual({
        tag: '9007199254740993',
        list: ['-18446744073709551615'],
        short: 12,
        text: '9007199254740993',
        f: 1.5,
      })
    }
  })
})

describe('an error of the server', () => {
  test.each<[body: string, code: unknown, message: unknown, said: string]>([
    ['{"error":"no stock"}', undefined, 'no stock', 'no stock'],
    ['{"error":"0"}', undefined, '0', '0'],
    ['{"error":1001}', undefined, 1001, '1001'],
    ['{"error":true}', undefined, true, 'true'],
    ['{"error":{"code":1001,"message":"no stock"}}', 1001, 'no stock', '1001 no stock'],
    ['{"error":{"code":0,"message":"none"}}', 0, 'none', '0 none'],
    ['{"error":{"code":"E1","msg":"no stock"}}', 'E1', 'no stock', 'E1 no stock'],
    ['{"error":{"code":"E1","message":null,"msg":"m"}}', 'E1', 'm', 'E1 m'],
    ['{"error":{"code":"E1"}}', 'E1', undefined, 'E1'],
    ['{"error":{"reason":"no stock"}}', undefined, undefined, 'status 200'],
    ['{"error":["no stock"]}', undefined, undefined, 'status 200'],
    [
      '{"error":{"code":{"toString":1},"message":{"valueOf":2,"toString":3}}}',
      undefined,
      undefined,
      'status 200',
    ],
    ['{"error":{"code":[["a"]],"message":null}}', undefined, undefined, 'status 200'],
    [`{"error":${'['.repeat(5_000)}${']'.repeat(5_000)}}`, undefined, undefined, 'status 200'],
  ])('of %j is PROVIDER, with what it says', async (body, code, message, said) => {
    const error = await rejection(once(text(body, { headers: { 'x-request-id': 'r' } })).get('x'))
    expect(error).toMatchObject({
      code: 'PROVIDER',
      provider: 'prism',
      retryable: false,
      message: `prism: the server refused the call (${said})`,
      details: { status: 200, requestId: 'r', body: body.slice(0, 200) },
    })
    const details = error.details as Record<string, unknown>
    expect([details.code, details.message]).toEqual([code, message])
  })

  test.each([
    [400, false],
    [404, false],
    [409, false],
    [429, true],
    [500, true],
    [503, true],
  ])('of status %d says whether the same call may succeed later', async (status, retryable) => {
    const options = { status, headers: { 'x-request-id': 'r' } }
    const details = { status, requestId: 'r' }
    for (const [body, code] of [
      ['{"error":"e"}', 'PROVIDER'],
      ['{"error":null}', 'HTTP'],
      ['{}', 'HTTP'],
      ['<html><h1>Bad Gateway', 'HTTP'],
      ['', 'HTTP'],
    ] as const) {
      const error = await rejection(once(text(body, options)).get('x'))
      expect(error).toMatchObject({ code, retryable, details: { ...details, body } })
      if (code === 'HTTP') expect(error.message).toContain(String(status))
    }
  })

  test.each([401, 403])('of status %d is AUTH_REJECTED and says what to check', async (status) => {
    for (const [body, said] of [
      ['{"error":{"code":"sign","message":"bad sign"}}', 'sign bad sign'],
      ['<html>', `status ${status}`],
      ['', `status ${status}`],
    ] as const) {
      const error = await rejection(once(text(body, { status, headers: { 'x-request-id': 'r' } })).get('x'))
      expect(error).toMatchObject({
        code: 'AUTH_REJECTED',
        retryable: false,
        message: `prism: the server refused the call (${said}); check key, secret, access token and the clock`,
        details: { status, requestId: 'r' },
      })
    }
  })

  test('shows the beginning of a long page', async () => {
    const error = await rejection(once(text('<p>'.repeat(100_000), { status: 502 })).get('x'))
    expect((error.details as { body: string }).body).toBe('<p>'.repeat(100).slice(0, 200))
  })
})

describe('what is no answer', () => {
  test.each(['<html>', '{"a":', '{"a":1}}', 'a=1', ' ', 'undefined', '\ufeff\ufeff{}'])(
    '%j is PROTOCOL',
    async (body) => {
      const error = await rejection(once(text(body, { headers: { 'x-request-id': 'r' } })).get('x'))
      expect(error).toMatchObject({
        code: 'PROTOCOL',
        retryable: false,
        message: 'prism: the answer is not JSON; check the base URL and the path',
        details: { status: 200, requestId: 'r', body },
      })
    },
  )

  test.each([
    [301, 'https://evil.test/'],
    [302, '/elsewhere'],
    [303, '//evil.test'],
    [307, 'https://evil.test/'],
    [308, 'https://evil.test/'],
  ])('a redirect (%d to %s) is not followed, and the error says so', async (status, location) => {
    const { client, calls } = gateway(text(null, { status, headers: { location } }), { retries: 3 })
    for (const method of ['GET', 'POST']) {
      const error = await rejection(client.request(method, 'x'))
      expect(error).toMatchObject({
        code: 'HTTP',
        retryable: false,
        message: expect.stringContaining('redirect'),
      })
    }
    expect(calls).toHaveLength(2)
  })

  test('a redirect as browsers show it, with status 0, is one as well', async () => {
    const error = await rejection(once(() => Response.error()).get('x'))
    expect(error).toMatchObject({
      code: 'HTTP',
      message: expect.stringContaining('redirect'),
      details: { status: 0 },
    })
  })

  test('17 MiB are LIMIT, whatever the status', async () => {
    for (const status of [200, 500]) {
      const { client, calls } = gateway(() => new Response(new Uint8Array(17 * 1024 * 1024), { status }))
      expect(await rejection(client.get('x'))).toMatchObject({
        code: 'LIMIT',
        retryable: false,
        message: 'prism: an answer exceeds 16777216 bytes; ask for less at once',
      })
      expect(calls).toHaveLength(1)
    }
  })

  test('half a body is CONNECTION_LOST', async () => {
    expect(await rejection(once(broken).post('x'))).toMatchObject({
      code: 'CONNECTION_LOST',
      message: /may have been done/,
    })
  })

  test('a network that is down is CONNECT_FAILED, with its cause', async () => {
    const down = () => Promise.reject(new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') }))
    expect(await rejection(once(down).post('x'))).toMatchObject({
      code: 'CONNECT_FAILED',
      cause: { message: 'fetch failed', cause: { message: 'ECONNREFUSED' } },
    })
  })

  test.each<[string, unknown]>([
    ['throws a text', () => Promise.reject('down')],
    ['throws nothing', () => Promise.reject(undefined)],
    ['gives nothing', () => undefined],
    ['gives something else', () => 'x'],
  ])('a fetch that %s is an error all the same', async (_, answer) => {
    const error = await rejection(once(answer as Answer).get('x'))
    expect(error).toMatchObject({ name: 'IsomqError', code: 'CONNECT_FAILED' })
    if (error.cause !== undefined) expect(error.cause).toBeInstanceOf(Error)
  })
})

describe('the clock', () => {
  const refusal = (ahead: number, init: ResponseInit = {}, body = '{"error":"sign"}') => {
    const { client, clock } = gateway(() => {
      const date = new Date(Math.floor(clock.now() / 1000) * 1000 - ahead).toUTCString()
      return new Response(body, { status: 401, ...init, headers: { date } })
    })
    return rejection(client.post('x'))
  }

  test.each([
    [-3_600_000, /the clock here is 3600 s behind the server's/],
    [-31_000, /the clock here is 31 s behind/],
    [30_000, /the clock here is 30 s ahead of the server's/],
    [86_400_000, /the clock here is 86400 s ahead of/],
  ])('that is %d ms ahead of the server’s is named', async (ahead, says) => {
    // FakeClock does not begin at a whole second, and `date` has no fractions.
    const details = { clockSkew: ahead + 123 }
    for (const init of [{}, { status: 403 }]) {
      expect(await refusal(ahead, init)).toMatchObject({ code: 'AUTH_REJECTED', message: says, details })
    }
    expect(await refusal(ahead, { status: 200 })).toMatchObject({ code: 'PROVIDER', message: says, details })
    expect(await refusal(ahead, {}, '<html>')).toMatchObject({
      code: 'AUTH_REJECTED',
      message: says,
      details,
    })
  })

  test.each([-29_000, 0, 29_000])('that is %d ms ahead is not blamed', async (ahead) => {
    const error = await refusal(ahead)
    expect(error.message).toBe(
      'prism: the server refused the call (sign); check key, secret, access token and the clock',
    )
    expect(error.details).toMatchObject({ clockSkew: ahead + 123 })
  })

  test.each([undefined, '', 'soon'])('is not blamed when the answer’s date is %j', async (date) => {
    const headers: HeadersInit = date === undefined ? [] : [['date', date]]
    const error = await rejection(once(text('{"error":"sign"}', { status: 401, headers })).get('x'))
    expect(error.message).not.toContain('clock here')
    expect(error.details).toMatchObject({ clockSkew: undefined })
  })
})
