// Notify against the emulator, in every runtime.
import {
  createPrismClient,
  type PrismClientOptions,
  type PrismMessage,
  type PrismNotifyOptions,
} from 'isomq/prism'
import { expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { PRISM, prismRoom } from '../support/emulator.ts'
import { once, rejection, until } from '../support/events.ts'

/** Lines that a test sees break come back soon. */
const SOON = { minDelay: 5, maxDelay: 20, stableAfter: 0 }

function createRoom() {
  const room = prismRoom()
  const client = (options: Partial<PrismClientOptions> = {}) =>
    createPrismClient({ baseUrl: room.wire, ...PRISM, ...options })
  const left = async () => {
    const { waiting, unacked } = await room.stats()
    return waiting! + unacked!
  }
  return {
    ...room,
    client,
    notify: (options: PrismNotifyOptions = {}) => client().notify({ reconnect: SOON, ...options }),
    /** So many messages are acked, and none is left. */
    done: (acked: number) => until(async () => (await left()) === 0 && (await room.stats()).acked! >= acked),
  }
}

test('what is published comes back as it was, and is acked by tags beyond 2^53', async () => {
  const room = createRoom()
  await using notify = room.notify()
  const messages = notify.messages()
  const bodies = ['text 订单 😀', new TextEncoder().encode('bytes'), { n: 1, nested: [null, 'x'] }, '', 0]
  const seen: PrismMessage[] = []
  await notify.connect()
  for (const body of bodies) await notify.publish('orders.创建', body)
  for (const _ of bodies) seen.push((await messages.next()).value)
  expect(seen.map(({ body, type }) => [body, type])).toEqual([
    ['text 订单 😀', 'text/plain'],
    ['bytes', 'application/octet-stream'],
    ['{"n":1,"nested":[null,"x"]}', 'application/json'],
    ['', 'text/plain'],
    ['0', 'application/json'],
  ])
  for (const { key, clientId, tag, time } of seen) {
    expect([key, clientId]).toEqual(['orders.创建', PRISM.key])
    expect(BigInt(tag)).toBeGreaterThanOrEqual(2n ** 53n)
    expect(Math.abs(time!.getTime() - Date.now())).toBeLessThan(60_000)
  }
  for (const message of seen) await message.ack()
  await room.done(5)
  expect(await room.stats()).toMatchObject({
    acked: 5,
    acksUnknown: 0,
    malformed: 0,
    textFrames: 0,
    consumes: 1,
  })
})

test('a tag that comes as text is acked as well', async () => {
  const room = createRoom()
  await room.control('settings', { tagType: 'string' })
  await using notify = room.notify()
  notify.on('message', () => {})
  await notify.publish('k', 'x')
  await room.done(1)
  expect(await room.stats()).toMatchObject({ acked: 1, acksUnknown: 0 })
})

test('a queue gets what is bound to it, and nothing else', async () => {
  const room = createRoom()
  await room.control('bind', { queue: '订单', key: 'orders.#' })
  const client = room.client()
  await using notify = client.notify({ queue: '订单' })
  const keys: string[] = []
  notify.on('message', ({ key }) => keys.push(key))
  await notify.connect()
  for (const key of ['orders.created', 'users.created', 'orders.paid.late']) await notify.publish(key, 'x')
  await until(() => keys.length === 2)
  expect(keys).toEqual(['orders.created', 'orders.paid.late'])
})

test('a message whose handler throws comes again over another connection, soon after redeliverAfter', async () => {
  const room = createRoom()
  await using notify = room.notify({ redeliverAfter: 50 })
  let calls = 0
  notify.on('message', () => {
    if (++calls === 1) throw new Error('not now')
  })
  await notify.publish('k', 'x')
  await room.done(1)
  expect([calls, notify.stats()]).toEqual([
    2,
    expect.objectContaining({ acked: 1, nacked: 1, reconnects: 1 }),
  ])
})

test('more messages than the buffer holds are all handled, each of them once, without a pause', async () => {
  const room = createRoom()
  await room.control('settings', { prefetch: 300 })
  await using notify = room.notify({
    maxBuffered: 100,
    concurrency: 4,
    reconnect: { minDelay: 60_000, maxDelay: 60_000 },
  })
  const seen: string[] = []
  notify.on('message', async ({ body }) => {
    await new Promise((resolve) => setTimeout(resolve, 0))
    seen.push(body)
  })
  await notify.connect()
  await room.control('produce', { count: 1_500, body: '{n}' })
  await room.done(1_500)
  expect(notify.stats().overflowed).toBeGreaterThan(0)
  expect([seen.length, new Set(seen).size]).toEqual([1_500, 1_500])
})

test('what the server does not take is told as its error', async () => {
  const room = createRoom()
  await using notify = room.notify({ maxBody: 100_000 })
  const failed = once<Error>(notify, 'error')
  await notify.connect()
  await notify.publish('k', 'x'.repeat(70_000))
  expect(await failed).toMatchObject({ code: 'PROVIDER', details: { code: 'limit_exceeded' } })
  expect(notify.state).toBe('open')
})

test('publishes that a break takes with it are told: each arrived or is in doubt', async () => {
  const room = createRoom()
  await using notify = room.notify()
  const doubtful = new Set<number>()
  notify.on('status', (status) => {
    if (status.type !== 'doubtful') return
    for (let n = status.first; n <= status.last; n++) doubtful.add(n)
  })
  const seen = new Set<string>()
  notify.on('message', ({ body }) => seen.add(body))
  await notify.connect()
  const numbers = new Map<string, number>()
  for (let round = 0; round < 5; round++) {
    await room.control('killEvery', { on: 'publish', frames: 10, kills: 1, seed: round + 1 })
    const lost = once(notify, 'state', ({ to }: { to: string }) => to === 'reconnecting')
    for (let n = 0; n < 40; n++) {
      const body = `${round}/${n}`
      numbers.set(body, await notify.publish('k', body))
    }
    await lost
  }
  await notify.publish('k', 'last')
  await until(() => seen.has('last'))
  await room.done(seen.size)
  const unexplained = Array.from(numbers).filter(([body, n]) => !seen.has(body) && !doubtful.has(n))
  expect(unexplained).toEqual([])
  expect(seen.size).toBeLessThan(201)
})

test.each<
  [string, Partial<PrismClientOptions>, (room: ReturnType<typeof createRoom>) => Promise<unknown>, RegExp]
>([
  ['a wrong secret', { secret: 'MARKER-secret' }, async () => {}, /invalid_signature/],
  [
    'a wrong signature',
    { secret: undefined, sign: () => 'MARKER-signature' },
    async () => {},
    /invalid_signature/,
  ],
  ['an unknown key', { key: 'nobody' }, async () => {}, /unknown_client/],
  ['a wrong clock', {}, (room) => room.control('skew', { seconds: 600 }), /600 s behind|expired_signature/],
])('%s is AUTH_REJECTED with what the server says', async (_, options, prepare, says) => {
  const room = createRoom()
  await prepare(room)
  await using client = room.client(options)
  const notify = client.notify()
  const error = await rejection(notify.connect())
  expect(error).toMatchObject({ code: 'AUTH_REJECTED', retryable: false, details: { status: 401 } })
  expect(error.message).toMatch(says)
  expect(everything([error])).not.toMatch(/MARKER|isomq-prism-secret/)
  expect([notify.state, (await room.stats()).accepted]).toEqual(['closed', 0])
})

test('A23 · no signature in what the runtime itself says of a connection that fails', async () => {
  const room = createRoom()
  // A server that is not there, and one that wants no socket.
  for (const baseUrl of ['http://127.0.0.1:1/api', `${room.site}/nothing/here`]) {
    await using client = room.client({ baseUrl, secret: undefined, sign: () => 'MARKER-signature' })
    const notify = client.notify({ reconnect: false, path: '/notify?token=MARKER-query' })
    const seen: unknown[] = []
    for (const type of ['state', 'status', 'error', 'debug'] as const)
      notify.on(type, (event) => seen.push(event))
    const error = await rejection(notify.connect({ timeout: 20_000 }))
    expect(error.code).toMatch(/CONNECT_FAILED|AUTH_REJECTED/)
    expect(everything([error, ...seen])).not.toMatch(/MARKER/)
  }
})
