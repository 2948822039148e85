import { createTmcPoller, IsomqError, type TmcPollerOptions, type TopSignMethod } from 'isomq/tmc'
import { expect, test } from 'vitest'
import { APP, room } from '../support/emulator.ts'
import { rejection, until } from '../support/events.ts'

/** A room and what makes pollers for its gateway. */
function gateway() {
  const place = room()
  const url = `${place.url.replace(/^ws/, 'http')}router/rest`
  return {
    ...place,
    poller: (options: Partial<TmcPollerOptions> = {}) =>
      createTmcPoller({ ...APP, url, minWait: 20, ...options }),
  }
}

const METHODS: TopSignMethod[] = ['md5', 'hmac', 'hmac-sha256']

test.each(METHODS)('the gateway takes calls that are signed with %s', async (signMethod) => {
  const { poller } = gateway()
  const client = poller({ signMethod })
  expect(await client.groups()).toEqual([expect.objectContaining({ name: 'default' })])
  await client.close()
})

test('450 messages arrive through on(), each is confirmed once, in a few calls', async () => {
  const { poller, control, stats } = gateway()
  await control('produce', { count: 450 })
  const client = poller()
  const ids = new Set<string>()
  await new Promise<void>((resolve) =>
    client.on('message', ({ id }) => void (ids.add(id).size === 450 && resolve())),
  )
  await client.close()
  const { confirmed, httpRequests, waiting } = await stats()
  expect([ids.size, confirmed, waiting, client.stats().acked]).toEqual([450, 450, 0, 450])
  expect(httpRequests).toBeLessThan(30)
})

test('an iterator gets messages with exact ids and all their fields, and confirms by ack()', async () => {
  const { poller, control, stats } = gateway()
  await control('produce', {
    count: 1,
    topic: 'taobao_trade_TradeClose',
    content: '{"tid":2131703661568884745}',
    nick: '测试',
    userId: '7',
  })
  const client = poller()
  for await (const message of client.messages()) {
    expect(message).toMatchObject({
      id: '7104300000000000001',
      topic: 'taobao_trade_TradeClose',
      nick: '测试',
      userId: '7',
      retried: 0,
    })
    expect(message.json({ exact: true })).toEqual({ tid: '2131703661568884745' })
    expect(Math.abs(Date.now() - message.time!.getTime())).toBeLessThan(600_000)
    await message.ack()
    expect((await stats()).confirmed).toBe(1)
    break
  }
  await client.close()
})

test('a message whose handler throws is not confirmed, and comes again', async () => {
  const { poller, control, stats } = gateway()
  await control('settings', { redeliverAfter: 10, confirmTimeout: 50 })
  await control('produce', { count: 1 })
  const client = poller()
  const errors: Error[] = []
  client.on('error', (error) => errors.push(error))
  let tries = 0
  await new Promise<void>((resolve) =>
    client.on('message', async () => {
      if (++tries === 1) throw new Error('no database')
      resolve()
    }),
  )
  await client.close()
  expect(errors.map(({ message }) => message)).toEqual(['no database'])
  expect((await stats()).confirmed).toBe(1)
})

test('what is produced through the gateway arrives; a list says of each message what became of it', async () => {
  const { poller } = gateway()
  const client = poller()
  await client.produce({ topic: 'a', content: { n: 1 } })
  const results = await client.produceMany([
    { topic: 'b', content: 'text' },
    { topic: 'c', content: '' },
  ])
  expect(results.map(({ ok }) => ok)).toEqual([true, false])
  expect(results[1]!.code).toBe('isv.missing-parameter')
  const seen: string[] = []
  for await (const message of client.messages()) {
    seen.push(`${message.topic} ${message.content}`)
    await message.ack()
    if (seen.length === 2) break
  }
  expect(seen.sort()).toEqual(['a {"n":1}', 'b text'])
  await client.close()
})

test('permit and cancel reach the gateway', async () => {
  const { poller, control } = gateway()
  await control('session', { session: 'authorized', nick: 'seller' })
  const client = poller()
  await client.permit({ session: 'authorized', topics: ['taobao_trade_TradeCreate'] })
  await client.cancel({ nick: 'seller' })
  await client.close()
})

test('an error envelope in HTTP 200 is PROVIDER with code and sub code', async () => {
  const { poller } = gateway()
  const client = poller()
  const error = await rejection(client.call('taobao.tmc.messages.confirm', { s_message_ids: 'x' }))
  expect(error).toBeInstanceOf(IsomqError)
  expect(error).toMatchObject({ code: 'PROVIDER', retryable: false })
  expect(error.details).toMatchObject({ code: 41, subCode: 'isv.invalid-parameter' })
  await client.close()
})

test('a wrong secret ends the poller with AUTH_REJECTED, and a call with PROVIDER', async () => {
  const { poller } = gateway()
  const client = poller({ appSecret: 'wrong' })
  const error = await rejection(client.connect())
  expect(error).toMatchObject({ code: 'AUTH_REJECTED', details: { code: 25 } })
  expect(client.state).toBe('closed')
  client.close()
  expect(await rejection(poller({ appSecret: 'wrong' }).groups())).toMatchObject({ code: 'PROVIDER' })
})

test('a gateway in trouble is asked again, and nothing is lost', async () => {
  const { poller, control, stats } = gateway()
  const client = poller({ reconnect: { minDelay: 5, maxDelay: 10 } })
  const errors: Error[] = []
  client.on('error', (error) => errors.push(error))
  await client.connect()
  await control('httpError', { count: 3, status: 502, body: '<html>bad gateway</html>' })
  await control('produce', { count: 10 })
  const ids = new Set<string>()
  await new Promise<void>((resolve) =>
    client.on('message', ({ id }) => void (ids.add(id).size === 10 && resolve())),
  )
  await client.close()
  expect(
    errors.some(
      (error) => error instanceof IsomqError && error.code === 'HTTP' && error.details.status === 502,
    ),
  ).toBe(true)
  expect((await stats()).confirmed).toBe(10)
})

test('ids that are no integers are refused', async () => {
  const { poller } = gateway()
  const client = poller()
  expect(await rejection(client.confirm(['12a']))).toMatchObject({ code: 'CONFIG' })
  expect(await rejection(client.confirm([12 as unknown as string]))).toMatchObject({ code: 'CONFIG' })
  await client.close()
})

test('a sleeping consumer: the buffer stays in its limit, polling stops, and goes on when there is room', async () => {
  const { poller, control, stats } = gateway()
  await control('produce', { count: 300 })
  const client = poller({ quantity: 50, maxBuffered: 50, concurrency: 1 })
  let wake = () => {}
  const asleep = new Promise<void>((resolve) => {
    wake = resolve
  })
  let most = 0
  let done = 0
  const all = new Promise<void>((resolve) =>
    client.on('message', async () => {
      most = Math.max(most, client.stats().buffered)
      await asleep
      if (++done === 300) resolve()
    }),
  )
  await until(() => client.stats().buffered >= 40)
  const { httpRequests } = await stats()
  expect(httpRequests).toBeLessThan(5)
  wake()
  await all
  await client.close()
  expect(most).toBeLessThanOrEqual(50)
  expect((await stats()).confirmed).toBe(300)
})
