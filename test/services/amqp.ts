import { randomUUID } from 'node:crypto'
import { Inbox } from '../support/inbox.ts'
import { type AmqpChannel, type AmqpConnection, type AmqpMessage, amqpModule } from './peers.ts'
import { GUEST } from './rabbitmq.ts'

export const EXCHANGE = 'ws.message.direct.exchange'
export const KEY = 'ws.message.direct'
const QUEUE = 'gateway'

/** A message as it came from RabbitMQ; what it has not is left out. */
export interface Dispatch {
  readonly body: string
  readonly properties: AmqpMessage['properties']
  readonly fields: AmqpMessage['fields']
}

/** A connection by a driver that knows nothing of this library. */
export function amqpPeer(port: number, vhost = '/'): Promise<AmqpConnection> {
  return amqpModule().connect({ hostname: '127.0.0.1', port, vhost, ...GUEST, heartbeat: 10 })
}

/** Makes the exchange, and a gateway's queue, where there are none yet. */
export async function declare(channel: AmqpChannel, queue: string): Promise<void> {
  await channel.assertExchange(EXCHANGE, 'direct', { durable: true })
  await channel.assertQueue(queue, { durable: true })
  await channel.bindQueue(queue, EXCHANGE, KEY)
}

/** Milliseconds between two attempts to reach a RabbitMQ that is not there. */
const PAUSE = 50

/** The gateway's side of RabbitMQ, over AMQP: it declares the exchange and its queue, and takes what is in there. */
export class Consumer {
  /** All messages since the start, in order. */
  readonly dispatches: Dispatch[] = []
  /** The same, to be awaited. */
  readonly inbox: Inbox<Dispatch> = new Inbox()
  /** Called for each message as it comes. */
  onDispatch: (dispatch: Dispatch) => void = () => {}
  readonly #marks = new Map<string, () => void>()
  readonly #port: number
  readonly #vhost: string
  #connection: AmqpConnection | undefined
  #channel: AmqpChannel | undefined
  #closed = false
  #ready: Promise<void>

  constructor(port: number, vhost = '/') {
    this.#port = port
    this.#vhost = vhost
    this.#ready = this.#connect()
  }

  /** Resolves when it consumes; after a restart of the server, when it does so again. */
  get ready(): Promise<void> {
    return this.#ready
  }

  get channel(): AmqpChannel {
    if (this.#channel === undefined) throw new Error('there is no connection to RabbitMQ')
    return this.#channel
  }

  /** Sends an answer to where a command wants it; resolves when RabbitMQ has it. */
  async answer(command: Dispatch, body: string | Buffer, correlationId?: string): Promise<void> {
    const { replyTo, correlationId: its } = command.properties
    if (replyTo === undefined) throw new Error('it wants no answer')
    this.channel.publish('', replyTo, Buffer.from(body), {
      contentType: 'application/json',
      correlationId: correlationId ?? its,
    })
    await this.channel.waitForConfirms()
  }

  /** Resolves when all that is in the queue now has come. */
  async settle(): Promise<void> {
    await this.#ready
    const mark = randomUUID()
    const come = new Promise<void>((resolve) => this.#marks.set(mark, resolve))
    this.channel.publish(EXCHANGE, KEY, Buffer.from(mark), { type: 'mark' })
    await come
  }

  /** The same, and forgets it. */
  async clear(): Promise<void> {
    await this.settle()
    while (this.inbox.rest.length > 0) await this.inbox.next()
    this.dispatches.length = 0
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#ready
    await this.#connection?.close()
  }

  async #connect(): Promise<void> {
    while (!this.#closed) {
      try {
        return await this.#open()
      } catch {
        await new Promise((resolve) => setTimeout(resolve, PAUSE))
      }
    }
  }

  async #open(): Promise<void> {
    const connection = await amqpPeer(this.#port, this.#vhost)
    // Why it closed does not matter: it will be opened again.
    connection.on('error', () => {})
    connection.on('close', () => {
      this.#channel = undefined
      this.#connection = undefined
      if (!this.#closed) this.#ready = this.#connect()
    })
    const channel = await connection.createConfirmChannel()
    channel.on('error', () => {})
    await declare(channel, QUEUE)
    await channel.consume(QUEUE, (message) => {
      if (message === null) return
      this.#take(message)
      channel.ack(message)
    })
    this.#connection = connection
    this.#channel = channel
  }

  #take({ content, properties, fields }: AmqpMessage): void {
    const mark = properties.type === 'mark' ? this.#marks.get(content.toString()) : undefined
    if (mark !== undefined) return mark()
    const present = Object.entries(properties).filter(([, value]) => value !== undefined)
    const dispatch: Dispatch = {
      body: content.toString(),
      properties: Object.fromEntries(present) as AmqpMessage['properties'],
      fields,
    }
    this.dispatches.push(dispatch)
    this.inbox.push(dispatch)
    this.onDispatch(dispatch)
  }
}
