import { inject } from 'vitest'
import { folder } from './peers.ts'
import type { RabbitPorts } from './rabbitmq.ts'

const services = inject('services')

/** Whether there are no servers or no drivers for them on this machine. */
export const lacking = services === undefined || folder === undefined

export interface Shared {
  kill(): Promise<void>
  restart(): Promise<void>
}

/** The servers of this run, which all test files use, one after another. */
export const servers = (): {
  redis: Shared & { port: number }
  mysql: Shared & { port: number }
  rabbit: Shared & { ports: RabbitPorts }
} => {
  const { redis, mysql, rabbit } = services!
  return {
    redis: { port: redis, ...handles('redis') },
    mysql: { port: mysql, ...handles('mysql') },
    rabbit: { ports: rabbit, ...handles('rabbit') },
  }
}

const handles = (name: string): Shared => ({
  kill: () => tell(`${name}/kill`),
  restart: () => tell(`${name}/restart`),
})

async function tell(path: string): Promise<void> {
  const response = await fetch(`${services!.control}/${path}`, { method: 'POST' })
  if (!response.ok) throw new Error(await response.text())
}
