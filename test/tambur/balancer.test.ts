// What a balancer may answer when it is asked for the socket's address.
import type { TamburConnectionOptions } from 'isomq/tambur'
import { afterEach, describe, expect, test } from 'vitest'
import { everything } from '../contract/reveal.ts'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, type TamburBench } from './bench.ts'

interface Asked {
  readonly url: URL
  readonly init: RequestInit
}

type Balanced = TamburBench & { readonly asked: Asked[] }

/** A connection that asks a balancer. */
function balanced(
  answer: string | ((asked: Asked) => Response | Promise<Response>),
  options: Partial<TamburConnectionOptions> = {},
): Balanced {
  const asked: Asked[] = []
  const b = bench({
    apiKey: 'the-key',
    appId: 'the-app',
    balancer: 'balancer.test',
    async fetch(url, init = {}) {
      const one = { url: new URL(url), init }
      asked.push(one)
      return typeof answer === 'string' ? new Response(answer) : answer(one)
    },
    ...options,
  })
  return Object.assign(b, { asked })
}

/** Lets the first attempt get as far as it does. */
async function attempt(b: Balanced): Promise<string> {
  b.client.connect({ timeout: 0 }).catch(() => {})
  // An answer's body takes turns of its own.
  for (let i = 0; i < 20 && b.network.sockets.length === 0 && b.errors.length === 0; i++) {
    await new Promise((resolve) => setTimeout(resolve, 0))
    await flush()
  }
  return b.network.sockets[0]?.url ?? b.errors[0]?.code ?? 'nothing happened'
}

describe('the balancer', () => {
  test('is asked by key, app, instance and callback, and not beyond a redirect', async () => {
    const b = balanced('isomq(1, "s1.tambur.test/socket/7")')
    expect(await attempt(b)).toBe('wss://s1.tambur.test/socket/7')
    const [{ url, init }] = b.asked as [Asked]
    expect(url.href).toBe('https://balancer.test/the-key/the-app?instance=1&callback=isomq')
    expect(init).toMatchObject({ method: 'GET', redirect: 'manual' })
    expect(init.body ?? undefined).toBeUndefined()
  })

  test('is asked anew for every attempt, and each address is used', async () => {
    const b = balanced(({ url }) => new Response(`"h${url.searchParams.get('instance')}.test/s"`))
    await attempt(b)
    for (let i = 1; i <= 3; i++) {
      expect(b.network.last.url).toBe(`wss://h${i}.test/s`)
      b.script.accept()
      await flush()
      b.network.last.drop()
      await flush()
      await b.clock.advance(b.clock.untilNext!)
      for (let turn = 0; b.network.sockets.length === i && turn < 20; turn++) {
        await new Promise((resolve) => setTimeout(resolve, 0))
      }
    }
    expect(b.asked.map(({ url }) => url.searchParams.get('instance'))).toEqual(['1', '2', '3', '4'])
  })

  test.each<[Partial<TamburConnectionOptions>, string, string]>([
    [{ ssl: false }, 'http://balancer.test/', 'ws://h.test/s'],
    [{ ssl: true }, 'https://balancer.test/', 'wss://h.test/s'],
    [{ balancer: '127.0.0.1:8443' }, 'https://127.0.0.1:8443/', 'wss://h.test/s'],
    [{ balancer: '[::1]:80', ssl: false }, 'http://[::1]/', 'ws://h.test/s'],
  ])('with %j is asked at %s', async (options, asked, socket) => {
    const b = balanced('h.test/s', options)
    expect(await attempt(b)).toBe(socket)
    expect(b.asked[0]!.url.href.startsWith(asked)).toBe(true)
  })

  test.each(['a/b', '../x', 'a?b#c', 'a b', 'Zoë', '%41'])(
    'knows an app called %s by one segment of the path',
    async (appId) => {
      const b = balanced('h.test/s', { appId })
      await attempt(b)
      const { pathname, searchParams } = b.asked[0]!.url
      const segments = pathname.split('/').slice(1)
      expect([...searchParams.keys()]).toEqual(['instance', 'callback'])
      expect(segments.map(decodeURIComponent)).toEqual(['the-key', appId])
    },
  )
})

describe('an address', () => {
  test.each<[string, string]>([
    ['isomq(1, "h.test/s")', 'h.test/s'],
    ['isomq(1,"h.test/s");', 'h.test/s'],
    ['\n isomq(\n 1 ,\n "h.test\\/s"\n )\n ;\n', 'h.test/s'],
    ["isomq(1, 'h.test/s')", 'h.test/s'],
    ['isomq("h.test/s")', 'h.test/s'],
    ['tambur.Utils.connect_callback(12, "h.test:8080/s");', 'h.test:8080/s'],
    ['$_a1.b(0, "h.test/s")', 'h.test/s'],
    ['isomq(1, "\\u0068.test/s")', 'h.test/s'],
    ['"h.test/s"', 'h.test/s'],
    ['{"url":"h.test/s"}', 'h.test/s'],
    ['{"address":"h.test/s","instance":1}', 'h.test/s'],
    ['{"host":"h.test:1"}', 'h.test:1'],
    ['h.test/s', 'h.test/s'],
    ['  h.test/s\r\n', 'h.test/s'],
    ['\ufeffh.test/s', 'h.test/s'],
    ['h.test', 'h.test'],
    ['localhost:8080/s', 'localhost:8080/s'],
    ['localhost/s', 'localhost/s'],
    ['10.0.0.1:1/s', '10.0.0.1:1/s'],
    ['[::1]:8080/s', '[::1]:8080/s'],
    ['my_host.test/s', 'my_host.test/s'],
    ["h.test/a/b.c~!$&'()*+,;=:@%20/d-e_f", "h.test/a/b.c~!$&'()*+,;=:@%20/d-e_f"],
    ['ws://h.test/s', 'h.test/s'],
    ['wss://h.test/s', 'h.test/s'],
    ['"WSS://h.test/s"', 'h.test/s'],
  ])('is found in %j', async (answer, address) => {
    expect(await attempt(balanced(answer))).toBe(`wss://${address}`)
  })

  const ran = () => (globalThis as { wasRun?: unknown }).wasRun
  afterEach(() => {
    delete (globalThis as { wasRun?: unknown }).wasRun
  })

  test.each<[string, string]>([
    ['nothing', ''],
    ['blanks', ' \n '],
    ['HTML', '<!doctype html><title>Welcome</title><p>Please sign in to this network.'],
    ['a word', 'OK'],
    ['another', 'null'],
    ['a number', '42'],
    ['JSON that is null', 'null'],
    ['a list', '[1, "h.test/s"]'],
    ['an object without an address', '{"error":"no such app"}'],
    ['an address that is a number', '{"url":5}'],
    ['an address that is an object', '{"url":{"toString":"h.test/s"}}'],
    ['half of JSON', '{"url":"h.test/s"'],
    ['half a call', 'isomq(1, "h.test/s"'],
    ['half a text', 'isomq(1, "h.test/s)'],
    ['a call without an address', 'isomq(1)'],
    ['a call with a number', 'isomq(1, 42)'],
    ['a call with an object', 'isomq(1, {"address": "h.test/s"})'],
    ['a call with more', 'isomq(1, "h.test/s", "more")'],
    ['two calls', 'isomq(1, "h.test/s");isomq(2, "i.test/s")'],
    ['a call and code', 'isomq(1, "h.test/s");globalThis.wasRun = true'],
    ['code and a call', 'globalThis.wasRun = true;isomq(1, "h.test/s")'],
    ['code for an argument', 'isomq(1, (globalThis.wasRun = true, "h.test/s"))'],
    ['a template', 'isomq(1, `h.test/s`)'],
    ['texts that are added', 'isomq(1, "h.test" + "/s")'],
    ['a call of what is no name', 'a[0](1, "h.test/s")'],
    ['a function that is called', '(function(){globalThis.wasRun = true})()'],
    ['a script', '<script>globalThis.wasRun = true</script>'],
    ['another scheme', 'http://h.test/s'],
    ['javascript', '"javascript:globalThis.wasRun=true"'],
    ['a data URL', 'data:text/javascript,globalThis.wasRun=true'],
    ['a file', 'file:///etc/passwd'],
    ['two schemes', 'wss://ws://h.test/s'],
    ['no host', '/s'],
    ['no host after a scheme', 'ws:///s'],
    ['two slashes', '//h.test/s'],
    ['user and password', 'user:secret@h.test/s'],
    ['a user', 'user@h.test/s'],
    ['a backslash', 'h.test\\@evil.test/s'],
    ['a backslash in JSON', '"h.test\\\\evil.test/s"'],
    ['a query', 'h.test/s?x=1'],
    ['a fragment', 'h.test/s#x'],
    ['a line break inside', 'h.test/s\nHost: evil.test'],
    ['a blank inside', 'h.test /s'],
    ['a port that is none', 'h.test:port/s'],
    ['a port that is too large', 'h.test:65536/s'],
    ['an address that is none', '999.999.999.999/s'],
    ['half an IPv6 address', '[::1/s'],
    ['letters of other scripts', 'ｈ.test/s'],
    ['a zero byte', 'h.test\u0000/s'],
    ['a megabyte of call', `isomq(1, "${'\\\\'.repeat(500_000)}")`],
    ['a megabyte of blanks', `isomq(${' '.repeat(1_000_000)}`],
    ['a megabyte of name', 'a.'.repeat(500_000)],
    ['five megabytes of address', `h.test/${'s'.repeat(5_000_000)}`],
  ])('is not found in %s: PROTOCOL, no socket, nothing is run, and it is asked again', async (_, answer) => {
    const b = balanced(answer)
    expect(await attempt(b)).toBe('PROTOCOL')
    expect([b.network.sockets.length, b.client.state, ran()]).toEqual([0, 'connecting', undefined])
    await b.clock.advance(b.clock.untilNext!)
    expect(b.asked.length).toBe(2)
  })

  test('that is not found is not quoted', async () => {
    const b = balanced('{"url":"marker:secret@h.test"}')
    await attempt(b)
    expect(everything(b.errors)).not.toContain('marker')
  })
})

describe('a balancer that fails', () => {
  test.each<[number, string]>([
    [500, 'HTTP'],
    [503, 'HTTP'],
    [404, 'HTTP'],
    [429, 'HTTP'],
    [400, 'HTTP'],
  ])('with status %i is asked again after a while', async (status, code) => {
    const b = balanced(() => new Response('isomq(1, "h.test/s")', { status }))
    expect(await attempt(b)).toBe(code)
    expect(b.errors[0]).toMatchObject({ details: { status } })
    expect([b.network.sockets.length, b.client.state]).toEqual([0, 'connecting'])
    expect(b.clock.untilNext).toBeGreaterThanOrEqual(500)
  })

  test.each([401, 403])('with status %i has refused the key, which ends the client', async (status) => {
    const b = balanced(() => new Response('unknown key', { status }))
    const connecting = rejection(b.client.connect())
    expect(await connecting).toMatchObject({ code: 'AUTH_REJECTED', retryable: false, details: { status } })
    expect([b.client.state, b.clock.timers]).toEqual(['closed', 0])
  })

  test.each([401, 403])(
    'with status %i is asked again with `reconnect: { refused: true }`',
    async (status) => {
      const b = balanced(() => new Response('', { status }), { reconnect: { refused: true } })
      expect(await attempt(b)).toBe('AUTH_REJECTED')
      expect(b.client.state).toBe('connecting')
    },
  )

  test('by a redirect is not followed', async () => {
    for (const status of [301, 302, 307, 308]) {
      const b = balanced(() => new Response(null, { status, headers: { location: 'https://evil.test/' } }))
      expect(await attempt(b)).toBe('HTTP')
      expect(b.asked.length).toBe(1)
    }
  })

  test('that cannot be reached is asked again', async () => {
    const b = balanced(() => Promise.reject(new TypeError('fetch failed')))
    expect(await attempt(b)).toBe('CONNECT_FAILED')
    expect(b.client.state).toBe('connecting')
  })

  test('whose answer breaks off is asked again', async () => {
    const b = balanced(
      () =>
        new Response(
          new ReadableStream({
            start(controller) {
              controller.enqueue(new TextEncoder().encode('isomq(1, "h.te'))
              controller.error(new TypeError('terminated'))
            },
          }),
        ),
    )
    expect(await attempt(b)).toBe('CONNECTION_LOST')
    expect(b.client.state).toBe('connecting')
  })

  test('by silence is a CONNECT_TIMEOUT, and its request is broken off', async () => {
    const b = balanced(() => new Promise(() => {}), { connectTimeout: 3_000, reconnect: false })
    const connecting = rejection(b.client.connect())
    await flush()
    await b.clock.advance(3_000)
    expect(await connecting).toMatchObject({ code: 'CONNECT_TIMEOUT' })
    expect([b.asked[0]!.init.signal?.aborted, b.clock.timers]).toEqual([true, 0])
  })

  test('by an answer that comes too late opens nothing', async () => {
    const answers: ((response: Response) => void)[] = []
    const b = balanced(() => new Promise((resolve) => answers.push(resolve)), { connectTimeout: 1_000 })
    b.client.connect({ timeout: 0 }).catch(() => {})
    await b.clock.advance(1_000)
    answers[0]!(new Response('old.test/s'))
    await b.clock.advance(b.clock.untilNext!)
    answers[1]!(new Response('new.test/s'))
    while (b.network.sockets.length === 0) await new Promise((resolve) => setTimeout(resolve, 0))
    expect(b.network.sockets.map(({ url }) => url)).toEqual(['wss://new.test/s'])
  })

  test('is not asked any more after close()', async () => {
    let answer = (_: Response) => {}
    const b = balanced(() => new Promise((resolve) => (answer = resolve)))
    const connecting = rejection(b.client.connect())
    await flush()
    await b.client.close()
    expect(await connecting).toMatchObject({ code: 'CLOSED' })
    answer(new Response('h.test/s'))
    await b.clock.advance(3_600_000)
    expect([b.asked.length, b.network.sockets.length, b.clock.timers]).toEqual([1, 0, 0])
  })
})
