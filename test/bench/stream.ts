import { fork } from 'node:child_process'
import type { Writable } from 'node:stream'
import { median, ratioOf, turns } from './measure.ts'
import { count, type Row } from './report.ts'

// What the streaming servers and their clients have agreed on.
export const FRAME_SIZE = 400
/** Messages that may be unconfirmed. */
export const WINDOW = 256

/** Said by a server once it listens. */
export const ready = (port: number): void => void process.send!({ port })
/** Said by a server when its client has confirmed everything. */
export const done = (startedAt: bigint): void =>
  void process.send!({ seconds: Number(process.hrtime.bigint() - startedAt) / 1e9 })

/** What it returns holds back what is written until the code at hand has run: then it goes out in one piece. */
export function holder(stream: Writable): () => void {
  let holding = false
  return () => {
    if (holding) return
    holding = true
    stream.cork()
    queueMicrotask(() => {
      holding = false
      stream.uncork()
    })
  }
}

export interface StreamServer<Client = StreamClient> {
  /** Lets a client take `count` messages and returns the seconds from the first sent to the last confirmed. */
  stream(count: number, client: Client): Promise<number>
  close(): void
}

/** Connects to the URL, confirms every message, and returns what closes it. */
export type StreamClient = (url: string) => Promise<() => unknown>

interface Told {
  readonly port?: number
  readonly seconds?: number
}

/** A file of the bench that runs as a process of its own. */
export interface Started {
  /** Where it listens, if it does. */
  readonly port: number
  tell(message: object): void
  /** What it says next. */
  told(): Promise<Told>
  end(): void
}

/** Starts a file of the bench and waits until it is ready. */
export async function start(file: string, ...args: string[]): Promise<Started> {
  const child = fork('test/tool.mjs', [file, ...args], { stdio: 'inherit' })
  const told = (): Promise<Told> =>
    new Promise((resolve, reject) => {
      const ended = () => reject(new Error(`${file} ended`))
      child.once('exit', ended)
      child.once('message', (message) => {
        child.off('exit', ended)
        resolve(message as Told)
      })
    })
  const { port } = await told()
  return { port: port!, told, tell: (message) => child.send(message), end: () => child.disconnect() }
}

/** Starts the server that a file of the bench is. */
export async function startServer(file = 'test/bench/server.ts'): Promise<StreamServer> {
  const server = await start(file)
  return {
    async stream(count, client) {
      const done = server.told()
      const close = await client(`ws://127.0.0.1:${server.port}/?count=${count}`)
      const { seconds } = await done
      await close()
      return seconds!
    },
    close: server.end,
  }
}

const WARM_UP = 2
const ROUNDS = 11

/** Messages per second in each round, by the name of the client. */
export type Rates = Readonly<Record<string, readonly number[]>>

/** Has the clients take turns with one server. */
export async function race<Client = StreamClient>(
  server: Pick<StreamServer<Client>, 'stream'>,
  messages: number,
  clients: Readonly<Record<string, Client>>,
  rounds = ROUNDS,
): Promise<Rates> {
  const all = Object.entries(clients)
  const rates: Record<string, number[]> = Object.fromEntries(all.map(([name]) => [name, []]))
  let warm = -WARM_UP * all.length
  for (const [name, client] of turns(all, WARM_UP + rounds)) {
    const seconds = await server.stream(messages, client)
    if (warm++ >= 0) rates[name]!.push(messages / seconds)
  }
  return rates
}

/** How isomq fared against another client, if that took part. */
export function against(rates: Rates, other: string, what: string, target?: number): Row[] {
  const [ours, theirs] = [rates.isomq!, rates[other]]
  if (theirs === undefined) return []
  const figures = `isomq ${count(median(ours))}/s, ${other} ${count(median(theirs))}/s`
  return [{ what, ratio: ratioOf(ours, theirs), ...(target !== undefined && { target }), figures }]
}
