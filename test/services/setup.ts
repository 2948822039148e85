// Global setup: the three servers and what stands in front of them, for all service tests of a run.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestProject } from 'vitest/node'
import { missingServers } from './binaries.mjs'
import type { RabbitPorts } from './rabbitmq.ts'
import type { Server } from './server.ts'
import { startStack } from './stack.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Undefined when this machine has not all servers. */
    services: Services | undefined
  }
}

export interface Services {
  readonly redis: number
  readonly mysql: number
  readonly rabbit: RabbitPorts
  /** Takes `POST /SERVER/kill` and `POST /SERVER/restart`; SERVER is redis, mysql or rabbit. */
  readonly control: string
}

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  if (missingServers() !== undefined) return async () => {}
  const { redis, mysql, rabbit, stop } = await startStack()
  const { control, close } = await openControl(new Map(Object.entries({ redis, mysql, rabbit })))
  provide('services', { redis: redis.port, mysql: mysql.port, rabbit: rabbit.ports, control })
  return async () => {
    await close()
    await stop()
  }
}

/** The servers belong to this process, and the tests run in others. */
async function openControl(servers: ReadonlyMap<string, Server>) {
  const http = createServer(async ({ url }, response) => {
    const [, name = '', what] = (url ?? '').split('/')
    try {
      if (what === 'kill') await servers.get(name)!.kill()
      else await servers.get(name)!.restart()
      response.end()
    } catch (error) {
      response.writeHead(500).end((error as Error).message)
    }
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return {
    control: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        http.close(() => resolve())
        http.closeAllConnections()
      }),
  }
}
