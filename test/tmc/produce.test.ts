import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { byte, text } from '../support/tmc.ts'
import { bench } from './bench.ts'

const message = { topic: 't', content: '{}' }

describe('produce', () => {
  test('sends topic, content and session, and resolves when the server took them', async () => {
    const b = bench()
    const script = await b.signIn()
    const done = Promise.all([
      b.client.produce({ topic: 't', content: 'as it is' }),
      b.client.produce({ topic: 't', content: { n: '中' }, session: 'S' }),
      b.client.produce({ topic: 't', content: null }),
    ])
    await flush()
    const flags = script.produced.map(({ flag }) => flag)
    expect(script.produced.map(({ content, session }) => [content, session])).toEqual([
      ['as it is', undefined],
      ['{"n":"中"}', 'S'],
      ['null', undefined],
    ])
    expect(new Set(flags).size).toBe(3)
    expect(Math.min(...flags)).toBeGreaterThan(1)
    script.answer(flags[2]!)
    script.send({ type: 'send', flag: flags[0]!, headers: [] })
    script.answer(flags[1]!)
    await done
    expect(b.client.stats().produced).toBe(3)
  })

  test.each([
    ['code and phrase', { statusCode: 11, statusPhrase: 'insufficient permissions' }],
    ['a phrase alone', { statusPhrase: 'no' }],
    ['code 200', { statusCode: 200 }],
  ])('fails with the server’s own %s', async (_, status) => {
    const b = bench()
    const script = await b.signIn()
    const failed = rejection(b.client.produce(message))
    await flush()
    script.answer(script.produced[0]!.flag, status)
    const { statusCode: code, statusPhrase: phrase } = status as {
      statusCode?: number
      statusPhrase?: string
    }
    expect(await failed).toMatchObject({ code: 'PROVIDER', retryable: false, details: { code, phrase } })
    expect(b.errors).toEqual([])
  })

  test('waits 2 s for the answer by default, and says that the message may have been taken', async () => {
    const b = bench()
    const script = await b.signIn()
    const failed = rejection(b.client.produce(message))
    await b.clock.advance(2_000)
    const error = await failed
    expect(error).toMatchObject({ code: 'TIMEOUT' })
    expect(error.message).toContain('may have been taken')
    script.answer(script.produced[0]!.flag)
    await flush()
    expect([b.client.state, b.client.stats().produced]).toEqual(['open', 0])
  })

  test('no answer is a frame without a flag, or with one that is not above 0', async () => {
    const b = bench()
    const script = await b.signIn()
    let settled = false
    const done = b.client.produce(message).then(() => {
      settled = true
    })
    await flush()
    for (const flag of [undefined, 0, -2, 999]) script.send({ type: 'sendack', flag, token: 'T' })
    script.socket.bytes(Uint8Array.of(2, 3, 4, 0, 0xfe, 0xff, 0xff, 0xff, 0, 0))
    await flush()
    expect(settled).toBe(false)
    script.answer(script.produced[0]!.flag)
    await done
  })

  test('answers come between messages without mixing them up', async () => {
    const b = bench()
    const seen: string[] = []
    b.client.on('message', ({ id }) => seen.push(id))
    const script = await b.signIn()
    const done = b.client.produce(message)
    await flush()
    script.deliver(1)
    script.answer(script.produced[0]!.flag)
    script.deliver(2)
    await done
    await flush()
    expect(seen).toEqual(['1', '2'])
  })

  test.each([
    ['no topic', { content: 'x' }],
    ['an empty topic', { topic: '', content: 'x' }],
    ['no content', { topic: 't' }],
    ['content that JSON cannot hold', { topic: 't', content: 1n }],
    ['a function', { topic: 't', content: () => {} }],
    ['a session that is no text', { topic: 't', content: 'x', session: 5 }],
  ])('refuses %s before anything is sent', async (_, input) => {
    const b = bench()
    expect(await rejection(b.client.produce(input as typeof message))).toMatchObject({ code: 'CONFIG' })
    expect(b.network.sockets).toEqual([])
  })

  test('what is sent is a data message of the protocol', async () => {
    const b = bench()
    const script = await b.signIn()
    b.client.produce({ topic: 't', content: 'c', session: 's' }).catch(() => {})
    await flush()
    expect([...script.ofKind(3)[0]!.headers]).toEqual([
      ['__kind', byte(3)],
      ['topic', text('t')],
      ['content', text('c')],
      ['session', text('s')],
    ])
  })
})
