// Options that are wrong: of the client, and of the drivers.
import { createTamarClient, type TamarClientOptions } from 'isomq/tamar'
import { planetscaleStore } from 'isomq/tamar/planetscale'
import { managementBroker, stompBroker } from 'isomq/tamar/rabbitmq'
import { upstashRedis } from 'isomq/tamar/upstash'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { CONFIG } from '../support/tamar-ports.ts'

function refused(make: () => unknown, option: string): void {
  try {
    make()
  } catch (error) {
    expect(error).toMatchObject({
      name: 'IsomqError',
      code: 'CONFIG',
      provider: 'tamar',
      details: { option },
    })
    expect((error as Error).message).toContain(`"${option}"`)
    expect(everything([error])).not.toContain('MARKER')
    return
  }
  throw new Error('they were taken')
}

const act = async () => {}
const redis = { publish: act, incr: async () => 1 }
const store = { insert: act, select: async () => [] }
const broker = { publish: act, listen() {}, close: act }
const ports = { redis, store, broker }
describe('options of a client', () => {
  test.each<[unknown, string]>([
    [{}, 'redis'],
    [{ ...ports, redis: undefined }, 'redis'],
    [{ ...ports, redis: null }, 'redis'],
    [{ ...ports, redis: 'redis://MARKER' }, 'redis'],
    [{ ...ports, redis: { publish: act } }, 'redis'],
    [{ ...ports, redis: { ...redis, incr: 5 } }, 'redis'],
    [{ ...ports, store: {} }, 'store'],
    [{ ...ports, store: { insert: act } }, 'store'],
    [{ ...ports, broker: { publish: act, listen: act } }, 'broker'],
    [{ ...ports, broker: { publish: act, close: act } }, 'broker'],
    [{ ...ports, broker: act }, 'broker'],
    [{ ...ports, stepTimeout: -1 }, 'stepTimeout'],
    [{ ...ports, stepTimeout: Number.NaN }, 'stepTimeout'],
    [{ ...ports, stepTimeout: 2 ** 31 }, 'stepTimeout'],
    [{ ...ports, stepTimeout: '5' }, 'stepTimeout'],
    [{ ...ports, maxPayload: 0 }, 'maxPayload'],
    [{ ...ports, maxPayload: Number.POSITIVE_INFINITY }, 'maxPayload'],
    [{ ...ports, maxPending: 0 }, 'maxPending'],
    [{ ...ports, maxPending: 1.5 }, 'maxPending'],
    [{ ...ports, lookEvery: -5 }, 'lookEvery'],
    [{ ...ports, clock: { now: () => 0 } }, 'clock'],
    [{ ...ports, random: 4 }, 'random'],
    [{ ...ports, logger: console }, 'logger'],
    [{ ...ports, timeout: 5 }, 'timeout'],
    [{ ...ports, password: 'MARKER' }, 'password'],
    [{ ...ports, mysql: store }, 'mysql'],
  ])('%# are refused by name', (options, option) => {
    refused(() => createTamarClient(options as TamarClientOptions), option)
  })

  test.each([undefined, null, 5, 'x'])('that are %j are refused', (options) => {
    expect(() => createTamarClient(options as never)).toThrow(CONFIG)
  })

  test('may be a driver with more methods, or of a class', async () => {
    class Driver {
      async publish() {}
      async incr() {
        return 1
      }
      async subscribe() {}
    }
    await createTamarClient({ ...ports, redis: new Driver() }).sendReliable('u', 1)
  })
})

const access = { url: 'https://r.test', username: 'u', password: 'MARKER' }
const socket = { ...access, url: 'wss://r.test/ws' }
const base = { url: 'https://d.test', username: 'u', password: 'MARKER' }
describe('options of a driver', () => {
  test.each<[(options: never) => unknown, object, string]>([
    [upstashRedis, {}, 'url'],
    [upstashRedis, { url: 'redis://u:MARKER@r.test', token: 'MARKER' }, 'url'],
    [upstashRedis, { url: 'https://u:MARKER@r.test', token: 'MARKER' }, 'url'],
    [upstashRedis, { url: 'https://r.test/?a=MARKER', token: 'MARKER' }, 'url'],
    [upstashRedis, { url: 'https://r.test' }, 'token'],
    [upstashRedis, { url: 'https://r.test', token: '' }, 'token'],
    [upstashRedis, { url: 'https://r.test', token: 'MARKER', retries: -1 }, 'retries'],
    [upstashRedis, { url: 'https://r.test', token: 'MARKER', fetch: 'MARKER' }, 'fetch'],
    [upstashRedis, { url: 'https://r.test', token: 'MARKER', retry: false }, 'retry'],
    [planetscaleStore, { username: 'u', password: 'MARKER' }, 'url'],
    [planetscaleStore, { ...base, host: 'd.test' }, 'url'],
    [planetscaleStore, { ...base, url: 'mysql://u:MARKER@d.test' }, 'url'],
    [planetscaleStore, { ...base, url: 'https://d.test/a#MARKER' }, 'url'],
    [planetscaleStore, { ...base, url: undefined, host: 'https://d.test' }, 'host'],
    [planetscaleStore, { ...base, url: undefined, host: 'd.test/MARKER' }, 'host'],
    [planetscaleStore, { ...base, username: '' }, 'username'],
    [planetscaleStore, { ...base, password: undefined }, 'password'],
    [planetscaleStore, { ...base, retries: 0.5 }, 'retries'],
    [planetscaleStore, { ...base, database: 'MARKER' }, 'database'],
    [managementBroker, { ...access, url: 'amqp://u:MARKER@r.test' }, 'url'],
    [managementBroker, { ...access, url: 'wss://r.test' }, 'url'],
    [managementBroker, { ...access, url: 'https://r.test/mq?MARKER' }, 'url'],
    [managementBroker, { ...access, url: 'https://r.test/MARKER ' }, 'url'],
    [managementBroker, { ...access, username: '' }, 'username'],
    [managementBroker, { ...access, password: 5 }, 'password'],
    [managementBroker, { ...access, vhost: '' }, 'vhost'],
    [managementBroker, { ...access, pollEvery: 0 }, 'pollEvery'],
    [managementBroker, { ...access, pollEvery: 2 ** 31 }, 'pollEvery'],
    [managementBroker, { ...access, pollEvery: 30_001 }, 'pollEvery'],
    [managementBroker, { ...access, expires: 1_999 }, 'pollEvery'],
    [managementBroker, { ...access, expires: -1 }, 'expires'],
    [managementBroker, { ...access, heartBeat: 5 }, 'heartBeat'],
    [stompBroker, { ...socket, url: 'https://r.test/ws' }, 'url'],
    [stompBroker, { ...socket, url: 'wss://u:MARKER@r.test/ws' }, 'url'],
    [stompBroker, { ...socket, password: '' }, 'password'],
    [stompBroker, { ...socket, exchange: '' }, 'exchange'],
    [stompBroker, { ...socket, exchange: 'MARKER%2Fx' }, 'exchange'],
    [stompBroker, { ...socket, routingKey: 'MARKER%2Fx' }, 'routingKey'],
    [stompBroker, { ...socket, heartBeat: -1 }, 'heartBeat'],
    [stompBroker, { ...socket, heartBeat: 2 ** 31 - 1 }, 'heartBeat'],
    [stompBroker, { ...socket, reconnect: true }, 'reconnect'],
    [stompBroker, { ...socket, maxPending: 0 }, 'maxPending'],
    [stompBroker, { ...socket, passcode: 'MARKER' }, 'passcode'],
  ])('%# are refused by name', (make, options, option) => {
    refused(() => make(options as never), option)
  })

  test.each([
    ['managementBroker', () => managementBroker(access)],
    ['stompBroker', () => stompBroker(socket)],
  ])('%s serves one client', (_, make) => {
    const shared = make()
    createTamarClient({ ...ports, broker: shared })
    expect(() => createTamarClient({ ...ports, broker: shared })).toThrow(CONFIG)
    expect(() => createTamarClient({ ...ports, broker: shared })).toThrow(/make one for each/)
  })
})
