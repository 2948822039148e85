// What becomes of answers, and what errors say.
import { type PrismCallOptions, type PrismClientOptions, verifyRequest } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { rejection } from '../support/events.ts'
import { type Answer, broken, type Call, gateway, ok, value } from './gateway.ts'

const text =
  (body: string | null, init: ResponseInit = {}) =>
  () =>
    new Response(body, init)
const once = (answer: Answer, options: Partial<PrismClientOptions> = {}) =>
  gateway(answer, { retries: 0, ...options }).client

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
      expect(await rejection(client.get('x'))).toMatchObject({ code: 'LIMIT', retryable: false })
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

describe('what nobody may read', () => {
  const secret = 'marker-secret/+&=%é "!\'()*'
  const accessToken = 'marker-token/+==!'
  /** What a server may quote, in every form in which one may. */
  const quotes: Record<string, (call: Call) => string> = {
    'the URL': ({ url }) => url.href,
    'the URL in small letters': ({ url }) => url.href.replace(/%[\dA-F]{2}/g, (code) => code.toLowerCase()),
    'the form': ({ body }) => body ?? 'none',
    'the parameters': ({ query, form }) => [...query, ...form].map((pair) => pair.join(' is ')).join('\n'),
    'the parameters as JSON': ({ query, form }) => JSON.stringify([...query, ...form]),
    'the parameters as PHP’s JSON': ({ query, form }) =>
      JSON.stringify([...query, ...form]).replaceAll('/', '\\/'),
    'the parameters as another form': ({ query, form }) =>
      String(new URLSearchParams([...query, ...form] as unknown as string[][])),
    'the Authorization': ({ headers }) => `bad ${headers.get('authorization')}`,
    'the token': ({ headers }) => `bad token ${headers.get('authorization')?.split(' ')[1]}`,
    'the escaped Authorization': ({ headers }) =>
      encodeURIComponent(`Authorization=${headers.get('authorization')}`),
    'the secret': () => `${secret} is not your secret`,
    'the secret over and over': () => secret.repeat(400),
    'the signature that it wanted': ({ query, form }) =>
      `want ${new URLSearchParams([...query, ...form] as unknown as string[][]).get('sign')}`,
  }
  const shapes: Record<string, (quote: string) => Response> = {
    'a page': (quote) => new Response(quote, { status: 500 }),
    'a page of success': (quote) => new Response(`<p>${quote}`),
    'a page of refusal': (quote) => new Response(quote, { status: 401 }),
    'JSON without an error': (quote) => Response.json({ message: quote }, { status: 400 }),
    'an error': (quote) => Response.json({ error: quote }),
    'the text of an error': (quote) => Response.json({ error: { code: 1, message: quote } }, { status: 401 }),
    'the code of an error': (quote) => Response.json({ error: { code: quote } }, { status: 400 }),
    'an error of another shape': (quote) => Response.json({ error: { reason: [quote] } }),
    'half of JSON': (quote) => new Response(JSON.stringify({ message: quote }).slice(0, -1)),
  }

  test.each(Object.keys(quotes))('is left out when the server quotes %s', async (quote) => {
    for (const shape of Object.values(shapes)) {
      for (const auth of ['sign', 'secret'] as const) {
        for (const method of ['GET', 'POST']) {
          const { client, calls, records } = gateway((call) => shape(quotes[quote]!(call)), {
            secret,
            accessToken,
            auth,
            retries: 0,
          })
          const error = await rejection(client.request(method, 'x'))
          expect(error.name).toBe('IsomqError')
          const shown = everything([error, records])
          expect(shown).not.toMatch(/marker-/)
          if (auth === 'sign') expect(shown).not.toContain(value(calls[0]!, 'sign'))
        }
      }
    }
  })

  test('is left out when one is the beginning of another', async () => {
    const options = { secret: 'abc', accessToken: 'abc-marker-token' }
    const error = await rejection(once(text('no abc-marker-token, abc', { status: 400 }), options).get('x'))
    expect(error.details).toMatchObject({ body: 'no …, …' })
  })

  test('is left out when it is an Authorization of the call’s own', async () => {
    const headers = { authorization: 'Basic marker-basic==' }
    for (const quote of ['bad Basic marker-basic==', 'bad marker-basic==', 'Basic%20marker-basic%3D%3D']) {
      const error = await rejection(once(text(quote, { status: 400 })).get('x', {}, { headers }))
      expect(everything([error])).not.toContain('marker-basic')
    }
  })

  test('is left out when the runtime’s own errors quote the URL', async () => {
    const failures = ({ url: { href: url } }: Call): unknown[] => [
      new TypeError(`error sending request for url (${url}): connection refused`),
      Object.assign(new Error('Unable to connect'), { path: url, code: 'ConnectionRefused' }),
      new TypeError('fetch failed', { cause: new Error(`no route to ${url}`) }),
      url,
    ]
    for (let i = 0; i < 4; i++) {
      for (const auth of ['sign', 'secret'] as const) {
        const { client, calls } = gateway((call) => Promise.reject(failures(call)[i]), {
          secret,
          auth,
          retries: 0,
        })
        const error = await rejection(client.get('x'))
        expect(error).toMatchObject({ code: 'CONNECT_FAILED', cause: expect.any(Error) })
        expect(everything([error])).not.toMatch(/marker-/)
        if (auth === 'sign') expect(everything([error])).not.toContain(value(calls[0]!, 'sign'))
      }
    }
  })

  test('of the runtime’s own errors, the code stays', async () => {
    const answer = ({ url }: Call) =>
      Promise.reject(
        Object.assign(new Error('Unable to connect'), { path: url.href, code: 'ConnectionRefused' }),
      )
    expect(await rejection(once(answer).get('x'))).toMatchObject({
      cause: { message: 'Unable to connect', code: 'ConnectionRefused' },
    })
  })

  test('is in no record of the logger, whatever happens', async () => {
    const answers = [ok(), new Response('', { status: 500 }), new Response('{"error":1}', { status: 401 })]
    const { client, clock, records, calls } = gateway(() => answers.shift() ?? ok(), {
      secret,
      accessToken,
      timeout: 0,
    })
    await client.get('x', { a: 1 })
    const retried = client.get('x')
    while (clock.untilNext === undefined) await new Promise((resolve) => setTimeout(resolve))
    await clock.advance(500)
    await rejection(retried)
    expect(records.map(({ event }) => event)).toEqual([
      'called',
      'answered',
      'called',
      'answered',
      'retrying',
      'called',
      'answered',
    ])
    const shown = everything(records)
    expect(shown).not.toMatch(/marker-/)
    for (const call of calls) expect(shown).not.toContain(value(call, 'sign'))
  })

  test('is not taken out of what is no error', async () => {
    const { data } = await once(({ query }) => ok(query), { secret: 'a' }).get<string[][]>('x', {
      name: 'banana',
    })
    expect(data).toContainEqual(['name', 'banana'])
  })
})

describe('a logger', () => {
  test.each<[string, PrismClientOptions['logger']]>([
    [
      'throws',
      () => {
        throw new Error('disk full')
      },
    ],
    ['rejects', (() => Promise.reject(new Error('disk full'))) as () => void],
    ['never ends', (() => new Promise(() => {})) as () => void],
    [
      'gives what cannot be asked',
      (() =>
        Object.defineProperty({}, 'then', {
          get() {
            throw new Error('no')
          },
        })) as () => void,
    ],
  ])('that %s harms no call', async (_, logger) => {
    const { client } = gateway(() => ok({ a: 1 }), { logger })
    expect((await client.get('x')).data).toEqual({ a: 1 })
    expect((await client.post('x')).data).toEqual({ a: 1 })
  })
})

test('two options of a call that are the same object are not changed', async () => {
  const options: PrismCallOptions = Object.freeze({
    headers: Object.freeze({ 'x-api-a': '1' }),
    query: Object.freeze({ q: 1 }),
  })
  const { client, calls, clock } = gateway()
  await client.get('x', {}, options)
  await client.get('x', {}, options)
  const [one, two] = calls
  expect(one!.url.href).toBe(two!.url.href)
  expect(
    (await verifyRequest(new Request(one!.url, one!.init), { secret: 'marker-secret', now: clock.now() }))
      .valid,
  ).toBe(true)
})
