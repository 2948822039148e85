// Both clients against an emulator that breaks off, refuses and talks nonsense, in every runtime.
import type { TamburStatus } from 'isomq/tambur'
import { expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { once, rejection, until } from '../support/events.ts'
import { back, collect, createRoom } from '../support/tambur-live.ts'

test('streams and modes come back after each kind of break, with tokens for the new subscriber', async () => {
  const room = createRoom()
  const client = room.client({ url: room.wire })
  const seen = collect(client, 'news', 'message', 'auth')
  const news = client.stream('news')
  await news.open()
  await news.enableAuth()
  await news.enableDirect('ann')
  const ids = [client.subscriberId]
  const gaps: number[] = []
  client.on('status', (status) => void (status.type === 'gap' && gaps.push(status.duration)))
  for (const how of [{ abrupt: true }, { code: 1012 }, { code: 1001 }]) {
    const returned = back(client)
    await room.control('drop', how)
    await returned
    ids.push(client.subscriberId)
    await until(() => news.state === 'open')
    await news.direct('ann', 'to myself')
    await room.publish('auth:news', `after ${JSON.stringify(how)}`)
  }
  await until(() => seen.length === 3)
  expect([new Set(ids).size, gaps.length, client.stats().reconnects]).toEqual([4, 3, 3])
  expect((await room.stats()).refusedCommands).toBe(0)
})

test('a refused token is told, and the mode can be switched on again', async () => {
  const room = createRoom()
  const client = room.client()
  const news = client.stream('news')
  await news.open()
  await room.control('refuseTokens', { reason: 'not today' })
  expect(await rejection(news.enableAuth())).toMatchObject({ details: { reason: 'not today' } })
  await news.enableAuth()
  await room.control('refuseTokens')
  const refused = once<TamburStatus>(client, 'status', ({ type }) => type === 'refused')
  await room.control('drop')
  expect(await refused).toMatchObject({ stream: 'news', mode: 'auth' })
  await news.enableAuth()
})

test.each(['jsonp', 'spaced', 'json', 'text'])(
  'a balancer that answers with %s is understood',
  async (answer) => {
    const room = createRoom()
    await room.control('settings', { answer })
    await room.client().connect()
  },
)

test.each([
  ['empty', 'PROTOCOL'],
  ['html', 'PROTOCOL'],
  ['error', 'HTTP'],
  ['redirect', 'HTTP'],
  ['object', 'PROTOCOL'],
  ['number', 'PROTOCOL'],
  ['instance', 'PROTOCOL'],
  ['code', 'PROTOCOL'],
  ['cut', 'PROTOCOL'],
  ['list', 'PROTOCOL'],
  ['scheme', 'PROTOCOL'],
])('a balancer that answers with %s is not, and nothing of it is run', async (answer, code) => {
  const room = createRoom()
  await room.control('settings', { answer })
  const client = room.client({ reconnect: false })
  expect(await rejection(client.connect())).toMatchObject({ code })
  expect((globalThis as { tamburWasRun?: unknown }).tamburWasRun).toBeUndefined()
  await room.control('settings', { answer: 'jsonp' })
  await client.connect()
})

test('an unknown key ends the client, an unknown app is asked for again', async () => {
  const room = createRoom()
  const client = room.client({ apiKey: '0'.repeat(32) })
  expect(await rejection(client.connect())).toMatchObject({ code: 'AUTH_REJECTED' })
  expect(client.state).toBe('closed')
})

test('a handshake that is none is tried again', async () => {
  const room = createRoom()
  await room.control('badHandshake', { count: 2 })
  const client = room.client()
  const errors: string[] = []
  client.on('error', (error) => errors.push((error as { code?: string }).code ?? ''))
  await client.connect()
  expect(errors).toEqual(['PROTOCOL', 'PROTOCOL'])
})

test('answers that nobody waits for, garbage and error notices harm nothing', async () => {
  const room = createRoom()
  const client = room.client()
  const seen = collect(client, 'news', 'message')
  const errors: (Error & { code?: string })[] = []
  client.on('error', (error) => errors.push(error))
  await client.stream('news').open()
  await room.control('wrongAck')
  await room.control('wrongAck', { handle: 0, response: 'bad' })
  await room.control('garbage', { text: '[' })
  await room.control('garbage', { hex: 'ff00' })
  await room.publish('news', 'after')
  await until(() => seen.length === 1)
  expect([errors.map(({ code }) => code), client.stats().malformed, client.state]).toEqual([
    ['PROVIDER'],
    2,
    'open',
  ])
})

test('a service that does not answer is a TIMEOUT, and the stream can be opened after it', async () => {
  const room = createRoom()
  const client = room.client({ answerTimeout: 50 })
  await client.connect()
  await room.control('noAck')
  expect(await rejection(client.stream('news').open())).toMatchObject({ code: 'TIMEOUT' })
  await client.stream('news').open()
  expect(client.stream('news').state).toBe('open')
})

test('a quiet connection asks for a sign of life, which changes nothing', async () => {
  const room = createRoom()
  const client = room.client({ idleTimeout: 30 })
  const seen = collect(client, 'news', 'message')
  const errors: Error[] = []
  client.on('error', (error) => errors.push(error))
  await client.stream('news').open()
  await until(async () => (await room.stats()).commands! >= 2)
  await room.publish('news', 'after')
  await until(() => seen.length === 1)
  expect([client.stats().reconnects, client.stats().open, errors]).toEqual([0, 1, []])
})

test('a wrong secret is AUTH_REJECTED; with debug the service explains it', async () => {
  const room = createRoom()
  for (const debug of [false, true]) {
    const publisher = room.publisher({ secret: 'MARKER-wrong', debug })
    const error = await rejection(publisher.publish('news', 'x'))
    expect(error).toMatchObject({ code: 'AUTH_REJECTED', details: { status: 401 } })
    const said = (error.details as { debug: string }).debug
    expect(said.includes('base_string')).toBe(debug)
    if (debug) expect(JSON.parse(said).base_string).toContain('POST&http')
    expect(everything([error])).not.toContain('MARKER')
  }
  await room.publisher({ debug: true }).publish('news', 'x')
})

test('a clock that is off is AUTH_REJECTED', async () => {
  const room = createRoom()
  await room.control('skew', { seconds: 3_600 })
  const error = await rejection(room.publish('news', 'x'))
  expect(error).toMatchObject({ code: 'AUTH_REJECTED' })
  expect(error.message).toContain('timestamp_off')
})

test('what the service was too busy for is published once, when it is not any more', async () => {
  const room = createRoom()
  const client = room.client()
  const seen = collect(client, 'news', 'message')
  await client.stream('news').open()
  await room.control('httpError', { status: 503, count: 2 })
  await room.publish('news', 'patient')
  await room.control('httpError', { status: 500 })
  expect(await rejection(room.publish('news', 'never again'))).toMatchObject({ code: 'HTTP' })
  await room.publish('news', 'last')
  await until(() => seen.includes('last'))
  expect(seen).toEqual(['patient', 'last'])
})
