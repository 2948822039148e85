// What becomes of calls and publications when the connection breaks, and what they wait for when it comes back.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'
import { AUTH, AUTHREQ } from '../support/wamp.ts'
import { bench, bench1, bench2, VERSIONS } from './bench.ts'

const T = 'http://example.com/t'
const LOST = expect.objectContaining({ code: 'CONNECTION_LOST' })

describe.each(VERSIONS)('after a reconnect of version %d', (version) => {
  test('subscriptions come first, then what waited, in order', async () => {
    const b = bench(version)
    await b.open()
    await b.subscribe('a')
    await b.subscribe('b')
    b.network.last.drop()
    await flush()
    b.session.publish('t', 1).catch(() => {})
    b.session.call('p').catch(() => {})
    b.session.subscribe('c').catch(() => {})
    b.session.publish('t', 2).catch(() => {})
    const script = await b.redial()
    script.accept()
    await flush()
    const types = version === 1 ? [5, 5, 5, 7, 2, 7] : [1, 32, 32, 32, 16, 48, 16]
    expect(script.messages.map(([type]) => type)).toEqual(types)
    expect(script.subscribes).toEqual(['a', 'b', 'c'])
  })

  test('calls that were sent reject with CONNECTION_LOST at once, none hangs, none is sent again', async () => {
    const b = bench(version)
    const first = await b.open()
    const calls = Array.from({ length: 50 }, (_, n) => rejection(b.session.call(`p${n}`)))
    await flush()
    expect(first.calls).toHaveLength(50)
    first.socket.drop()
    for (const error of await Promise.all(calls)) {
      expect(error).toMatchObject({
        code: 'CONNECTION_LOST',
        cause: { code: 'CONNECTION_LOST' },
      })
    }
    const second = await b.redial()
    second.accept()
    await b.clock.advance(60_000)
    expect(second.calls).toEqual([])
  })

  test('calls that were not sent go out exactly once, on the next session', async () => {
    const b = bench(version)
    const first = await b.open()
    first.socket.drop()
    await flush()
    const calls = ['a', 'b', 'c'].map((name) => b.session.call(name))
    const second = await b.redial()
    second.accept()
    await flush()
    for (const name of ['a', 'b', 'c']) second.result(name, name)
    expect(await Promise.all(calls)).toEqual(['a', 'b', 'c'])
    const third = await b.again()
    expect([first.calls, second.calls, third.calls]).toEqual([[], ['a', 'b', 'c'], []])
  })

  test('a connection that breaks in the moment it opens does not fail what was not sent', async () => {
    const b = bench(version)
    const waiting = b.session.call('x', [], { timeout: 0 })
    await flush()
    const first = b.script
    first.accept()
    first.socket.drop()
    const second = await b.redial()
    second.accept()
    await flush()
    second.result('x', 'done')
    expect(await waiting).toBe('done')
    expect([first.calls, second.calls]).toEqual([[], ['x']])
  })

  test('a publication that was sent is done; one that was not is sent once, later', async () => {
    const b = bench(version)
    const first = await b.open()
    await b.session.publish('t', 'sent')
    first.socket.drop()
    const waiting = b.session.publish('t', 'later')
    const second = await b.redial()
    second.accept()
    await waiting
    const events = [first, second].map((script) => script.of(version === 1 ? 7 : 16).map((it) => it.at(-1)))
    expect(events).toEqual(version === 1 ? [['sent'], ['later']] : [[['sent']], [['later']]])
  })

  test('a socket that takes no more fails one call and nothing else', async () => {
    const b = bench(version)
    const first = await b.open()
    await b.subscribe(T)
    first.socket.sendFails = new Error('gone')
    expect(await rejection(b.session.call('p'))).toEqual(LOST)
    const second = await b.redial()
    second.accept()
    await flush()
    second.grant()
    const call = b.session.call('p')
    await flush()
    second.result('p', 1)
    expect([await call, second.subscribes]).toEqual([1, [T]])
  })

  test('50 breaks, with calls and publications all the while: each is answered or lost, none twice', async () => {
    const b = bench(version, { idleTimeout: 0 })
    const seen = new Map<string, number>()
    let ok = 0
    let lost = 0
    let script = await b.open()
    await b.subscribe(T)
    for (let round = 0; round < 50; round++) {
      const names = Array.from({ length: 6 }, (_, n) => `${round}.${n}`)
      const calls = names.map((name) =>
        b.session.call(name, [], { timeout: 0 }).then(
          () => ok++,
          (error) => {
            expect(error).toEqual(LOST)
            lost++
          },
        ),
      )
      await flush()
      for (const name of names.slice(0, 3)) script.result(name, 1)
      script = await b.again()
      script.grant()
      await Promise.all(calls)
      for (const name of names) seen.set(name, 0)
    }
    expect([ok, lost]).toEqual([150, 150])
    for (const { sent } of b.network.sockets) {
      for (const frame of sent) {
        const message = JSON.parse(frame as string) as unknown[]
        const name = String(message[0] === 2 ? message[2] : message[3])
        if (seen.has(name)) seen.set(name, seen.get(name)! + 1)
      }
    }
    expect([...new Set(seen.values())]).toEqual([1])
  })
})

describe('in order after a reconnect', () => {
  test('version 1: the sign-in, then prefixes, then subscriptions, then what waited', async () => {
    const auth = { id: 'joe', sign: () => 'SIGNED' }
    const b = bench1({ auth, prefixes: { ex: 'http://example.com/' } })
    const signIn = async () => {
      b.script.accept()
      await until(() => b.script.calls.length === 1)
      b.script.result(AUTHREQ, '{"sessionid":"S1"}')
      await until(() => b.script.calls.length === 2)
      b.script.result(AUTH, {})
      await until(() => b.session.state === 'open')
    }
    b.session.connect().catch(() => {})
    await flush()
    await signIn()
    await b.session.subscribe('ex:t')
    b.session.prefix('more', 'http://example.org/')
    b.network.last.drop()
    b.session.publish('t', 1).catch(() => {})
    const script = await b.redial()
    await signIn()
    await flush()
    expect(script.messages.map(([type, first, second]) => [type, type === 2 ? second : first])).toEqual([
      [2, AUTHREQ],
      [2, AUTH],
      [1, 'ex'],
      [1, 'more'],
      [5, 'http://example.com/t'],
      [7, 't'],
    ])
  })

  test('version 2: HELLO, the sign-in, then subscriptions, then what waited', async () => {
    const b = bench2({ auth: { id: 'joe', ticket: 'T' } })
    const signIn = async () => {
      b.script.open()
      b.script.send(4, 'ticket', {})
      await flush()
      b.script.welcome()
      await flush()
    }
    b.session.connect().catch(() => {})
    await flush()
    await signIn()
    await b.subscribe(T)
    b.network.last.drop()
    b.session.call('p').catch(() => {})
    const script = await b.redial()
    await signIn()
    expect(script.messages.map(([type]) => type)).toEqual([1, 5, 32, 48])
  })
})
