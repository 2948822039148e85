// What goes wrong in a program: options, arguments, handlers.
import {
  createTamburConnection,
  createTamburPublisher,
  type TamburConnectionOptions,
  type TamburPublisherOptions,
} from 'isomq/tambur'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { flush } from '../support/clock.ts'
import { bench, CONFIG } from './bench.ts'

function refused(make: () => unknown, option: string): void {
  try {
    make()
  } catch (error) {
    expect(error).toMatchObject({
      name: 'IsomqError',
      code: 'CONFIG',
      provider: 'tambur',
      details: { option },
    })
    expect((error as Error).message).toContain(`"${option}"`)
    expect(everything([error])).not.toContain('MARKER')
    return
  }
  throw new Error('they were taken')
}

const balancer = { apiKey: 'k', appId: 'a', balancer: 'b.test' }

describe('options of a connection', () => {
  test.each<[object, string]>([
    [{}, 'url'],
    [{ url: 'wss://a.test', balancer: 'b.test', apiKey: 'k', appId: 'a' }, 'url'],
    [{ balancer: 'b.test', appId: 'a' }, 'apiKey'],
    [{ balancer: 'b.test', apiKey: 'k' }, 'appId'],
    [{ ...balancer, apiKey: '' }, 'apiKey'],
    [{ ...balancer, apiKey: 5 }, 'apiKey'],
    [{ ...balancer, appId: null }, 'appId'],
    [{ ...balancer, balancer: 'https://MARKER.test' }, 'balancer'],
    [{ ...balancer, balancer: 'MARKER.test/path' }, 'balancer'],
    [{ ...balancer, balancer: 'u:MARKER@h.test' }, 'balancer'],
    [{ ...balancer, balancer: 'h.test:MARKER' }, 'balancer'],
    [{ ...balancer, balancer: '' }, 'balancer'],
    [{ url: 'https://MARKER.test' }, 'url'],
    [{ url: 'wss://u:MARKER@h.test' }, 'url'],
    [{ url: 'MARKER' }, 'url'],
    [{ url: 5 }, 'url'],
    [{ url: new URL('wss://MARKER.test') }, 'url'],
    [{ ...balancer, ssl: 'yes' }, 'ssl'],
    [{ ...balancer, token: 'MARKER' }, 'token'],
    [{ ...balancer, tokenTimeout: -1 }, 'tokenTimeout'],
    [{ ...balancer, answerTimeout: 1.5 }, 'answerTimeout'],
    [{ ...balancer, connectTimeout: 'MARKER' }, 'connectTimeout'],
    [{ ...balancer, idleTimeout: Number.NaN }, 'idleTimeout'],
    [{ ...balancer, maxPending: 0 }, 'maxPending'],
    [{ ...balancer, reconnect: true }, 'reconnect'],
    [{ ...balancer, reconnect: { retries: 'MARKER' } }, 'reconnect'],
    [{ ...balancer, fetch: 'MARKER' }, 'fetch'],
    [{ ...balancer, WebSocket: {} }, 'WebSocket'],
    [{ ...balancer, logger: console }, 'logger'],
    [{ ...balancer, random: 0.5 }, 'random'],
    [{ ...balancer, clock: { now: () => 0 } }, 'clock'],
    [{ ...balancer, secret: 'MARKER' }, 'secret'],
    [{ ...balancer, api_key: 'MARKER' }, 'api_key'],
  ])('%j are refused by name', (options, option) => {
    refused(() => createTamburConnection(options as TamburConnectionOptions), option)
  })

  test.each([undefined, null, 'wss://h.test', 5])('%j are none', (options) => {
    expect(() => createTamburConnection(options as unknown as TamburConnectionOptions)).toThrow(CONFIG)
  })

  test('may be undefined where they have a default', async () => {
    const b = bench({
      apiKey: undefined,
      appId: undefined,
      balancer: undefined,
      ssl: undefined,
      tokenTimeout: undefined,
      answerTimeout: undefined,
      maxPending: undefined,
      connectTimeout: undefined,
      idleTimeout: undefined,
      reconnect: undefined,
      fetch: undefined,
      logger: undefined,
    })
    await b.obeyed()
    expect((await b.open()).state).toBe('open')
  })

  test('are neither changed nor looked at again', async () => {
    const options = Object.freeze({ url: 'wss://h.test/', reconnect: Object.freeze({ retries: 1 }) })
    const client = createTamburConnection(options)
    expect(client.state).toBe('idle')
    await client.close()
  })

  test('with a url need no key', () => {
    expect(createTamburConnection({ url: 'ws://h.test' }).state).toBe('idle')
  })
})

const publisher = { apiKey: 'k', appId: 'a', secret: 'MARKER-secret' }

describe('options of a publisher', () => {
  test.each<[object, string]>([
    [{ ...publisher, apiKey: undefined }, 'apiKey'],
    [{ ...publisher, apiKey: '' }, 'apiKey'],
    [{ ...publisher, appId: undefined }, 'appId'],
    [{ ...publisher, appId: 7 }, 'appId'],
    [{ ...publisher, secret: undefined }, 'secret'],
    [{ ...publisher, secret: '' }, 'secret'],
    [{ ...publisher, secret: ['MARKER'] }, 'secret'],
    [{ ...publisher, apiHost: 'https://MARKER' }, 'apiHost'],
    [{ ...publisher, apiHost: 'MARKER/path' }, 'apiHost'],
    [{ ...publisher, apiHost: 'u:MARKER@h' }, 'apiHost'],
    [{ ...publisher, apiHost: 'a\\b' }, 'apiHost'],
    [{ ...publisher, apiHost: 'a b' }, 'apiHost'],
    [{ ...publisher, apiHost: '' }, 'apiHost'],
    [{ ...publisher, ssl: 1 }, 'ssl'],
    [{ ...publisher, debug: 'true' }, 'debug'],
    [{ ...publisher, timeout: -1 }, 'timeout'],
    [{ ...publisher, timeout: '5' }, 'timeout'],
    [{ ...publisher, retries: -1 }, 'retries'],
    [{ ...publisher, retries: 0.5 }, 'retries'],
    [{ ...publisher, fetch: 'MARKER' }, 'fetch'],
    [{ ...publisher, clock: 5 }, 'clock'],
    [{ ...publisher, api_host: 'MARKER' }, 'api_host'],
  ])('%j are refused by name', (options, option) => {
    refused(() => createTamburPublisher(options as TamburPublisherOptions), option)
  })

  test.each(['.', '..', 'a/b', 'a?b', 'a#b', '%2e%2E'])('an app called %s would lead elsewhere', (appId) => {
    expect(() => createTamburPublisher({ ...publisher, appId })).toThrow(CONFIG)
  })

  test.each([undefined, null, 'x'])('%j are none', (options) => {
    expect(() => createTamburPublisher(options as unknown as TamburPublisherOptions)).toThrow(CONFIG)
  })
})

describe('handlers', () => {
  test.each([undefined, null, 'handler', {}])('cannot be %j', (handler) => {
    const { client } = bench()
    expect(() => client.on('status', handler as () => void)).toThrow(CONFIG)
    expect(() => client.stream('news').on('message', handler as () => void)).toThrow(CONFIG)
  })

  test('A7 · that throw or reject are reported, and kill neither messages nor the next connection', async () => {
    const b = bench({
      logger: () => {
        throw new Error('logger')
      },
    })
    const script = await b.obeyed()
    const news = await b.open('news', 'auth', 'presence', 'direct')
    const seen: string[] = []
    for (const type of ['message', 'auth', 'direct', 'presence'] as const) {
      news.on(type, () => {
        throw new Error(type)
      })
      news.on(type, () => Promise.reject(new Error(`${type} later`)))
      news.on(type, () => void seen.push(type))
    }
    for (const type of ['state', 'status', 'error', 'debug'] as const) {
      b.client.on(type, () => {
        throw new Error(type)
      })
    }
    script.publish('news', 'x')
    script.auth('news', 'x')
    script.direct('news', 'her', 'x')
    script.up('news', 'her')
    await flush()
    expect(seen).toEqual(['message', 'auth', 'direct', 'presence'])
    await b.again()
    expect([b.client.state, news.state]).toEqual(['open', 'open'])
    b.script.publish('news', 'y')
    expect(seen.at(-1)).toBe('message')
    const messages = new Set(b.errors.map(({ message }) => message))
    for (const type of ['message', 'auth', 'direct', 'presence']) {
      expect(messages).toContain(type)
      expect(messages).toContain(`${type} later`)
    }
    for (const type of ['state', 'status', 'debug', 'logger']) expect(messages).toContain(type)
  })

  test('A7 · that throw what is no Error are reported by one', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    news.on('message', () => {
      throw 'a text'
    })
    news.on('message', () => Promise.reject())
    script.publish('news', 'x')
    await flush()
    expect(b.errors.map((error) => [error instanceof Error, error.message])).toEqual([
      [true, 'a text'],
      [true, 'undefined'],
    ])
  })

  test('may open, close and switch streams from within any event', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    const other = b.client.stream('other')
    const jobs: Promise<void>[] = []
    news.on('message', ({ text }) => {
      if (text === 'open') jobs.push(other.open(), other.enableAuth())
      if (text === 'close') jobs.push(other.close(), news.close())
    })
    script.publish('news', 'open', 'ignored', 'close', 'late')
    await Promise.allSettled(jobs)
    expect([news.state, other.state, b.client.state]).toEqual(['closed', 'closed', 'open'])
    expect(b.errors).toEqual([])
    const { lines } = script
    const count = (prefix: string) => lines.filter((line) => line.startsWith(prefix)).length
    expect(count('subscribe')).toBe(2)
    expect(count('unsubscribe')).toBe(2)
  })

  test('taken off while an event is told hear the rest of it or not, and nothing breaks', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    const offs: (() => void)[] = []
    const silence = () => {
      for (const off of offs) off()
    }
    for (let i = 0; i < 5; i++) offs.push(news.on('message', silence))
    script.publish('news', 'x', 'y')
    expect(b.errors).toEqual([])
  })
})
