// A23 · nothing that is shown holds a token, a secret or a query, on any way to fail.
import { createTamburConnection, IsomqError } from 'isomq/tambur'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { flush } from '../support/clock.ts'
import { bench } from './bench.ts'

/** As the service's tokens are: 40 hexadecimal digits. */
const TOKEN = 'feedfacecafebeef0123feedfacecafebeef4567'
const MARKERS = /feedface|MARKER/

test('A23 · a connection with tokens, on every way to fail', async () => {
  const seen: unknown[] = []
  const b = bench({
    url: 'wss://tambur.test/socket?key=MARKER-query',
    token: () => TOKEN,
    connectTimeout: 5_000,
    answerTimeout: 1_000,
    logger: (record) => void seen.push(record),
  })
  for (const type of ['state', 'status', 'error', 'debug'] as const) {
    b.client.on(type, (event) => void seen.push(event))
  }
  const keep = (promise: Promise<unknown>) => promise.catch((error) => seen.push(error))
  // Dropped while it opens, dropped when it has, garbage for a handshake, no handshake at all.
  keep(b.client.connect({ timeout: 0 }))
  await flush()
  b.network.last.drop()
  await b.redial()
  b.network.last.open()
  b.network.last.drop(1008, 'policy')
  await b.redial()
  b.network.last.open()
  b.network.last.message(`["msg","news","message","${TOKEN}"]`)
  await b.redial()
  b.network.last.open()
  await b.clock.advance(5_000)
  await b.redial()
  const script = b.script.obey()
  script.accept()
  await flush()
  const news = await b.open('news', 'auth')
  // Refused with an echo, without an answer, with a frame in a notice, by garbage that quotes it, by a drop.
  script.obey(({ args }) => `bad token ${args.at(-1)} (${args.at(-1)!.toUpperCase()})`)
  keep(news.enablePresence('me'))
  await flush()
  script.socket.send = (data) => void script.socket.sent.push(data)
  keep(news.enableDirect('me'))
  await b.clock.advance(1_000)
  expect(script.lines.some((line) => line.includes(TOKEN))).toBe(true)
  script.answer(0, `cannot read ["set_mode",4,"auth","news","${TOKEN}"]`)
  script.socket.message(`["set_mode","${TOKEN}"`)
  script.socket.message(`["foo","${TOKEN}"]`)
  keep(news.enablePresence('me'))
  await flush()
  script.socket.drop()
  await b.redial()
  b.script.obey(({ name, args }) => (name === 'set_mode' ? `no: ${args.at(-1)}` : undefined)).accept()
  await flush()
  await b.client.close()
  keep(news.enableAuth())
  await flush()
  const codes = new Set(
    seen
      .map((it) => (it instanceof Error ? it : (it as { error?: unknown }).error))
      .flatMap((it) => (it instanceof IsomqError ? [it.code] : [])),
  )
  for (const code of [
    'CONNECT_FAILED',
    'CONNECT_TIMEOUT',
    'CONNECTION_LOST',
    'PROTOCOL',
    'PROVIDER',
    'TIMEOUT',
  ]) {
    expect([...codes], 'ways to fail').toContain(code)
  }
  const text = everything(seen)
  expect(text).toContain('bad token')
  expect(text).not.toMatch(MARKERS)
})

test('A23 · a token of any form that a refusal quotes is not shown', async () => {
  const token = 'MARKER.of(other+form)$&'
  const b = bench({ token: () => token })
  const script = await b.obeyed()
  const news = await b.open()
  script.obey(({ name, args }) => (name === 'set_mode' ? `no such token: ${args.at(-1)}` : undefined))
  const error = await news.enableAuth().catch((error: Error) => error)
  expect(everything([error, b.errors, b.statuses])).not.toContain('MARKER')
  expect(error).toMatchObject({ details: { reason: 'no such token: …' } })
})

test('A23 · a balancer that fails, and that quotes what it was asked', async () => {
  const seen: unknown[] = []
  for (const answer of [
    ({ search }: URL) => new Response(`cannot ${search} MARKER`, { status: 500 }),
    ({ search }: URL) => new Response(`isomq(1, "user:MARKER@h.test/${search}")`),
    ({ href }: URL) => Promise.reject(new TypeError(`fetch failed: ${href}&MARKER`.replace('&MARKER', ''))),
  ]) {
    const b = bench({
      apiKey: 'key',
      appId: 'app',
      balancer: 'b.test',
      reconnect: false,
      logger: (record) => void seen.push(record),
      fetch: async (url) => answer(new URL(url)),
    })
    await b.client.connect().catch((error) => seen.push(error))
  }
  const text = everything(seen)
  expect(seen.length).toBeGreaterThan(3)
  expect(text).not.toMatch(/MARKER|callback=/)
})

describe('A23 · debug records', () => {
  test('say what is sent and received, and with what time, but no texts and tokens', async () => {
    const b = bench()
    const records: object[] = []
    b.client.on('debug', (record) => void records.push(record))
    const script = await b.obeyed()
    const news = await b.open('news', 'direct')
    await news.direct('her', 'MARKER-direct')
    script.publish('news', 'MARKER-text')
    script.direct('news', 'her', 'MARKER-text')
    expect(records.slice(0, 4)).toEqual([
      { provider: 'tambur', at: b.clock.now(), event: 'state', from: 'idle', to: 'connecting' },
      { provider: 'tambur', at: b.clock.now(), event: 'received', type: 'id' },
      { provider: 'tambur', at: b.clock.now(), event: 'state', from: 'connecting', to: 'open' },
      { provider: 'tambur', at: b.clock.now(), event: 'sent', command: 'subscribe', handle: 1 },
    ])
    expect(everything(records)).not.toMatch(/MARKER|T1/)
  })

  test('the client itself shows none of its options', async () => {
    const client = createTamburConnection({
      url: 'wss://h.test/?MARKER',
      token: () => 'MARKER',
    })
    expect(everything([client, client.stream('news'), client.stats()])).not.toContain('MARKER')
    await client.close()
  })
})
