import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { TAMBUR, tamburRoom } from '../support/emulator.ts'
import { type Odd, post, publish, publishAt, seconds, streamUrl } from './publisher.ts'
import { subscribed } from './raw.ts'

async function refusal(response: Response): Promise<unknown[]> {
  const { error } = (await response.json()) as { error: unknown }
  return [response.status, error]
}

const unusual = "a=b&c=d+e %20!*'()~/?#[]@:;,$\n\r\n\t\0 Grüße, 世界 😀"

describe('a signed message is published', () => {
  test.each([
    ['', 'empty'],
    [unusual, 'every sign'],
    ['x'.repeat(100_000), 'long'],
  ])('%#: %s', async (message) => {
    const room = tamburRoom()
    const peer = await subscribed(room, ['demo'])
    const response = await publish(room, 'demo', message)
    expect([response.status, response.headers.get('x-message'), await response.text()]).toEqual([
      204,
      '1',
      '',
    ])
    expect(await peer.texts(1)).toEqual([message])
  })

  test.each([
    ['my%20stream', 'my stream'],
    ['Zo%C3%AB%E7%8E%8B', 'Zoë王'],
    ["$&'()*,=;@+!~", "$&'()*,=;@+!~"],
    ['a:b', 'a:b'],
    ['a%2Fb', 'a/b'],
    ['50%25', '50%'],
    // Other spellings of the same are signed as they are sent.
    ['%7e%41', '~A'],
  ])('to the stream %s, whose path is signed as it is sent', async (path, stream) => {
    const room = tamburRoom()
    const peer = await subscribed(room, [stream])
    expect((await publish(room, path, 'x')).status).toBe(204)
    expect(await peer.messages.next()).toEqual([stream, 'message', 'x'])
  })

  test('below the room, too, and by https to what stands in front', async () => {
    const room = tamburRoom()
    const peer = await subscribed(room, ['demo'])
    const below = `${room.site}/app/${room.appId}/stream/demo`
    expect((await publishAt(below, '1')).status).toBe(204)
    const url = streamUrl(room, 'demo')
    const headers = { 'x-forwarded-proto': 'https' }
    const signedUrl = url.replace('http', 'https')
    expect((await publishAt(url, '2', { headers, signedUrl })).status).toBe(204)
    expect((await publishAt(url, '3', { headers })).status).toBe(401)
    expect(await peer.texts(2)).toEqual(['1', '2'])
  })

  test('with debug in the query, signed or not, and with other parameters that are signed', async () => {
    const room = tamburRoom()
    const odds: Odd[] = [
      { query: 'debug=true' },
      { query: 'debug=true', unsigned: true },
      { query: 'b=2&debug=true&a=1%202' },
      { query: '', unsigned: true },
      { fields: { oauth_token: '' } },
    ]
    for (const odd of odds) expect((await publish(room, 'demo', 'x', odd)).status).toBe(204)
    const refused: Odd[] = [
      { query: 'a=1', unsigned: true },
      { query: 'debug=false', unsigned: true },
    ]
    for (const odd of refused) expect((await publish(room, 'demo', 'x', odd)).status).toBe(401)
  })

  test('with a nonce that is no UTF-8, as PHP makes them', async () => {
    const room = tamburRoom()
    const peer = await subscribed(room, ['demo'])
    const url = streamUrl(room, 'demo')
    const fields = (nonce: string): string =>
      `api_version=1.0&message=x&oauth_consumer_key=${TAMBUR.apiKey}&oauth_nonce=${nonce}` +
      `&oauth_signature_method=HMAC-SHA1&oauth_timestamp=${seconds()}&oauth_version=1.0`
    // Two spellings of the same bytes: what is sent, and what is signed.
    const [sent, signed] = [fields('%ff%00%E4%7E%2B+'), fields('%FF%00%E4~%2B%20')]
    const base = `POST&${encodeURIComponent(url)}&${encodeURIComponent(signed)}`
    const sign = createHmac('sha1', `${TAMBUR.secret}&`).update(base).digest('base64')
    const [status] = await post(url, `${sent}&oauth_signature=${encodeURIComponent(sign)}`)
    expect([status, await peer.texts(1)]).toEqual([204, ['x']])
  })
})

describe('a message is refused', () => {
  const now = seconds()
  test.each<[string, Odd, unknown[]]>([
    ['with a wrong signature', { signature: 'x' }, [401, 'invalid_signature']],
    ['signed by a wrong secret', { secret: 'x' }, [401, 'invalid_signature']],
    ['by an unknown key', { fields: { oauth_consumer_key: 'x' } }, [401, 'unknown_key']],
    ['that is too old', { fields: { oauth_timestamp: `${now - 400}` } }, [401, 'timestamp_off']],
    ['from the future', { fields: { oauth_timestamp: `${now + 400}` } }, [401, 'timestamp_off']],
    ['in milliseconds', { fields: { oauth_timestamp: `${now}000` } }, [400, 'invalid_timestamp']],
    ['at no time', { fields: { oauth_timestamp: 'now' } }, [400, 'invalid_timestamp']],
    ['without a time', { fields: { oauth_timestamp: undefined } }, [400, 'missing_parameter']],
    ['without a nonce', { fields: { oauth_nonce: undefined } }, [400, 'missing_parameter']],
    ['with an empty nonce', { fields: { oauth_nonce: '' } }, [400, 'invalid_nonce']],
    ['without a message', { fields: { message: undefined } }, [400, 'missing_parameter']],
    ['of another API version', { fields: { api_version: '2.0' } }, [400, 'unsupported_api_version']],
    ['of no API version', { fields: { api_version: undefined } }, [400, 'missing_parameter']],
    ['of OAuth 2', { fields: { oauth_version: '2.0' } }, [400, 'unsupported_version']],
    [
      'signed in plain text',
      { fields: { oauth_signature_method: 'PLAINTEXT' } },
      [400, 'unsupported_signature_method'],
    ],
    ['signed for another address', { signedUrl: 'http://api.tambur.io/x' }, [401, 'invalid_signature']],
  ])('%s', async (_, odd, expected) => {
    const room = tamburRoom()
    const peer = await subscribed(room, ['demo'])
    expect(await refusal(await publish(room, 'demo', 'x', odd))).toEqual(expected)
    await peer.settled()
    expect(peer.messages.rest).toEqual([])
    expect(await room.stats()).toMatchObject({ published: 0, refused: 1, restCalls: 1 })
  })

  test('without a signature, with a parameter twice, with a text that is no UTF-8', async () => {
    const room = tamburRoom()
    const url = streamUrl(room, 'demo')
    expect(await post(url, '')).toEqual([400, '{"error":"missing_parameter"}'])
    const twice = 'oauth_signature_method=HMAC-SHA1&oauth_signature_method=HMAC-SHA1'
    expect(await post(url, twice)).toEqual([400, '{"error":"repeated_parameter"}'])
    const bytes = 'oauth_signature_method=HMAC-SHA1&oauth_version=1.0&api_version=1.0&message=%FF'
    expect(await post(url, bytes)).toEqual([400, '{"error":"invalid_parameter"}'])
  })

  test('when its nonce was used before; the same one at another time is new', async () => {
    const room = tamburRoom()
    const again = (time: number, odd: Odd = {}) =>
      publish(room, 'demo', 'x', { ...odd, fields: { oauth_nonce: 'n', oauth_timestamp: `${time}` } })
    // What is refused uses up nothing.
    expect((await again(now, { secret: 'x' })).status).toBe(401)
    expect((await again(now)).status).toBe(204)
    expect(await refusal(await again(now))).toEqual([401, 'nonce_used'])
    expect((await again(now + 1)).status).toBe(204)
    expect(await room.stats()).toMatchObject({ published: 2 })
  })

  test.each([
    ['private', [400, 'invalid_stream']],
    ['private:', [400, 'invalid_stream']],
    ['auth:', [400, 'invalid_stream']],
    ['auth:auth:x', [400, 'invalid_stream']],
    ['auth:private', [400, 'invalid_stream']],
    ['', [400, 'invalid_stream']],
    ['%E4', [400, 'invalid_stream']],
    ['a%zz', [400, 'invalid_stream']],
    ['a/b', [404, 'not_found']],
  ])('to the stream "%s"', async (stream, expected) => {
    expect(await refusal(await publish(tamburRoom(), stream, 'x'))).toEqual(expected)
  })

  test('for another app, by another method, as no form, elsewhere', async () => {
    const room = tamburRoom()
    const other = `${room.site}/app/other/stream/demo`
    expect(await refusal(await publishAt(other, 'x'))).toEqual([404, 'unknown_app'])
    expect(await refusal(await publish({ ...room, appId: 'default' }, 'demo', 'x'))).toEqual([
      404,
      'unknown_app',
    ])
    expect(await refusal(await fetch(streamUrl(room, 'demo')))).toEqual([405, 'method_not_allowed'])
    const body = '{"message":"x"}'
    const json = await fetch(streamUrl(room, 'demo'), { method: 'POST', body })
    expect(await refusal(json)).toEqual([415, 'unsupported_media_type'])
    expect(await refusal(await publishAt(`${room.site}/app/${room.appId}/streams`, 'x'))).toEqual([
      404,
      'not_found',
    ])
    expect((await publish({ ...room, appId: 'socket' }, 'demo', 'x')).status).toBe(404)
  })
})

describe('debug', () => {
  test('tells what should have been signed, and nothing secret', async () => {
    const room = tamburRoom()
    const response = await publish(room, 'demo', unusual, { query: 'debug=true', secret: 'wrong' })
    const text = await response.text()
    expect(response.status).toBe(401)
    expect(JSON.parse(text)).toEqual({
      error: 'invalid_signature',
      message: expect.stringContaining('signature is wrong'),
      signature_method: 'HMAC-SHA1',
      signing_key: 'the secret, percent-encoded, and "&"',
      base_string: expect.stringMatching(
        /^POST&http%3A%2F%2F.*%2Fstream%2Fdemo&api_version%3D1\.0%26debug%3Dtrue%26message/,
      ),
      base_string_without_debug: expect.stringMatching(/demo&api_version%3D1\.0%26message%3Da%253Db%2526c/),
      server_time: expect.any(Number),
    })
    expect(text).not.toContain(TAMBUR.secret)
  })

  test('tells of a clock that is off', async () => {
    const room = tamburRoom()
    await room.control('skew', { seconds: 3600 })
    const response = await publish(room, 'demo', 'x', { query: 'debug=true' })
    const { error, message, server_time } = (await response.json()) as Record<string, string | number>
    expect([error, message]).toEqual([
      'timestamp_off',
      expect.stringMatching(/^oauth_timestamp is 3\d{3} s behind/),
    ])
    expect(Number(server_time) - seconds()).toBeGreaterThan(3500)
  })

  test('is asked for: otherwise there is a code alone', async () => {
    const response = await publish(tamburRoom(), 'demo', 'x', { secret: 'wrong' })
    expect(await response.json()).toEqual({ error: 'invalid_signature' })
  })
})

test('every answer has the date of a clock that can be wrong, and pages may read it', async () => {
  const room = tamburRoom()
  const dates: number[] = []
  for (const skew of [0, -3600]) {
    await room.control('skew', { seconds: skew })
    const { status, headers } = await publish(room, 'demo', 'x', {
      fields: { oauth_timestamp: `${seconds() + skew}` },
    })
    expect([status, headers.get('access-control-allow-origin')]).toEqual([204, '*'])
    expect(headers.get('access-control-expose-headers')).toContain('date')
    dates.push(Math.round((Date.now() - Date.parse(headers.get('date')!)) / 60_000))
  }
  expect(dates).toEqual([0, 60])
  const refused = await publish(room, 'demo', 'x')
  expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, '*'])
  await room.control('settings', { window: 4000 })
  expect((await publish(room, 'demo', 'x')).status).toBe(204)
  const preflight = await fetch(streamUrl(room, 'demo'), { method: 'OPTIONS' })
  expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([
    200,
    expect.stringContaining('POST'),
  ])
})

test('one after the other on the same connection, bodies and refusals mixed', async () => {
  const room = tamburRoom()
  for (const secret of [undefined, 'x', undefined, 'x', undefined]) {
    const { status } = await publish(room, 'demo', 'x'.repeat(50_000), { secret })
    expect(status).toBe(secret ? 401 : 204)
  }
})
