import { findServer } from './binaries.mjs'
import { freePorts } from './ports.ts'
import { type Server, start, temporary } from './server.ts'

export interface Redis extends Server {
  readonly port: number
}

/** A private Redis. What it has answered it still knows after `kill` and `restart`; what is subscribed is lost. */
export async function startRedis(): Promise<Redis> {
  const [port] = await freePorts(1)
  const folder = temporary('redis')
  const server = await start({
    name: 'Redis',
    command: findServer('redis-server')!,
    // The file that is appended to has every change before the answer is sent.
    args: [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--save',
      '',
      '--appendonly',
      'yes',
    ],
    ready: /Ready to accept connections/,
    folder,
  })
  return { port: port!, ...server }
}
