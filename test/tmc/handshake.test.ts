import { signConnect } from 'isomq/tmc'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { text } from '../support/tmc.ts'
import { bench } from './bench.ts'

const valuesOf = (headers: ReadonlyMap<string, { value: unknown }>) =>
  Object.fromEntries(Array.from(headers, ([key, { value }]) => [key, value]))

describe('the sign-in', () => {
  test('says who signs in and when, signed; strings all', async () => {
    const b = bench({ groupName: '订单', intranetIp: '10.0.0.1' })
    const script = await b.signIn()
    const timestamp = String(b.clock.now())
    const fields = { appKey: '12345678', groupName: '订单', timestamp }
    expect(script.connect).toMatchObject({ type: 'connect', flag: 1 })
    expect(script.connect!.token).toBeUndefined()
    expect(valuesOf(script.connect!.headers)).toEqual({
      app_key: '12345678',
      group_name: '订单',
      timestamp,
      sign: signConnect({ ...fields, appSecret: 'appsecret' }),
      sdk: 'isomq',
      intranet_ip: '10.0.0.1',
    })
    expect(Array.from(script.connect!.headers.values(), ({ type }) => type)).toEqual(Array(6).fill('string'))
  })

  test('carries further headers, which replace none of its own', async () => {
    const b = bench({ headers: { token: 'T', minor_group: 'm', sign: 'forged' } })
    const values = valuesOf((await b.signIn()).connect!.headers)
    expect(values).toMatchObject({ token: 'T', minor_group: 'm' })
    expect(values.sign).not.toBe('forged')
  })

  test('can be signed elsewhere: the signer gets what the signature covers', async () => {
    const asked: object[] = []
    const b = bench({
      sign: async (fields) => {
        asked.push(fields)
        return 'SIGNED'
      },
    })
    const script = await b.signIn()
    expect(asked).toEqual([{ appKey: '12345678', groupName: 'default', timestamp: String(b.clock.now()) }])
    expect(script.connect!.headers.get('sign')).toEqual(text('SIGNED'))
  })

  test.each([
    ['a code and a phrase', { statusCode: 25, statusPhrase: 'invalid signature' }, '25 invalid signature'],
    ['a code alone', { statusCode: 7 }, '7'],
    ['a phrase alone', { statusPhrase: '拒绝' }, '拒绝'],
    ['code 200', { statusCode: 200, token: 'T' }, '200'],
  ])('that is refused with %s fails with just that', async (_, status, shown) => {
    const b = bench()
    const connecting = rejection(b.client.connect())
    await flush()
    b.script.socket.open()
    b.script.send({ type: 'connectack', flag: 1, ...status })
    const error = await connecting
    const { statusCode: code, statusPhrase: phrase } = status as {
      statusCode?: number
      statusPhrase?: string
    }
    expect(error).toMatchObject({ code: 'AUTH_REJECTED', retryable: false, details: { code, phrase } })
    expect(error.message).toContain(`(${shown})`)
  })

  test('that is acked without a token is a protocol error, and tried again later', async () => {
    const b = bench()
    const connecting = b.client.connect()
    await flush()
    b.script.socket.open()
    b.script.send({ type: 'connectack', flag: 1 })
    await flush()
    expect(b.errors[0]).toMatchObject({ code: 'PROTOCOL' })
    const script = await b.again()
    await connecting
    expect(script.connect).toBeDefined()
  })

  test('waits for its ack: text and messages before it do no harm', async () => {
    const b = bench()
    const seen: string[] = []
    b.client.on('message', ({ id }) => seen.push(id))
    await flush()
    b.script.socket.open()
    b.script.socket.message('hello')
    b.script.deliver(1)
    expect(b.client.state).toBe('connecting')
    const script = await b.signIn()
    script.deliver(2)
    await flush()
    expect([seen, b.client.stats().malformed]).toEqual([['2'], 1])
  })
})

describe('pull requests', () => {
  test('go out 500 ms after the sign-in, then every `pullInterval`', async () => {
    const b = bench({ pullInterval: 10_000, idleTimeout: 0 })
    const script = await b.signIn()
    const pulls: number[] = []
    for (const ms of [499, 1, 9_999, 1, 10_000, 10_000]) {
      await b.clock.advance(ms)
      pulls.push(script.pulls)
    }
    expect(pulls).toEqual([0, 1, 1, 2, 3, 4])
    expect(script.ofKind(1)[0]).toMatchObject({ type: 'send', token: 'T' })
    expect([...script.ofKind(1)[0]!.headers.keys()]).toEqual(['__kind'])
  })

  test('ask for nothing while the buffer is full, unless nothing else keeps the line alive', async () => {
    const b = bench({
      pullInterval: 10_000,
      idleTimeout: 0,
      maxBuffered: 1,
      concurrency: 1,
      handlerTimeout: 0,
    })
    const script = await b.signIn()
    b.client.on('message', () => new Promise(() => {}))
    script.deliver(1, 2)
    await b.clock.advance(500)
    expect([script.pulls, b.client.stats().buffered]).toEqual([0, 1])
    await b.client.confirm('7')
    await b.clock.advance(10_000)
    expect(script.pulls).toBe(0)
    await b.clock.advance(10_000)
    expect(script.pulls).toBe(1)
  })

  test('do not go out at all with 0', async () => {
    const b = bench({ pullInterval: 0, idleTimeout: 0, maxBuffered: 2 })
    const script = await b.signIn()
    script.deliver(1, 2)
    b.client.on('message', () => {})
    await b.clock.advance(600_000)
    expect(script.pulls).toBe(0)
  })

  test('start anew on every session, with its token', async () => {
    const b = bench()
    await b.signIn('first')
    const script = await b.again('second')
    await b.clock.advance(500)
    expect(script.ofKind(1).map(({ token }) => token)).toEqual(['second'])
  })

  test('stop when the connection is lost: none falls on a dead socket', async () => {
    const b = bench()
    const script = await b.signIn()
    script.socket.drop()
    await b.clock.advance(450)
    expect(script.pulls).toBe(0)
  })
})
