// What goes wrong in a program before anything is sent.
import {
  createPrismClient,
  type PrismCallOptions,
  type PrismClientOptions,
  type PrismSession,
} from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { FakeClock } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { CONFIG, gateway, isSigned, SECRET } from './gateway.ts'

describe('options', () => {
  test.each<[object, string]>([
    [{ baseUrl: undefined }, 'baseUrl'],
    [{ key: undefined }, 'key'],
    [{ key: '' }, 'key'],
    [{ key: 5 }, 'key'],
    [{ secret: '' }, 'secret'],
    [{ secret: 5 }, 'secret'],
    [{ secret: null }, 'secret'],
    [{ secret: undefined }, 'secret'],
    [{ sign: () => 's' }, 'secret'],
    [{ secret: undefined, sign: 's' }, 'sign'],
    [{ accessToken: '' }, 'accessToken'],
    [{ accessToken: 5 }, 'accessToken'],
    [{ auth: 'none' }, 'auth'],
    [{ auth: '' }, 'auth'],
    [{ auth: true }, 'auth'],
    [{ timeout: -1 }, 'timeout'],
    [{ timeout: Number.NaN }, 'timeout'],
    [{ timeout: '5' }, 'timeout'],
    [{ timeout: Number.POSITIVE_INFINITY }, 'timeout'],
    [{ retries: -1 }, 'retries'],
    [{ retries: 1.5 }, 'retries'],
    [{ retries: '1' }, 'retries'],
    [{ fetch: 'fetch' }, 'fetch'],
    [{ WebSocket: {} }, 'WebSocket'],
    [{ logger: console }, 'logger'],
    [{ random: 0.5 }, 'random'],
    [{ clock: { now: () => 0 } }, 'clock'],
    [{ clientId: 'marker-value' }, 'clientId'],
    [{ base_url: 'marker-value' }, 'base_url'],
  ])('%j are refused by name', (options, option) => {
    try {
      gateway(undefined, options)
      throw new Error('they were taken')
    } catch (error) {
      expect(error).toMatchObject({
        name: 'IsomqError',
        code: 'CONFIG',
        provider: 'prism',
        details: { option },
      })
      expect((error as Error).message).toContain(`"${option}"`)
      expect(everything([error])).not.toContain('marker-')
    }
  })

  test.each([undefined, null, 'https://h.test/api', 5])('%j are none', (options) => {
    expect(() => createPrismClient(options as unknown as PrismClientOptions)).toThrow(CONFIG)
  })

  test('may be undefined where they have a default', async () => {
    const { client, calls } = gateway(undefined, {
      sign: undefined,
      accessToken: undefined,
      auth: undefined,
      timeout: undefined,
      retries: undefined,
      WebSocket: undefined,
      logger: undefined,
      random: undefined,
    })
    await client.get('x')
    expect(isSigned(calls[0]!)).toBe(true)
  })

  test('are neither changed nor looked at again', async () => {
    const urls: string[] = []
    const options = {
      baseUrl: 'https://one.test/api',
      key: 'one',
      secret: 'one',
      fetch: async (url: string) => {
        urls.push(url)
        return Response.json({})
      },
    }
    const copy = { ...options }
    const client = createPrismClient(options)
    expect(options).toEqual(copy)
    Object.assign(options, {
      baseUrl: 'https://two.test/api',
      key: 'two',
      secret: undefined,
      fetch: undefined,
    })
    await client.get('x')
    expect(urls).toEqual([expect.stringMatching(/^https:\/\/one\.test\/api\/x\?client_id=one&/)])
    await createPrismClient(Object.freeze(copy)).get('x')
  })
})

describe('a client', () => {
  test('does nothing until it is used', async () => {
    let used = 0
    const touch = () => {
      used++
      return 'x'
    }
    const clock = new FakeClock()
    const client = createPrismClient({
      baseUrl: 'https://prism.test/api',
      key: 'key',
      sign: touch,
      accessToken: touch,
      clock,
      random: () => touch().length,
      logger: touch,
      fetch: async () => Response.json(touch()),
      WebSocket: touch as unknown as NonNullable<PrismClientOptions['WebSocket']>,
    })
    client.oauth.authorizeUrl({ redirectUri: 'https://app.test/' })
    client.as({
      accessToken: 'a',
      expiresAt: 0,
      refreshToken: 'r',
      refreshExpiresAt: undefined,
      sessionId: undefined,
      data: {},
    })
    expect([used, clock.timers]).toEqual([0, 0])
    await client.close()
    expect([used, clock.timers]).toEqual([0, 0])
  })

  test('has methods that can be taken off it', async () => {
    const { client, calls } = gateway()
    const { get, post, put, delete: remove, request, oauth, as, close } = client
    const { logoutUrl, checkSession } = oauth
    await get('x')
    await post('x')
    await put('x')
    await remove('x')
    await request('GET', 'x')
    await checkSession('s')
    const { get: asUser } = as({ ...session, expiresAt: Number.POSITIVE_INFINITY })
    await asUser('x')
    expect([calls.length, logoutUrl()]).toEqual([7, 'https://prism.test/oauth/logout'])
    await close()
  })

  const session = {
    accessToken: 'a',
    expiresAt: 0,
    refreshToken: undefined,
    refreshExpiresAt: undefined,
    sessionId: undefined,
    data: {},
  }

  test('that is shown shows no secret', () => {
    const { client } = gateway(undefined, { accessToken: 'marker-token' })
    const user = client.as({ ...session, accessToken: 'marker-token' })
    expect(JSON.stringify([client, client.oauth, { ...user, session: undefined }])).not.toContain('marker-')
    expect(everything([client])).not.toContain(SECRET)
  })

  test('looks up the runtime’s fetch at every call', async () => {
    const client = createPrismClient({ baseUrl: 'https://prism.test/api', key: 'key', secret: SECRET })
    const { fetch } = globalThis
    try {
      for (const n of [1, 2]) {
        globalThis.fetch = async () => Response.json(n)
        expect((await client.get('x')).data).toBe(n)
      }
    } finally {
      globalThis.fetch = fetch
    }
  })
})

describe('a call', () => {
  test.each(['', ' ', 'GE T', 'GET ', 'GET\r\n', 'GET /', 'GÉT', 'X-Y', 5, null, undefined, {}])(
    'by the method %j is refused',
    async (method) => {
      const { client, calls } = gateway()
      expect(await rejection(client.request(method as string, 'x'))).toEqual(CONFIG)
      expect(calls).toEqual([])
    },
  )

  test.each([null, 5, 'x', true])(
    'with the options %j is refused, and so is all else that takes options',
    async (given) => {
      const { client, calls } = gateway()
      const options = given as never
      const { oauth } = client
      const session = { accessToken: 'a', refreshToken: 'r', expiresAt: 1 } as PrismSession
      const page = new Request('https://app.test/')
      for (const call of [
        () => client.get('x', {}, options),
        () => client.post('x', undefined, options),
        () => client.request('PATCH', 'x', {}, options),
        () => client.as(session).get('x', {}, options),
        () => client.as(session).refresh(options),
        () => oauth.exchange('code', options),
        () => oauth.refresh('token', options),
        () => oauth.checkSession('session', options),
        () => oauth.guard(page, new Map(), options),
        () => oauth.logout(page, new Map(), options),
      ]) {
        expect(await rejection(call())).toEqual(CONFIG)
      }
      expect(() => oauth.authorizeUrl(options)).toThrow(CONFIG)
      expect(() => client.notify(options)).toThrow(CONFIG)
      expect(calls).toEqual([])
    },
  )

  test('rejects, and never throws', async () => {
    const { client } = gateway()
    const wrongs: (() => Promise<unknown>)[] = [
      () => client.request('', 'x'),
      () => client.get(undefined as unknown as string),
      () => client.get('..'),
      () => client.get('x', { sign: 'x' }),
      () => client.get('x', { a: Number.NaN }),
      () => client.get('x', {}, { headers: { 'a\n': 'b' } }),
      () => client.get('x', {}, { retries: -1 }),
      () => client.get('x', {}, { timeout: -1 }),
      () => client.get('x', {}, null as unknown as PrismCallOptions),
      () => client.oauth.exchange(''),
      () => client.oauth.guard(new Request('https://app.test/'), new Map(), { origin: 'x' }),
    ]
    for (const wrong of wrongs) {
      let call: Promise<unknown> | undefined
      expect(() => {
        call = wrong()
      }).not.toThrow()
      expect(await rejection(call!)).toBeInstanceOf(Error)
    }
  })
})
