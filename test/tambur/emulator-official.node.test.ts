// An OAuth library as it is on npm, and the signatures and tokens of the service's own clients, against the emulator:
// the proof that it does not merely agree with our own client. What is recorded is old, so there is a playground for it.
import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Playground, startPlayground } from '../../playground/host.mjs'
import { peers, requirePeer } from '../bench/peers.ts'
import { TAMBUR, tamburRoom } from '../support/emulator.ts'
import { post, streamUrl } from './publisher.ts'
import { subscribed } from './raw.ts'

interface OAuth {
  authorize(request: { url: string; method: string; data: Record<string, string> }): Record<string, string>
}
type OAuthClass = new (options: {
  consumer: { key: string; secret: string }
  signature_method: string
  hash_function(base: string, key: string): string
}) => OAuth

const folder = peers()

describe.skipIf(folder === undefined)('oauth-1.0a', () => {
  const send = (url: string, message: string, secret: string, query = '') => {
    const Class = requirePeer<OAuthClass>(folder!, 'oauth-1.0a', './oauth-1.0a.js')
    const oauth = new Class({
      consumer: { key: TAMBUR.apiKey, secret },
      signature_method: 'HMAC-SHA1',
      hash_function: (base, key) => createHmac('sha1', key).update(base).digest('base64'),
    })
    const data = { api_version: '1.0', message }
    const fields = oauth.authorize({ url: url + query, method: 'POST', data })
    return fetch(url + query, { method: 'POST', body: new URLSearchParams({ ...data, ...fields }) })
  }

  test.each([
    ['demo', 'some message', ''],
    ['auth:demo', "a=b&c=d+e %20!*'()~/?#[]@:;,$ Grüße, 世界 😀", ''],
    ["my%20stream;$&'()*,=@+!~", 'line 1\nline 2\r\nend', '?debug=true'],
  ])('publishes to %s', async (path, message, query) => {
    const room = tamburRoom()
    const stream = decodeURIComponent(path).replace('auth:', '')
    const peer = await subscribed(room, [stream])
    await peer.setMode('auth', stream)
    expect((await send(streamUrl(room, path), message, TAMBUR.secret, query)).status).toBe(204)
    expect(await peer.texts(1)).toEqual([message])
  })

  test('is refused with a wrong secret', async () => {
    expect((await send(streamUrl(tamburRoom(), 'demo'), 'x', 'wrong')).status).toBe(401)
  })
})

interface Case {
  readonly name: string
  readonly input: Readonly<Record<string, string>>
  readonly expected: Readonly<Record<'token' | 'url' | 'body' | 'signature' | 'base_string', string>>
}

const file = new URL('../vectors/tambur.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] }
const named = (op: string) =>
  cases.filter(({ input }) => input.op === op).map((one) => [one.name, one] as const)

describe("what the service's Python and PHP clients sign", () => {
  let playground: Playground
  const control = async (op: string, args: object = {}) => {
    const url = `${playground.url}/tambur/ws-bot-1/control`
    const response = await fetch(url, { method: 'POST', body: JSON.stringify({ op, ...args }) })
    return (await response.json()) as Record<string, unknown>
  }
  const publish = (url: string, body: string) => {
    const { host, pathname } = new URL(url)
    return post(playground.url + pathname, body, host)
  }

  beforeAll(async () => {
    playground = await startPlayground({ tambur: { window: 1e10 } })
  })
  afterAll(() => playground.stop())
  beforeEach(async () => {
    // They use the same nonce again and again.
    await control('reset')
    await control('app', { secret: 'wsbot' })
  })

  test.each(named('token'))('%s', async (_, { input, expected }) => {
    const { mode, stream, user_id: userId, subscriber_id: subscriberId } = input
    expect(await control('token', { mode, stream, userId, subscriberId })).toEqual({
      ok: true,
      token: expected.token,
    })
  })

  test.each(named('publish'))('%s', async (_, { input, expected }) => {
    const { url, body, signature } = expected
    const address = `${playground.url.replace('http', 'ws')}/tambur/ws-bot-1/socket`
    const stream = input.stream!.replace(/^auth:/, '')
    const isPrivate = stream.startsWith('private:')
    const peer = await subscribed({ appId: 'ws-bot-1', url: address }, isPrivate ? [] : [stream])
    if (input.stream !== stream) {
      const { token } = await control('token', { mode: 'auth', stream, subscriberId: peer.id })
      expect(await peer.command('set_mode', 'auth', stream, token)).toBe('ok')
    }
    expect(await publish(url, body)).toEqual([204, ''])
    if (!isPrivate) expect(await peer.texts(1)).toEqual([input.message])
    const other = (signature.startsWith('A') ? 'B' : 'A') + signature.slice(1)
    const wrong = body.replace(encodeURIComponent(signature), encodeURIComponent(other))
    const [status, text] = await publish(`${url}`, wrong)
    expect([status, text]).toEqual([401, '{"error":"invalid_signature"}'])
    peer.close()
  })

  test('debug shows the text that they sign', async () => {
    for (const [, { expected }] of named('publish')) {
      const wrong = expected.body.replace(encodeURIComponent(expected.signature), 'x')
      const { host, pathname } = new URL(expected.url)
      const [, text] = await post(`${playground.url}${pathname}?debug=true`, wrong, host)
      expect(JSON.parse(text).base_string_without_debug).toBe(expected.base_string)
    }
  })
})
