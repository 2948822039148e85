import { createTamburConnection, type TamburConnection } from 'isomq/tambur'
import { WebSocket } from 'ws'
import { work } from './clients.ts'
import { collector } from './garbage.ts'
import { median, ratioOf } from './measure.ts'
import { count, type Row } from './report.ts'
import { against, race, type StreamClient, type StreamServer, startServer } from './stream.ts'
import { tamburDispatch } from './tambur-dispatch.ts'
import { START, streamOf } from './tambur-wire.ts'

const MESSAGES = 40_000
const STREAMS = [1, 100, 1_000] as const
const MOST = 1_000
/** How much of the rate of one stream there has to be with more. */
const ALIKE = 0.9

const messagesOf = (url: string): number => Number(new URL(url).searchParams.get('count'))

const connection = (url: string): TamburConnection => {
  const tambur = createTamburConnection({ url })
  tambur.on('error', (error) => {
    console.error(error)
    process.exit(1)
  })
  return tambur
}

/** Each stream has a handler of its own. */
const isomq =
  (streams: number): StreamClient =>
  async (url) => {
    const tambur = connection(`${url}&streams=${streams}`)
    let left = messagesOf(url)
    const all = Array.from({ length: streams }, (_, i) => tambur.stream(streamOf(i)))
    for (const stream of all) {
      stream.on('message', ({ text }) => {
        work(text)
        if (--left === 0) stream.close()
      })
    }
    await Promise.all(all.map((stream) => stream.open()))
    await tambur.stream(START).open()
    return () => tambur.close()
  }

/** The least that a client has to do: it reads the frame, and finds the handler of its stream. */
const bare =
  (streams: number): StreamClient =>
  async (url) => {
    const socket = new WebSocket(`${url}&streams=${streams}`)
    let left = messagesOf(url)
    const handlers = new Map<string, (text: string) => void>()
    await new Promise((resolve, reject) => {
      socket.onmessage = resolve
      socket.onerror = reject
    })
    socket.onmessage = ({ data }) => {
      const [type, stream, , text] = JSON.parse(data as string) as [string, string, string, string]
      if (type === 'msg') handlers.get(stream)!(text)
    }
    for (let i = 0; i < streams; i++) {
      handlers.set(streamOf(i), (text) => {
        work(text)
        if (--left === 0) socket.send(JSON.stringify(['unsubscribe', streams + 2, streamOf(i)]))
      })
      socket.send(JSON.stringify(['subscribe', i + 1, streamOf(i)]))
    }
    socket.send(JSON.stringify(['subscribe', streams + 1, START]))
    return () => socket.terminate()
  }

/** Bytes that the heap gains for each stream that is open and has a handler. */
async function memory(server: StreamServer): Promise<number> {
  const collect = collector()
  const heap = (): number => {
    collect()
    return process.memoryUsage().heapUsed
  }
  let bytes = 0
  // What is needed once, such as compiled code, is there after the first.
  for (let round = 0; round < 2; round++) {
    await server.stream(0, async (url) => {
      const tambur = connection(`${url}&streams=${MOST}`)
      await tambur.connect()
      const before = heap()
      const open = async (i: number) => {
        const stream = tambur.stream(streamOf(i))
        stream.on('message', work)
        await stream.open()
      }
      for (let i = 0; i < MOST; i++) await open(i)
      bytes = (heap() - before) / MOST
      await tambur.stream(START).open()
      await tambur.stream(streamOf(0)).close()
      return () => tambur.close()
    })
  }
  return bytes
}

/** One connection with many streams, against a bare WebSocket that runs JSON.parse. */
export async function tamburStreams(): Promise<Row[]> {
  const server = await startServer('test/bench/tambur-server.ts')
  const named = (name: string, client: (streams: number) => StreamClient) =>
    STREAMS.map((streams) => [`${name}, ${streams}`, client(streams)] as const)
  try {
    const bytes = await memory(server)
    console.log(
      `\nTambur: ${count(bytes)} bytes of heap per open stream with a handler, of ${count(MOST)} on one socket`,
    )
    const rates = await race(
      server,
      MESSAGES,
      Object.fromEntries([...named('isomq', isomq), ...named('bare', bare)]),
    )
    const of = (name: string, streams: number) => rates[`${name}, ${streams}`]!
    const [one] = STREAMS
    return [
      ...STREAMS.flatMap((streams) =>
        against(
          { isomq: of('isomq', streams), bare: of('bare', streams) },
          'bare',
          `against a bare WebSocket with JSON.parse, open streams: ${count(streams)}`,
        ),
      ),
      ...STREAMS.slice(1).map((streams) => {
        const each = (many: number) => `${count(1e9 / median(of('isomq', many)))} ns with ${count(many)}`
        return {
          what: `${count(streams)} open streams against one`,
          ratio: ratioOf(of('isomq', streams), of('isomq', one)),
          target: ALIKE,
          figures: `per message ${each(streams)}, ${each(one)}; bare ${ratioOf(of('bare', streams), of('bare', one)).toFixed(2)} x`,
        }
      }),
      await tamburDispatch(MOST),
    ]
  } finally {
    server.close()
  }
}
