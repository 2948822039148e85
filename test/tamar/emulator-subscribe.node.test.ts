// What RabbitMQ's Web STOMP plugin was seen to do with SUBSCRIBE, acks and reply queues.
import { describe, expect, test } from 'vitest'
import { tamarRoom } from '../support/emulator.ts'
import { counted, DESTINATION, stomp } from '../support/tamar.ts'
import { DIED } from './emulator-shared.ts'

describe('SUBSCRIBE', () => {
  test('to a queue hands over what is sent to it, before and after', async () => {
    const { url } = tamarRoom()
    const [one, other] = [await stomp(url), await stomp(url)]
    await one.confirmed('SEND', { destination: '/queue/a', 'x\\cy': 'v' }, 'before')
    other.send('SUBSCRIBE', { id: 's', destination: '/queue/a' })
    expect(await other.frames.next()).toMatchObject({
      command: 'MESSAGE',
      headers: {
        subscription: 's',
        destination: '/queue/a',
        redelivered: 'false',
        'x\\cy': 'v',
        'content-length': '6',
      },
      body: 'before',
    })
    one.send('SEND', { destination: '/queue/a', persistent: 'true', 'reply-to': 'elsewhere' }, 'after')
    expect(await other.frames.next()).toMatchObject({
      headers: { persistent: 'true', 'reply-to': '/reply-queue/elsewhere' },
      body: 'after',
    })
    await other.confirmed('UNSUBSCRIBE', { id: 's' })
    other.send('UNSUBSCRIBE', { id: 's' })
    expect((await other.frames.next()).headers.message).toBe('No subscription found')
  })

  test('with acks: one at a time, given back when the socket is gone, discarded or returned by NACK', async () => {
    const { url } = tamarRoom()
    const sender = await stomp(url)
    for (const body of ['1', '2', '3']) await sender.confirmed('SEND', { destination: '/queue/a' }, body)
    const options = { id: 's', destination: '/queue/a', ack: 'client-individual', 'prefetch-count': '1' }
    const gone = await stomp(url)
    gone.send('SUBSCRIBE', options)
    expect(await gone.frames.next()).toMatchObject({ headers: { redelivered: 'false' }, body: '1' })
    gone.break()
    await gone.closed
    const peer = await stomp(url)
    peer.send('SUBSCRIBE', options)
    const first = await peer.frames.next()
    expect(first).toMatchObject({ headers: { redelivered: 'true' }, body: '1' })
    expect(peer.frames.rest).toEqual([])
    peer.send('NACK', { id: first.headers.ack! })
    const again = await peer.frames.next()
    expect(again.body).toBe('1')
    peer.send('NACK', { id: again.headers.ack!, requeue: 'false' })
    const second = await peer.frames.next()
    expect(second.body).toBe('2')
    peer.send('ACK', { id: second.headers.ack! })
    expect((await peer.frames.next()).body).toBe('3')
    peer.send('ACK', { id: second.headers.ack! })
    expect((await peer.frames.next()).headers.message).toBe('Invalid header')
  })

  test('with acks of all before', async () => {
    const room = tamarRoom()
    const peer = await stomp(room.url)
    peer.send('SUBSCRIBE', { id: 's', destination: '/queue/a', ack: 'client' })
    for (const body of ['1', '2', '3']) peer.send('SEND', { destination: '/queue/a' }, body)
    await peer.frames.next()
    const { headers } = await peer.frames.next()
    await peer.frames.next()
    await peer.confirmed('ACK', { id: headers.ack! })
    expect((await room.stats()).queues).toContainEqual({ name: 'a', ready: 0, unconfirmed: 1, consumers: 1 })
  })

  test('to an exchange and to a topic', async () => {
    const peer = await stomp(tamarRoom().url)
    await peer.confirmed('SUBSCRIBE', { id: 'e', destination: DESTINATION })
    await peer.confirmed('SUBSCRIBE', { id: 't', destination: '/topic/a.*.#' })
    peer.send('SEND', { destination: DESTINATION }, '{"message_id":"m"}')
    expect((await peer.frames.next()).headers).toMatchObject({ subscription: 'e', destination: DESTINATION })
    for (const key of ['a', 'a.b', 'a.b.c.d']) peer.send('SEND', { destination: `/topic/${key}` }, key)
    expect([(await peer.frames.next()).body, (await peer.frames.next()).body]).toEqual(['a.b', 'a.b.c.d'])
  })

  test.each([
    [{ id: '1', destination: '/exchange/none/k' }, DIED],
    [{ id: '1', destination: '/amq/queue/none' }, DIED],
  ])('to %j, which is not there, ends the socket without a word', async (headers, closed) => {
    const peer = await stomp(tamarRoom().url)
    peer.send('SUBSCRIBE', headers)
    expect(await peer.closed).toEqual(closed)
  })

  test('says so when its queue is deleted', async () => {
    const room = tamarRoom()
    const peer = await stomp(room.url)
    await peer.confirmed('SUBSCRIBE', { id: 's', destination: '/queue/a' })
    await room.control('loseQueue', { queue: 'a' })
    expect((await peer.frames.next()).headers.message).toBe('Server cancelled subscription')
  })
})

describe('a reply queue', () => {
  test('is one for each name, is read without a SUBSCRIBE, and goes with its connection', async () => {
    const room = tamarRoom()
    const [asker, answerer] = [await stomp(room.url), await stomp(room.url)]
    answerer.send('SUBSCRIBE', { id: 'w', destination: '/queue/work' })
    const ask = async (name: string): Promise<string> => {
      asker.send('SEND', { destination: '/queue/work', 'reply-to': `/temp-queue/${name}` }, '?')
      return (await answerer.frames.next()).headers['reply-to']!
    }
    const to = await ask('mine')
    expect(to).toMatch(/^\/reply-queue\/amq\.gen-/)
    expect([await ask('mine'), (await ask('other')) === to]).toEqual([to, false])
    const headers = {
      destination: to,
      'correlation-id': 'c',
      'content-type': 'application/json',
      persistent: 'true',
    }
    answerer.send('SEND', headers, '{"ok":1}')
    expect(await asker.frames.next()).toMatchObject({
      command: 'MESSAGE',
      headers: {
        subscription: '/temp-queue/mine',
        'correlation-id': 'c',
        'content-type': 'application/json',
        persistent: 'true',
      },
      body: '{"ok":1}',
    })
    asker.close()
    await asker.closed
    await counted(room, 'connections', 1)
    await answerer.confirmed('SEND', headers, 'late')
    expect(await room.stats()).toMatchObject({ unroutable: 1 })
  })
})
