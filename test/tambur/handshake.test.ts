// The first frame, and what may take its place.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench, watch } from './bench.ts'

describe('the handshake', () => {
  test.each([
    'a0629978-28d8-4fd4-b862-f67e9b6dfd8f',
    'A0629978-28D8-4FD4-B862-F67E9B6DFD8F',
    '7',
    'a.b_c-d',
    'x'.repeat(128),
  ])('ends with the subscriber id %s', async (id) => {
    const b = bench()
    const connecting = watch(b.client.connect())
    await flush()
    b.network.last.open()
    await flush()
    expect([b.client.state, connecting.state, b.client.subscriberId]).toEqual([
      'connecting',
      'pending',
      undefined,
    ])
    b.network.last.message(`id:${id}`)
    await flush()
    expect([b.client.state, connecting.state, b.client.subscriberId]).toEqual(['open', 'resolved', id])
    expect(b.network.last.sent).toEqual([])
  })

  test('may come in a binary frame', async () => {
    const b = bench()
    const connecting = b.client.connect()
    await flush()
    b.network.last.open()
    b.network.last.bytes(new TextEncoder().encode('id:in-bytes'))
    await connecting
    expect(b.client.subscriberId).toBe('in-bytes')
  })

  test.each<[string, unknown]>([
    ['an empty id', 'id:'],
    ['an id of blanks', 'id:  '],
    ['an id with a line break', 'id:a\nb'],
    ['an id that ends with one', 'id:abc\n'],
    ['an id with ":", by which tokens would be ambiguous', 'id:a:b'],
    ['an id with a quote', 'id:"a"'],
    ['an id that is too long', `id:${'x'.repeat(129)}`],
    ['an id in capitals', 'ID:abc'],
    ['an id behind a blank', ' id:abc'],
    ['nothing', ''],
    ['a greeting', 'hello'],
    ['a message', '["msg","private","message","x"]'],
    ['an ack', '["ack",1,"ok"]'],
    ['an error notice', '["ack",0,"go away"]'],
    ['HTML', '<html>'],
    ['a megabyte', 'x'.repeat(1_000_000)],
    ['bytes that are no text', new Uint8Array([0xff, 0xfe, 0]).buffer],
  ])('that begins with %s fails the attempt, which is made again', async (_, frame) => {
    const b = bench()
    const connecting = b.client.connect()
    await flush()
    b.network.last.open()
    b.network.last.message(frame)
    await flush()
    expect([b.network.last.isOver, b.client.state, b.client.subscriberId]).toEqual([
      true,
      'connecting',
      undefined,
    ])
    expect(b.errors).toEqual([expect.objectContaining({ code: 'PROTOCOL', provider: 'tambur' })])
    await b.redial()
    b.script.accept()
    await connecting
  })

  test('that fails ends a client that may not try again', async () => {
    const b = bench({ reconnect: false })
    const connecting = rejection(b.client.connect())
    await flush()
    b.network.last.open()
    b.network.last.message('hello')
    expect(await connecting).toMatchObject({ code: 'PROTOCOL' })
    expect(b.client.state).toBe('closed')
  })

  test('that is late is a CONNECT_TIMEOUT that says at what', async () => {
    const b = bench({ connectTimeout: 3_000, reconnect: false })
    const connecting = rejection(b.client.connect())
    await flush()
    b.network.last.open()
    await b.clock.advance(3_000)
    const error = await connecting
    expect(error).toMatchObject({ code: 'CONNECT_TIMEOUT', retryable: true })
    expect(error.message).toContain('signing in')
    b.network.last.message('id:too-late')
    expect([b.client.state, b.client.subscriberId]).toEqual(['closed', undefined])
  })

  test('that comes twice is a malformed frame, and the first id stays', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    script.socket.message('id:another')
    await flush()
    expect([b.client.subscriberId, news.state, b.client.stats().malformed]).toEqual([script.id, 'open', 1])
  })

  test('commands given before it wait, and go out behind it in order', async () => {
    const b = bench()
    const all = ['a', 'b', 'c'].map((name) => b.client.stream(name).open())
    await flush()
    b.network.last.open()
    await b.clock.advance(5_000)
    expect(b.network.last.sent).toEqual([])
    b.script.obey()
    b.network.last.message('id:now')
    await Promise.all(all)
    expect(b.script.lines).toEqual(['subscribe a', 'subscribe b', 'subscribe c'])
  })
})
