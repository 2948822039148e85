// What RabbitMQ's Web STOMP plugin was seen to do, its silences included, frame by frame: signing in and out,
// heart-beats, SEND and the frames themselves.
import { describe, expect, test } from 'vitest'
import { TAMAR, tamarRoom } from '../support/emulator.ts'
import { counted, DESTINATION, LOGIN, StompPeer, stomp, text } from '../support/tamar.ts'
import { DIED } from './emulator-shared.ts'

describe('signing in', () => {
  test.each([
    ['v12.stomp', '1.0,1.1,1.2', '1.2'],
    ['v11.stomp', '1.1', '1.1'],
    ['v10.stomp', undefined, '1.0'],
  ])('by %s and the versions %s gives %s', async (protocol, offered, version) => {
    const peer = new StompPeer(tamarRoom().url, ['other', protocol])
    await peer.opened
    const { 'accept-version': _, ...rest } = LOGIN
    peer.send('STOMP', offered === undefined ? rest : { ...rest, 'accept-version': offered })
    expect(await peer.frames.next()).toMatchObject({
      command: 'CONNECTED',
      headers: { version, 'heart-beat': '0,0', server: expect.stringMatching(/^RabbitMQ\//) },
    })
    expect(peer.protocol).toBe(protocol)
    expect(peer.raw[0]).toBeInstanceOf(Buffer)
    expect(peer.raw[0]!.slice(-2).toString()).toBe('\0\n')
  })

  test.each([
    [{ passcode: 'wrong' }, "Access refused for user 'isomq'\n"],
    [{ login: 'nobody' }, "Access refused for user 'nobody'\n"],
    [{ host: 'other' }, "Virtual host 'other' access denied"],
  ])('with %j is refused, and the socket closed', async (headers, body) => {
    const room = tamarRoom()
    const peer = new StompPeer(room.url)
    await peer.opened
    peer.send('CONNECT', { ...LOGIN, ...headers })
    const frame = await peer.frames.next()
    expect(frame).toMatchObject({ command: 'ERROR', headers: { message: 'Bad CONNECT' }, body })
    expect(await peer.closed).toEqual(DIED)
    expect(await room.stats()).toMatchObject({ refused: 1, stompConnections: 0 })
  })

  test('that is refused can leave the socket open, as some releases do', async () => {
    const room = tamarRoom()
    await room.control('settings', { closesRefused: false })
    await room.control('refuse', { what: 'stomp' })
    const peer = new StompPeer(room.url)
    await peer.opened
    peer.send('CONNECT', LOGIN)
    expect((await peer.frames.next()).command).toBe('ERROR')
    peer.send('CONNECT', LOGIN)
    expect((await peer.frames.next()).command).toBe('CONNECTED')
  })

  test('must come first, and only once', async () => {
    const room = tamarRoom()
    const peer = new StompPeer(room.url)
    await peer.opened
    peer.send('SEND', { destination: '/queue/a' })
    expect((await peer.frames.next()).headers.message).toBe('Illegal command')
    peer.send('CONNECT', { ...LOGIN, 'accept-version': '9' })
    expect((await peer.frames.next()).headers.message).toBe('Version mismatch')
    peer.send('CONNECT', LOGIN)
    await peer.frames.next()
    peer.send('CONNECT', LOGIN)
    expect(await peer.closed).toMatchObject({ code: 1011 })
  })
})

describe('heart-beats', () => {
  test('go both ways, and a client that is silent past its promise is closed', async () => {
    const room = tamarRoom()
    await room.control('settings', { minHeartBeat: 40 })
    const peer = new StompPeer(room.url)
    await peer.opened
    peer.send('CONNECT', { ...LOGIN, 'heart-beat': '10,20' })
    expect((await peer.frames.next()).headers['heart-beat']).toBe('40,40')
    expect([await peer.beats.next(), await peer.beats.next()]).toEqual([1, 1])
    expect(await peer.closed).toEqual(DIED)
  })

  test('that the client sends keep it alive', async () => {
    const room = tamarRoom()
    await room.control('settings', { minHeartBeat: 100 })
    const peer = await stomp(room.url, { 'heart-beat': '500,100' })
    // Longer than the server waits for one that is silent.
    for (let i = 0; i < 16; i++) {
      await peer.beats.next()
      peer.put('\n')
    }
    await peer.confirmed('SEND', { destination: '/queue/a' })
    peer.close()
  })
})

describe('SEND', () => {
  test('becomes an AMQP message with the properties that its headers say', async () => {
    const room = tamarRoom()
    await room.control('pause')
    const peer = await stomp(room.url)
    const headers = {
      destination: DESTINATION,
      'content-type': 'application/json',
      persistent: 'true',
      'correlation-id': 'c\\c1',
      'reply-to': '/temp-queue/replies',
      other: 'x',
    }
    await peer.confirmed('SEND', headers, '{"message_id":"1"}')
    const response = await fetch(`${room.site}/api/queues/%2F/ws.message.direct.queue/get`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${TAMAR.username}:${TAMAR.password}`)}` },
      body: '{"count":5,"ackmode":"ack_requeue_false","encoding":"auto"}',
    })
    expect(await response.json()).toMatchObject([
      {
        exchange: TAMAR.exchange,
        routing_key: TAMAR.routingKey,
        payload: '{"message_id":"1"}',
        properties: {
          content_type: 'application/json',
          delivery_mode: 2,
          correlation_id: 'c:1',
          reply_to: expect.stringMatching(/^amq\.gen-/),
          headers: { other: 'x', receipt: expect.any(String) },
        },
      },
    ])
  })

  test('to a key that nothing is bound for is confirmed all the same', async () => {
    const room = tamarRoom()
    const peer = await stomp(room.url)
    await peer.confirmed('SEND', { destination: `/exchange/${TAMAR.exchange}/none` }, 'x')
    expect(await room.stats()).toMatchObject({ sent: 1, unroutable: 1, receipts: 1 })
  })

  test('to an exchange that is not there ends the socket without a word', async () => {
    const room = tamarRoom()
    await room.control('loseExchange')
    const peer = await stomp(room.url)
    peer.send('SEND', { destination: DESTINATION, receipt: '1' }, 'x')
    expect(await peer.closed).toEqual(DIED)
    expect(peer.frames.rest).toEqual([])
    await room.control('restoreExchange')
    await (await stomp(room.url)).confirmed('SEND', { destination: DESTINATION }, '{"message_id":"x"}')
    await counted(room, 'unknownRows', 1)
  })

  test.each([
    [{ destination: DESTINATION, 'message-id': '1' }, 'Invalid header'],
    [{ destination: '/nowhere/x' }, 'Unknown destination'],
    [{ destination: '/temp-queue/x' }, 'Invalid destination'],
    [{ destination: '/exchange/a/b/c' }, 'Invalid destination'],
    [{}, 'Missing destination'],
    [{ destination: '/queue/a', 'reply-to': '/nowhere/x' }, 'Processing error'],
  ])('with %j is an error, after which the socket is still open', async (headers, message) => {
    const peer = await stomp(tamarRoom().url)
    peer.send('SEND', { ...(headers as Record<string, string>), receipt: '1' })
    expect(await peer.frames.next()).toMatchObject({ command: 'ERROR', headers: { message } })
    await peer.confirmed('SEND', { destination: '/queue/a' })
  })

  test('in a transaction waits for its COMMIT, or is forgotten', async () => {
    const room = tamarRoom()
    const peer = await stomp(room.url)
    await peer.confirmed('BEGIN', { transaction: 't' })
    peer.send('SEND', { destination: '/queue/a', transaction: 't' }, '1')
    await peer.confirmed('BEGIN', { transaction: 'u' })
    peer.send('SEND', { destination: '/queue/a', transaction: 'u' }, '2')
    await peer.confirmed('ABORT', { transaction: 'u' })
    expect(await room.stats()).toMatchObject({ sent: 0 })
    await peer.confirmed('COMMIT', { transaction: 't' })
    expect(await room.stats()).toMatchObject({ sent: 1 })
    peer.send('COMMIT', { transaction: 't' })
    expect((await peer.frames.next()).headers.message).toBe('Bad transaction')
  })
})

describe('frames', () => {
  test('may come in pieces, many at once, with blank lines between, as text or as bytes', async () => {
    const peer = await stomp(tamarRoom().url)
    const frame = (receipt: string, more = ''): string =>
      `SEND\ndestination:/queue/a\nreceipt:${receipt}\n${more}\n`
    peer.put(`\n\r\n${frame('a')}x\0\n${frame('b')}\0${frame('c').slice(0, 12)}`)
    peer.put(Buffer.from(frame('c', 'content-length:3\n').slice(12)))
    peer.put(Buffer.from('x\0'))
    peer.put('y\0\n')
    peer.put(Buffer.from(`${frame('d\\cd\\ne\\\\').replaceAll('\n', '\r\n')}\0`))
    const ids = []
    for (let i = 0; i < 4; i++) ids.push((await peer.frames.next()).headers['receipt-id'])
    expect(ids).toEqual(['a', 'b', 'c', 'd\\cd\\ne\\\\'])
  })

  test.each([
    ['SEND\nno colon\n\n\0', { code: 1007, reason: '{header_no_value,"no colon"}' }],
    ['SEND\na:\\t\n\n\0', { code: 1007 }],
    ['SEND\ncontent-length:2\n\nabc\0', { code: 1011 }],
    ['SEND\ncontent-length:many\n\nabc\0', { code: 1011 }],
  ])('%j ends the socket', async (raw, closed) => {
    const room = tamarRoom()
    const peer = await stomp(room.url)
    peer.put(raw)
    expect(await peer.closed).toMatchObject(closed)
    expect(await room.stats()).toMatchObject({ malformed: 1 })
  })

  test('of no known command are errors', async () => {
    const peer = await stomp(tamarRoom().url)
    for (const command of ['NOPE', 'send', ' SEND']) {
      peer.send(command)
      expect(await peer.frames.next()).toMatchObject({
        command: 'ERROR',
        headers: { message: 'Bad command' },
        body: `Could not interpret command "${command}"\n`,
      })
    }
  })

  test('are text when the server is set so, and bytes that are no text then end the socket', async () => {
    const room = tamarRoom()
    await room.control('settings', { wsFrame: 'text' })
    const peer = await stomp(room.url)
    expect(peer.raw[0]).toBeTypeOf('string')
    peer.send('SUBSCRIBE', { id: '1', destination: '/queue/a' })
    peer.put(Buffer.concat([Buffer.from('SEND\ndestination:/queue/a\n\n'), Buffer.of(0xff, 0)]))
    expect((await peer.closed).code).toBe(1007)
  })
})

test('DISCONNECT closes the socket, with a receipt only when the server is set so', async () => {
  const room = tamarRoom()
  const peer = await stomp(room.url)
  peer.send('DISCONNECT', { receipt: 'bye' })
  expect(await peer.closed).toEqual(DIED)
  expect(peer.frames.rest).toEqual([])
  await room.control('settings', { receiptOnDisconnect: true })
  const other = await stomp(room.url)
  other.put(text('DISCONNECT', { receipt: 'bye' }))
  expect((await other.frames.next()).headers['receipt-id']).toBe('bye')
  expect(await other.closed).toEqual(DIED)
})
