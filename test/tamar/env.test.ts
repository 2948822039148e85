// A client from environment variables, with the drivers that belong to them.
import { fromEnv, type TamarEnv } from 'isomq/tamar'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { FakeClock, flush } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'
import { fakeNetwork } from '../support/socket.ts'
import { fakeFetch } from '../support/tamar-http.ts'
import { CONFIG } from '../support/tamar-ports.ts'
import { StompScript } from '../support/tamar-stomp.ts'

const ENV = {
  MSG_REDIS_URL: 'https://redis.test',
  MSG_REDIS_TOKEN: 'MARKER-token',
  MSG_MYSQL_HOST: 'db.test',
  MSG_MYSQL_USER: 'me',
  MSG_MYSQL_PASSWORD: 'MARKER-password',
  MSG_RABBITMQ_URL: 'https://rabbit.test',
  MSG_RABBITMQ_USERNAME: 'mq',
  MSG_RABBITMQ_PASSWORD: 'MARKER-passcode',
} satisfies TamarEnv

afterEach(() => {
  vi.unstubAllGlobals()
})

/** All three services, as far as a test sees them. */
function services() {
  const net = fakeFetch(({ url }) => {
    if (url.includes('redis')) return { result: 1 }
    if (url.includes('Execute')) return { session: null, result: { rowsAffected: '1' } }
    return { routed: true }
  })
  vi.stubGlobal('fetch', net.fetch)
  return net.asked
}

describe('variables', () => {
  test('that are missing are named all at once', () => {
    const all = [
      ...['MSG_REDIS_URL', 'MSG_REDIS_TOKEN', 'MSG_MYSQL_USER', 'MSG_MYSQL_PASSWORD', 'MSG_RABBITMQ_URL'],
      ...['MSG_RABBITMQ_USERNAME', 'MSG_RABBITMQ_PASSWORD', 'MSG_MYSQL_HOST or MSG_MYSQL_URL'],
    ]
    for (const env of [{}, { PATH: '/bin' }, undefined, null]) {
      try {
        fromEnv(env as TamarEnv)
        expect.unreachable()
      } catch (error) {
        expect(error).toMatchObject({ code: 'CONFIG', details: { missing: all } })
        for (const name of all) expect((error as Error).message).toContain(name)
      }
    }
  })

  test.each(Object.keys(ENV))('lack %s, or it is empty', (name) => {
    const { [name as 'MSG_REDIS_URL']: _, ...rest } = ENV
    for (const env of [
      rest,
      { ...ENV, [name]: '' },
      { ...ENV, [name]: ' \n' },
      { ...ENV, [name]: undefined },
    ]) {
      expect(() => fromEnv(env)).toThrow(CONFIG)
      expect(() => fromEnv(env)).toThrow(new RegExp(name))
    }
  })

  test.each([
    ['MSG_REDIS_URL', 'redis://MARKER'],
    ['MSG_REDIS_URL', 'redis.test:6379'],
    ['MSG_REDIS_URL', 'wss://redis.test'],
    ['MSG_REDIS_URL', 'https://u:MARKER@redis.test'],
    ['MSG_REDIS_URL', 'https://'],
    ['MSG_REDIS_URL', 'https://redis.test/?token=MARKER'],
    ['MSG_REDIS_URL', 'https://redis.test/ MARKER'],
    ['MSG_REDIS_TOKEN', 'MARKER\nMARKER'],
    ['MSG_REDIS_TOKEN', 'MARKERö'],
    ['MSG_REDIS_TOKEN', 5],
    ['MSG_MYSQL_PASSWORD', { toString: () => 'MARKER' }],
    ['MSG_MYSQL_HOST', 'db.test:MARKER'],
    ['MSG_MYSQL_HOST', 'db.test:99999'],
    ['MSG_MYSQL_HOST', '[::1'],
    ['MSG_MYSQL_HOST', '<MARKER>'],
    ['MSG_MYSQL_HOST', '%'],
    ['MSG_MYSQL_URL', 'mysql://u:MARKER@db.test'],
    ['MSG_MYSQL_URL', 'db.test'],
    ['MSG_MYSQL_HOST', 'https://db.test/MARKER'],
    ['MSG_MYSQL_HOST', 'u:MARKER@db.test'],
    ['MSG_RABBITMQ_URL', 'amqp://u:MARKER@rabbit.test'],
    ['MSG_RABBITMQ_URL', 'rabbit.test'],
    ['MSG_RABBITMQ_URL', 'https://rabbit.test/#MARKER'],
    ['MSG_RABBITMQ_URL', 'wss://u:MARKER@rabbit.test/ws'],
  ])('%s cannot be %s', (name, value) => {
    try {
      fromEnv({ ...ENV, [name]: value })
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({ code: 'CONFIG', details: { option: name } })
      expect((error as Error).message).toContain(name)
      expect(everything([error])).not.toContain('MARKER')
    }
  })

  test('and wrong options are told apart', () => {
    expect(() => fromEnv(ENV, { maxPayload: -1 })).toThrow(/"maxPayload"/)
    expect(() => fromEnv(ENV, { clock: {} as never })).toThrow(/"clock"/)
  })

  test('that change afterwards change nothing', async () => {
    const asked = services()
    const env: Record<string, string> = { ...ENV }
    const client = fromEnv(env)
    for (const name of Object.keys(env)) delete env[name]
    await client.sendReliable('u1', 1)
    expect(asked.length).toBeGreaterThan(2)
    await client.close()
  })

  test('that are not known are left alone', async () => {
    await fromEnv({ ...ENV, MSG_REDIS_HOST: 'h', MSG_MYSQL_DB: 'd', HOME: '/' }).close()
  })
})

describe('a client', () => {
  test('asks nothing until it is used', async () => {
    const asked = services()
    const clock = new FakeClock()
    const client = fromEnv(ENV, { clock })
    await flush()
    expect([asked, clock.timers]).toEqual([[], 0])
    await client.close()
    expect(asked).toEqual([])
  })

  test('over HTTP sends by all three services', async () => {
    const asked = services()
    const client = fromEnv(ENV, { clock: new FakeClock() })
    await client.sendRealtime('u1', 1)
    const id = await client.sendReliable('u1', { a: 1 })
    expect(asked.map(({ url }) => url)).toEqual([
      'https://redis.test',
      'https://redis.test',
      'https://db.test/psdb.v1alpha1.Database/Execute',
      'https://rabbit.test/api/exchanges/%2F/ws.message.direct.exchange/publish',
    ])
    expect(asked.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer MARKER-token',
      'Bearer MARKER-token',
      `Basic ${btoa('me:MARKER-password')}`,
      `Basic ${btoa('mq:MARKER-passcode')}`,
    ])
    expect(JSON.parse(asked[3]!.body).payload).toBe(`{"message_id": "${id}"}`)
    await client.close()
  })

  test('takes a URL for the database, another vhost, and what is empty for nothing', async () => {
    const asked = services()
    const env = {
      ...ENV,
      MSG_MYSQL_HOST: '',
      MSG_MYSQL_URL: 'http://127.0.0.1:4000/db',
      MSG_RABBITMQ_VHOST: 'v/w',
    }
    const client = fromEnv(env, { clock: new FakeClock() })
    await client.sendReliable('u1', 1)
    expect(asked.slice(1).map(({ url }) => url)).toEqual([
      'http://127.0.0.1:4000/db/psdb.v1alpha1.Database/Execute',
      'https://rabbit.test/api/exchanges/v%2Fw/ws.message.direct.exchange/publish',
    ])
    await client.close()
    const plain = fromEnv({ ...ENV, MSG_MYSQL_URL: '', MSG_RABBITMQ_VHOST: '' }, { clock: new FakeClock() })
    await plain.sendReliable('u1', 1)
    expect(asked.at(-1)!.url).toContain('/exchanges/%2F/')
    await plain.close()
  })

  test('over a WebSocket opens one, and closes it', async () => {
    services()
    const network = fakeNetwork()
    vi.stubGlobal('WebSocket', network.WebSocket)
    const clock = new FakeClock()
    const client = fromEnv({ ...ENV, MSG_RABBITMQ_URL: 'wss://rabbit.test/ws' }, { clock })
    const connected = client.connect()
    await until(() => network.sockets.length > 0)
    new StompScript(network.last).accept()
    await connected
    await client.close()
    expect([network.last.url, network.last.isOver, clock.timers]).toEqual(['wss://rabbit.test/ws', true, 0])
  })

  test('that is closed while it still loads its driver leaves no socket behind', async () => {
    const network = fakeNetwork()
    vi.stubGlobal('WebSocket', network.WebSocket)
    const clock = new FakeClock()
    const client = fromEnv({ ...ENV, MSG_RABBITMQ_URL: 'wss://rabbit.test/ws' }, { clock })
    const connecting = rejection(client.connect())
    await client.close()
    expect(await connecting).toMatchObject({ code: 'CLOSED' })
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 1))
    expect(network.sockets.filter(({ isOver }) => !isOver)).toEqual([])
    expect(clock.timers).toBe(0)
  })

  test('shows no secret when all of them fail', async () => {
    vi.stubGlobal('fetch', async (_: string, init: RequestInit) => {
      return new Response(JSON.stringify(init.headers), { status: 500 })
    })
    const seen: unknown[] = []
    const client = fromEnv(ENV, { clock: new FakeClock(), logger: (record) => void seen.push(record) })
    seen.push(await rejection(client.sendRealtime('u1', 1)))
    seen.push(await rejection(client.sendReliable('u1', 1)))
    expect(seen).toMatchObject([{ code: 'PROVIDER' }, { code: 'PROVIDER' }])
    const shown = everything(seen)
    for (const secret of ['MARKER', btoa('me:MARKER-password'), btoa('mq:MARKER-passcode')]) {
      expect(shown).not.toContain(secret)
    }
    await client.close()
  })
})
