import { type MariaDb, startMariaDb } from './mariadb.ts'
import { type RabbitMq, startRabbitMq } from './rabbitmq.ts'
import { type Redis, startRedis } from './redis.ts'
import { createTable } from './table.ts'

/** The three servers that Tamar consists of, private ones, with the table in the database. */
export interface Stack {
  readonly redis: Redis
  readonly mysql: MariaDb
  readonly rabbit: RabbitMq
  stop(): Promise<void>
}

/** Starts all three; when one of them fails, none is left. */
export async function startStack(): Promise<Stack> {
  const starting = [startRedis(), startMariaDb(), startRabbitMq()] as const
  const started = await Promise.allSettled(starting)
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((one) => one.status === 'fulfilled' && one.value.stop()))
  }
  try {
    const [redis, mysql, rabbit] = await Promise.all(starting)
    await createTable(mysql)
    return { redis, mysql, rabbit, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
