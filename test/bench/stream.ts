import { fork } from 'node:child_process'
import { encodeConfirm } from '../../src/tmc/frames.ts'

// What the streaming server and its clients have agreed on.
export const TOKEN = '3a5e8d28-20b1-40dd-8e2d-a0b1c2d3e4f5'
export const FRAME_SIZE = 400
/** Messages that may be unconfirmed. */
export const WINDOW = 256
export const CONFIRM_SIZE: number = encodeConfirm(TOKEN, 0n).length

/** Said by the server once it listens. */
export const ready = (port: number): void => void process.send!({ port })

export interface StreamServer {
  /** Lets a client take `count` messages and returns the seconds from the first sent to the last confirmed. */
  stream(count: number, client: StreamClient): Promise<number>
  close(): void
}

/** Connects to the URL, confirms every message, and returns what closes it. */
export type StreamClient = (url: string) => Promise<() => unknown>

interface Told {
  readonly port?: number
  readonly seconds?: number
}

export async function startServer(): Promise<StreamServer> {
  const child = fork('test/tool.mjs', ['test/bench/server.ts'], { stdio: 'inherit' })
  const told = (): Promise<Told> =>
    new Promise((resolve, reject) => {
      child.once('message', (message) => resolve(message as Told))
      child.once('exit', () => reject(new Error('the server of the bench ended')))
    })
  const { port } = await told()
  return {
    async stream(count, client) {
      const done = told()
      const close = await client(`ws://127.0.0.1:${port}/?count=${count}`)
      const { seconds } = await done
      await close()
      child.removeAllListeners('exit')
      return seconds!
    },
    close: () => child.disconnect(),
  }
}
