import { randomUUID } from 'node:crypto'
import { Inbox } from '../support/inbox.ts'
import { Consumer, type Dispatch } from './amqp.ts'
import type { MySqlPool, RedisPeer } from './peers.ts'
import { DATABASE } from './planetscale-proxy.ts'
import { mysqlPeer } from './table.ts'
import { redisPeer } from './upstash-proxy.ts'

/** A row of push_messages as the database prints it, in UTC. */
export type Row = Readonly<Record<string, string | null>>

/** What was published to a user's channel. */
export interface Published {
  readonly channel: string
  readonly value: Buffer
}

/** Ports of the three servers. */
export interface Servers {
  readonly redis: number
  readonly mysql: number
  readonly amqp: number
  readonly vhost?: string
}

/** The receiving end, by drivers that know nothing of this library. It answers only when it is told to. */
export class Gateway {
  readonly rabbit: Consumer
  /** All that was published to users, in order. */
  readonly realtime: Inbox<Published>
  readonly #mysql: MySqlPool
  readonly #subscriber: RedisPeer
  readonly #publisher: RedisPeer

  private constructor(rabbit: Consumer, mysql: MySqlPool, subscriber: RedisPeer, publisher: RedisPeer) {
    this.rabbit = rabbit
    this.#mysql = mysql
    this.#subscriber = subscriber
    this.#publisher = publisher
    this.realtime = new Inbox()
  }

  static async open({ redis, mysql, amqp, vhost }: Servers): Promise<Gateway> {
    const [subscriber, publisher] = [await redisPeer({ port: redis }), await redisPeer({ port: redis })]
    const pool = mysqlPeer({ port: mysql }, DATABASE)
    const gateway = new Gateway(new Consumer(amqp, vhost), pool, subscriber, publisher)
    const take = (value: Buffer, channel: Buffer): void =>
      gateway.realtime.push({ channel: channel.toString(), value: Buffer.from(value) })
    await subscriber.pSubscribe('realtime:user:*', take, true)
    await gateway.rabbit.ready
    return gateway
  }

  /** The next message from RabbitMQ, with the row that it names. */
  async next(): Promise<Dispatch & { readonly row: Row }> {
    const dispatch = await this.rabbit.inbox.next()
    return { ...dispatch, row: await this.row(idOf(dispatch)) }
  }

  /** The one row with an id. */
  async row(id: string): Promise<Row> {
    const rows = await this.rows('id = ?', id)
    if (rows.length !== 1) throw new Error(`there are ${rows.length} rows with the id ${id}`)
    return rows[0]!
  }

  /** Rows in order of their sequence; `instant` is when a command expires, in seconds since 1970. */
  async rows(where: string, ...values: readonly unknown[]): Promise<Row[]> {
    const sql = `SELECT *, UNIX_TIMESTAMP(expired_at) AS instant FROM push_messages WHERE ${where} ORDER BY seq`
    return (await this.#mysql.query<Row[]>(sql, values))[0]
  }

  /** Runs SQL. */
  async sql<T = Row>(sql: string, ...values: readonly unknown[]): Promise<T[]> {
    return (await this.#mysql.query<T[]>(sql, values))[0]
  }

  /** Answers a command as a gateway does: first in the table, then to its queue. */
  async respond(command: Dispatch, response: unknown): Promise<void> {
    await this.store(idOf(command), response)
    await this.rabbit.answer(command, JSON.stringify(response))
  }

  /** Answers a command in the table alone. */
  async store(id: string, response: unknown, status = 'FINISHED'): Promise<void> {
    await this.#mysql.query(
      'UPDATE push_messages SET command_response = ?, status = ?, finished_at = NOW() WHERE id = ?',
      [JSON.stringify(response), status, id],
    )
  }

  /** Resolves when all that is under way has come, and forgets it. */
  async clear(): Promise<void> {
    await this.rabbit.clear()
    const mark = randomUUID()
    await this.#publisher.sendCommand(['PUBLISH', `realtime:user:${mark}`, ''])
    for (;;) {
      const { channel } = await this.realtime.next()
      if (channel.endsWith(mark)) return
    }
  }

  async close(): Promise<void> {
    await this.rabbit.close()
    await this.#mysql.end()
    this.#subscriber.destroy()
    this.#publisher.destroy()
  }
}

/** The id of the row that a message names. */
export const idOf = ({ body }: Dispatch): string => (JSON.parse(body) as { message_id: string }).message_id
