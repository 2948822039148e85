// What errors and records keep to themselves.
import type { PrismClientOptions } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { rejection } from '../support/events.ts'
import { type Call, gateway, ok, once, text, value } from './gateway.ts'

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
