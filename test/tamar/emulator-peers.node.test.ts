// A STOMP client that others wrote, as it is on npm, against the emulator: the proof that it does not merely agree
// with our own.
import { describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { requirePeer, stompPeers } from '../bench/peers.ts'
import { TAMAR, tamarRoom } from '../support/emulator.ts'
import { Inbox } from '../support/inbox.ts'
import { DESTINATION, insert, rowOf, user } from '../support/tamar.ts'

interface Message {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  ack(): void
}
interface Client {
  onConnect: () => void
  onStompError: (frame: Message) => void
  onWebSocketClose: (event: { code: number; reason: string }) => void
  onUnhandledMessage: (message: Message) => void
  activate(): void
  deactivate(): Promise<void>
  publish(options: { destination: string; body: string; headers?: object }): void
  watchForReceipt(id: string, done: () => void): void
  subscribe(destination: string, take: (message: Message) => void, headers?: object): { unsubscribe(): void }
}
interface StompModule {
  readonly Client: new (options: object) => Client
}

const folder = stompPeers()

describe.skipIf(folder === undefined)('@stomp/stompjs', () => {
  async function connected(
    url: string,
    options: object = {},
  ): Promise<{ client: Client; loose: Inbox<Message> }> {
    const { Client } = requirePeer<StompModule>(folder!, '@stomp/stompjs', '@stomp/stompjs')
    const client = new Client({
      webSocketFactory: () => new WebSocket(url, ['v12.stomp']),
      connectHeaders: { login: TAMAR.username, passcode: TAMAR.password, host: '/' },
      reconnectDelay: 0,
      ...options,
    })
    const loose = new Inbox<Message>()
    client.onUnhandledMessage = (message) => loose.push(message)
    const ready = new Promise<void>((resolve, reject) => {
      client.onConnect = resolve
      client.onStompError = ({ headers }) => reject(new Error(headers.message))
    })
    client.activate()
    await ready
    return { client, loose }
  }

  test('sends a command, reads its reply, consumes a queue with acks, and disconnects', async () => {
    const room = tamarRoom()
    const { client, loose } = await connected(room.url)
    const ann = await user(room, 'ann')
    const requestId = crypto.randomUUID()
    const id = await insert(room, { pushType: 2, requestId, payload: { type: 'open', data: 'ä' } })
    const confirmed = new Promise<void>((resolve) => client.watchForReceipt('r', resolve))
    client.publish({
      destination: DESTINATION,
      body: JSON.stringify({ message_id: id }),
      headers: {
        receipt: 'r',
        persistent: 'true',
        'content-type': 'application/json',
        'correlation-id': requestId,
        'reply-to': '/temp-queue/replies',
      },
    })
    await confirmed
    ann.respond((await ann.frames.next()).id, { text: 'Grüße, 世界 😀\n:\\' })
    const reply = await loose.next()
    expect(reply.headers['correlation-id']).toBe(requestId)
    expect(JSON.parse(reply.body)).toEqual({ text: 'Grüße, 世界 😀\n:\\' })
    expect((await rowOf(room, id)).status).toBe('FINISHED')

    const taken = new Inbox<Message>()
    const subscription = client.subscribe('/queue/work', (message) => taken.push(message), {
      ack: 'client-individual',
    })
    for (const body of ['a', 'b'])
      client.publish({ destination: '/queue/work', body, headers: { k: 'v:\\\n' } })
    const first = await taken.next()
    expect([first.body, first.headers.k]).toEqual(['a', 'v:\\\n'])
    first.ack()
    expect((await taken.next()).body).toBe('b')
    subscription.unsubscribe()
    await client.deactivate()
    expect(await room.stats()).toMatchObject({ malformed: 0, errors: 0, connections: 0 })
    expect((await room.stats()).queues).toContainEqual({
      name: 'work',
      ready: 1,
      unconfirmed: 0,
      consumers: 0,
    })
  })

  test('beats, and is told when its password is wrong', async () => {
    const room = tamarRoom()
    const { client } = await connected(room.url, { heartbeatOutgoing: 1000, heartbeatIncoming: 1000 })
    const connectHeaders = { login: TAMAR.username, passcode: 'wrong', host: '/' }
    await expect(connected(room.url, { connectHeaders })).rejects.toThrow('Bad CONNECT')
    await client.deactivate()
    expect(await room.stats()).toMatchObject({ refused: 1, malformed: 0 })
  })
})
