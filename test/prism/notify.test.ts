// The connection, and what it asks for.
import { createPrismClient, type PrismNotifyOptions } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { deliveryText } from '../support/prism.ts'
import { bench, type PrismBench } from './bench.ts'

const CONFIG = expect.objectContaining({ code: 'CONFIG' })

describe('the address', () => {
  test('is that of the base URL, signed for the moment of the attempt', async () => {
    const b = bench({}, { baseUrl: 'https://prism.test/api/' })
    const { socket, query } = await b.open()
    expect(socket.url.split('?')[0]).toBe('wss://prism.test/api/platform/notify')
    expect(Object.fromEntries(query)).toEqual({
      client_id: 'KEY',
      sign_method: 'md5',
      sign_time: String(Math.floor(b.clock.now() / 1000)),
      sign: expect.stringMatching(/^[0-9A-F]{32}$/),
    })
    expect(socket.protocols).toBeUndefined()
  })

  test('may lie elsewhere, and have a query of its own that is signed, too', async () => {
    let signed: object | undefined
    const sign = (request: object) => {
      signed = request
      return 'SIGNED'
    }
    const b = bench({ path: 'other/notify?shop=订单' }, { sign })
    const { socket, query } = await b.open()
    expect(new URL(socket.url).pathname).toBe('/api/other/notify')
    expect([query.get('shop'), query.get('sign')]).toEqual(['订单', 'SIGNED'])
    expect(signed).toMatchObject({
      method: 'GET',
      path: '/api/other/notify',
      query: expect.arrayContaining([['shop', '订单']]),
    })
  })

  test('is signed even where calls show their secret: the secret does not travel in it', async () => {
    const b = bench({}, { baseUrl: 'https://prism.test/api', auth: 'secret' })
    const { query } = await b.open()
    expect([query.get('client_secret'), query.get('sign')]).toEqual([null, expect.stringMatching(/./)])
  })
})

describe('consume', () => {
  const kinds = (b: PrismBench) => b.script.commands.map(({ is }) => is)

  test('is sent by neither connect() nor publish()', async () => {
    const b = bench()
    const script = await b.open()
    await b.notify.publish('k', 'x')
    await b.clock.advance(60_000)
    expect(script.commands.map(({ is }) => is)).toEqual(['publish'])
  })

  test('names no queue by default, and the queue that is given', async () => {
    for (const queue of [undefined, '订单']) {
      const b = bench({ queue })
      b.notify.on('message', () => {})
      const script = await b.open()
      expect(script.consumes).toEqual([queue])
    }
  })

  test('is sent once, however often handlers and iterations come and go', async () => {
    const b = bench()
    const script = await b.open()
    for (let i = 0; i < 10; i++) {
      const off = [b.notify.on('message', () => {}), b.notify.on('message', () => {})]
      const messages = b.notify.messages()
      await flush()
      for (const end of off) end()
      await messages.return!()
    }
    await b.clock.advance(60_000)
    expect(script.consumes).toHaveLength(1)
    const second = await b.again()
    b.notify.on('message', () => {})
    await flush()
    expect(second.consumes).toHaveLength(1)
  })

  test('A14 · goes out on every connection before any publish that waited', async () => {
    const b = bench()
    b.notify.on('message', () => {})
    const waiting = [b.notify.publish('k', 'a'), b.notify.publish('k', 'b')]
    await b.open()
    await Promise.all(waiting)
    expect(kinds(b)).toEqual(['consume', 'publish', 'publish'])
    b.network.last.drop()
    await flush()
    const again = b.notify.publish('k', 'c')
    await b.next()
    await again
    expect(kinds(b)).toEqual(['consume', 'publish'])
  })

  test('on a socket that takes no more does not fail on(), and is sent on the next one', async () => {
    const ways = [
      (b: PrismBench) => void b.notify.on('message', () => {}),
      (b: PrismBench) => void b.notify.messages(),
    ]
    for (const [at, listen] of [...ways, ...ways].entries()) {
      const b = bench()
      const first = await b.open()
      if (at < 2) first.socket.readyState = 2
      else first.socket.sendFails = new Error('I/O on behalf of a different request')
      expect(() => listen(b)).not.toThrow()
      first.socket.drop(1000)
      const second = await b.next()
      expect([first.consumes.length, second.consumes.length]).toEqual([0, 1])
    }
  })
})

describe('the client that a notify belongs to', () => {
  test('closes all of them with it, and gives no further one', async () => {
    const b = bench()
    const other = b.client.notify()
    await b.open()
    await b.client.close()
    expect([b.notify.state, other.state, b.network.last.isOver]).toEqual(['closed', 'closed', true])
    expect(() => b.client.notify()).toThrow(expect.objectContaining({ code: 'CLOSED' }))
    expect(await rejection(b.notify.connect())).toMatchObject({ code: 'CLOSED' })
    expect(await rejection(b.notify.publish('k', 'x'))).toMatchObject({ code: 'CLOSED' })
    expect(b.network.sockets).toHaveLength(1)
  })

  test('closes one that was closed and opened again, too', async () => {
    const b = bench()
    await b.open()
    await b.notify.close()
    await b.open()
    await b.client.close()
    expect([b.notify.state, b.network.last.isOver]).toEqual(['closed', true])
  })

  test('may have several that know nothing of each other', async () => {
    const b = bench()
    const seen: string[] = []
    const other = b.client.notify({ queue: 'other' })
    other.on('message', ({ tag }) => seen.push(tag))
    await flush()
    const [theirs] = b.network.sockets
    theirs!.open()
    const mine = await b.open()
    theirs!.message(deliveryText('1'))
    await flush()
    expect([seen, mine.consumes, b.notify.stats().received]).toEqual([['1'], [], 0])
    await other.close()
    expect(b.notify.state).toBe('open')
  })
})

describe('options', () => {
  const { notify } = createPrismClient({ baseUrl: 'http://prism.test/api', key: 'KEY', secret: 'SECRET' })
  test.each([
    ['queue', 7],
    ['path', ''],
    ['path', '../../elsewhere'],
    ['concurrency', 0],
    ['maxBuffered', 0],
    ['maxPending', -1],
    ['maxUnsent', -1],
    ['maxKey', 65_536],
    ['maxBody', 1.5],
    ['handlerTimeout', -1],
    ['redeliverAfter', Number.NaN],
    ['redeliverAfter', Number.POSITIVE_INFINITY],
    ['connectTimeout', '10'],
    ['idleTimeout', null],
    ['reconnect', true],
    ['groupName', 'x'],
  ])('%s: %s is refused by notify(), which says so', (option, value) => {
    const make = () => notify({ [option]: value } as PrismNotifyOptions)
    expect(make).toThrow(CONFIG)
    if (option !== 'path') expect(make).toThrow(`"${option}"`)
  })

  test('a queue whose name no frame can carry is refused by notify()', () => {
    expect(() => notify({ queue: 'q'.repeat(65_536) })).toThrow('"queue"')
  })
})
