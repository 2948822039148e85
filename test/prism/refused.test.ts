// WebSockets do not tell why a server refused them; the same address, asked over HTTP, does.
import type { PrismClientOptions, PrismNotifyOptions } from 'isomq/prism'
import { describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { flush } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'
import { deliveryText, overHttp, refusal } from '../support/prism.ts'
import { bench, type PrismBench } from './bench.ts'

type Answer = Response | Error | 'hangs' | ((url: URL) => Response)

/** A bench whose HTTP gives these answers, one after the other, and what was asked. */
function refusing(
  answers: readonly Answer[],
  options: PrismNotifyOptions = {},
  clientOptions: Partial<PrismClientOptions> = {},
) {
  const left = [...answers]
  const asked: { url: string; method: string | undefined; signal: AbortSignal }[] = []
  const fetch = (url: string, { method, signal }: RequestInit = {}) => {
    asked.push({ url, method, signal: signal! })
    const answer = left.shift() ?? new Error('nobody there')
    if (answer instanceof Response) return Promise.resolve(answer)
    if (answer instanceof Error) return Promise.reject(answer)
    if (typeof answer === 'function') return Promise.resolve(answer(new URL(url)))
    return new Promise<Response>((_, reject) => {
      signal!.addEventListener('abort', () => reject(signal!.reason))
    })
  }
  return { b: bench(options, { ...clientOptions, fetch }), asked }
}

/** The server closes the socket that is being opened; resolves when the client knows what that means. */
async function refuse(b: PrismBench): Promise<void> {
  const losses = () => b.statuses.filter(({ type }) => type === 'disconnected').length
  const before = losses()
  await flush()
  b.network.last.drop()
  await until(() => losses() > before)
}

const html = (status: number) =>
  new Response('<h1>MARKER-page</h1>', { status, headers: { 'content-type': 'text/html' } })

describe('a refusal', () => {
  test('is AUTH_REJECTED with what the server says, and ends the client', async () => {
    const { b, asked } = refusing([refusal(401, { code: 'invalid_signature', message: 'the sign is wrong' })])
    const connecting = rejection(b.notify.connect())
    await refuse(b)
    const error = await connecting
    expect(error).toMatchObject({
      code: 'AUTH_REJECTED',
      provider: 'prism',
      retryable: false,
      details: { status: 401, code: 'invalid_signature', message: 'the sign is wrong' },
    })
    expect(error.message).toMatch(/invalid_signature the sign is wrong.*check key, secret.*clock/)
    await b.clock.advance(3_600_000)
    expect([b.notify.state, b.network.sockets.length, b.clock.timers]).toEqual(['closed', 1, 0])
    expect(asked).toHaveLength(1)
  })

  test('is asked about once, by GET, at the very address that was refused', async () => {
    const { b, asked } = refusing([refusal()])
    b.notify.connect().catch(() => {})
    await refuse(b)
    expect(asked).toEqual([
      { url: overHttp(b.network.last.url), method: 'GET', signal: expect.any(AbortSignal) },
    ])
  })

  test('over TLS is asked about over TLS', async () => {
    const { b, asked } = refusing([refusal()], {}, { baseUrl: 'https://prism.test/api' })
    b.notify.connect().catch(() => {})
    await refuse(b)
    expect([b.network.last.url.slice(0, 6), asked[0]!.url.slice(0, 8)]).toEqual(['wss://', 'https://'])
  })

  test.each([
    [403, refusal(403, 'this app may not'), 'this app may not'],
    [401, new Response('', { status: 401 }), 'status 401'],
    [401, html(401), 'status 401'],
  ])('with status %i may come without much to say', async (status, answer, shown) => {
    const { b } = refusing([answer])
    const connecting = rejection(b.notify.connect())
    await refuse(b)
    const error = await connecting
    expect(error).toMatchObject({ code: 'AUTH_REJECTED', details: { status } })
    expect(error.message).toContain(`(${shown})`)
  })

  test('that comes from a wrong clock says by how much', async () => {
    const { b } = refusing([])
    const date = new Date(b.clock.now() + 600_000).toUTCString()
    const late = refusing([new Response('{"error":"expired"}', { status: 401, headers: { date } })])
    const connecting = rejection(late.b.notify.connect())
    await refuse(late.b)
    expect((await connecting).message).toContain('600 s behind')
  })

  test('is tried again with `refused: true`, each time with a fresh signature', async () => {
    const { b, asked } = refusing([refusal(), refusal()], { reconnect: { refused: true } })
    const connecting = b.notify.connect({ timeout: 0 })
    await refuse(b)
    await b.dial()
    await refuse(b)
    await b.next()
    await connecting
    expect(new Set(asked.map(({ url }) => url)).size).toBe(2)
    expect(b.errors.map(({ code }) => code)).toEqual(['AUTH_REJECTED', 'AUTH_REJECTED'])
    expect(Math.min(...b.delays)).toBeGreaterThanOrEqual(500)
  })

  test('on a reconnect ends the client, and everybody who waits, as well', async () => {
    const { b } = refusing([refusal()])
    await b.open()
    b.network.last.drop()
    await flush()
    const waits = [b.notify.publish('k', 'x'), b.notify.messages().next()].map(rejection)
    await b.clock.advance(b.clock.untilNext!)
    await refuse(b)
    for (const error of await Promise.all(waits)) expect(error).toMatchObject({ code: 'AUTH_REJECTED' })
    expect(b.notify.state).toBe('closed')
  })
})

describe('a socket that closes before it opens, for another reason', () => {
  test.each<[string, Answer]>([
    ['426 Upgrade Required', new Response('{"error":null}', { status: 426 })],
    ['426 with an error', refusal(426, 'use a socket')],
    ['404', refusal(404, 'no such API')],
    ['400', refusal(400, { code: 'x', message: 'y' })],
    ['500', html(500)],
    ['502 with an error', refusal(502, 'down')],
    ['429', refusal(429, 'slowly')],
    ['a page', html(200)],
    ['a success', new Response('{"result":true,"error":null}', { status: 200 })],
    ['an error that HTTP calls a success', new Response('{"error":{"code":"x"}}', { status: 200 })],
    ['nothing', new Response(null, { status: 204 })],
    ['a redirect', new Response(null, { status: 302, headers: { location: 'http://elsewhere.test/' } })],
    ['no answer at all', new TypeError('fetch failed')],
  ])('%s: CONNECT_FAILED, and the next attempt follows', async (_, answer) => {
    const { b, asked } = refusing([answer])
    const connecting = b.notify.connect({ timeout: 0 })
    await refuse(b)
    expect(b.errors).toEqual([expect.objectContaining({ code: 'CONNECT_FAILED', retryable: true })])
    expect(b.errors[0]!.message).toContain('while opening the socket')
    await b.next()
    await connecting
    expect([b.notify.state, asked.length]).toEqual(['open', 1])
  })

  test('an answer that never comes is given up with the attempt, and the next one follows', async () => {
    const { b, asked } = refusing(['hangs'], { connectTimeout: 3_000 })
    const connecting = b.notify.connect({ timeout: 0 })
    await flush()
    b.network.last.drop()
    await b.clock.advance(2_999)
    expect([b.errors, asked[0]!.signal.aborted]).toEqual([[], false])
    await b.clock.advance(1)
    expect(b.errors).toEqual([expect.objectContaining({ code: 'CONNECT_TIMEOUT' })])
    expect(asked[0]!.signal.aborted).toBe(true)
    await b.next()
    await connecting
  })

  test('an answer whose body never ends is given up, too', async () => {
    const endless = new Response(new ReadableStream({ start: (it) => it.enqueue(Uint8Array.of(123)) }), {
      status: 401,
    })
    const { b } = refusing([endless], { connectTimeout: 3_000 })
    const connecting = b.notify.connect({ timeout: 0 })
    await flush()
    b.network.last.drop()
    await b.clock.advance(3_000)
    expect(b.errors).toEqual([expect.objectContaining({ code: 'CONNECT_TIMEOUT' })])
    await b.next()
    await connecting
  })

  test('close() while it is asked ends at once, and the question with it', async () => {
    const { b, asked } = refusing(['hangs'])
    const connecting = rejection(b.notify.connect())
    await flush()
    b.network.last.drop()
    await flush()
    // No timer has to fire for it.
    await b.notify.close()
    expect(await connecting).toMatchObject({ code: 'CLOSED' })
    expect([asked[0]!.signal.aborted, b.clock.timers, b.notify.state]).toEqual([true, 0, 'closed'])
  })

  test('nobody who waits any more: the question is dropped', async () => {
    const { b, asked } = refusing(['hangs'])
    const connecting = rejection(b.notify.connect({ timeout: 500 }))
    await flush()
    b.network.last.drop()
    await b.clock.advance(500)
    expect(await connecting).toMatchObject({ code: 'TIMEOUT' })
    expect([asked[0]!.signal.aborted, b.notify.state, b.clock.timers]).toEqual([true, 'idle', 0])
  })
})

test('a socket that was open is not asked about, however soon it ends', async () => {
  const { b, asked } = refusing([refusal()])
  await b.open()
  b.network.last.drop(1008, 'policy')
  await flush()
  expect([asked, b.notify.state]).toEqual([[], 'reconnecting'])
  expect(b.errors).toEqual([expect.objectContaining({ code: 'CONNECTION_LOST' })])
})

describe('A23 · secrets', () => {
  test('A23 · no secret, signature or query in any error, event, record or log, on any way to fail', async () => {
    const ways: Partial<PrismClientOptions>[] = [
      { secret: 'MARKER-secret' },
      { sign: () => 'MARKER-signature' },
      { baseUrl: 'https://prism.test/MARKER-base', secret: 'MARKER-secret' },
    ]
    for (const way of ways) {
      // Servers that show what they were sent, and what they made of it.
      const known = way.secret ?? 'MARKER-signature'
      const echo = (status: number) => (url: URL) => {
        const message = `${url.searchParams.get('sign')} is wrong, it is that of ${known}&GET&${known}`
        return refusal(status, { code: known, message })
      }
      const { b } = refusing(
        [echo(401), echo(403), echo(500), echo(404), new Error('nobody there'), 'hangs'],
        { path: '/notify?token=MARKER-query', reconnect: { refused: true } },
        way,
      )
      const seen: unknown[] = []
      const keep = (promise: Promise<unknown>) => promise.catch((error) => seen.push(error))
      for (const type of ['state', 'status', 'error', 'debug'] as const) {
        b.notify.on(type, (event) => seen.push(event))
      }
      const messages = b.notify.messages()
      keep(b.notify.connect({ timeout: 600_000 }))
      await flush()
      for (let attempt = 0; attempt < 5; attempt++) {
        await refuse(b)
        await b.dial()
      }
      b.network.last.drop()
      await b.clock.advance(10_000)
      const script = await b.next()
      const next = messages.next()
      script.send(deliveryText('1'))
      const { value: message } = await next
      for (const frame of ['{', '{"error":"no"}', '{"tag":1.5}']) script.send(frame)
      keep(b.notify.publish('k', 'x'))
      keep(b.notify.publish('k'.repeat(300), 'x'))
      keep(b.notify.publish('k', 'x', { signal: AbortSignal.abort() }))
      await flush()
      script.socket.drop(1008, 'policy')
      await keep(message.ack())
      await b.notify.close()
      await keep(b.notify.publish('k', 'x'))
      await keep(b.notify.messages().next())
      const codes = new Set(seen.map((it) => (it as { code?: string }).code))
      for (const code of [
        'AUTH_REJECTED',
        'CONNECT_FAILED',
        'CONNECT_TIMEOUT',
        'CONNECTION_LOST',
        'PROVIDER',
        'LIMIT',
      ])
        expect([...codes], 'ways to fail').toContain(code)
      const text = everything(seen)
      expect(text).toContain('AUTH_REJECTED')
      expect(text).not.toMatch(/MARKER/)
      for (const { url } of b.network.sockets) {
        expect(text).not.toContain(new URL(url).searchParams.get('sign'))
      }
    }
  })

  test('A23 · a server that quotes them in an error on the socket shows them to nobody', async () => {
    for (const way of [{ secret: 'MARKER-secret' }, { sign: () => 'MARKER-signature' }]) {
      const b = bench({}, way)
      const script = await b.open()
      const said = 'the sign MARKER-signature is that of MARKER-secret&GET'
      script.send(JSON.stringify({ error: said }))
      script.send(JSON.stringify({ error: { code: said, message: said } }))
      const shown = everything(b.errors)
      expect(b.errors).toHaveLength(2)
      expect(shown).not.toContain(Object.hasOwn(way, 'sign') ? 'MARKER-signature' : 'MARKER-secret')
      expect(shown).toContain('the sign')
    }
  })
})
