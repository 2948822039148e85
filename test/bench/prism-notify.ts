import type { Buffer } from 'node:buffer'
import type { Writable } from 'node:stream'
import { createPrismClient } from 'isomq/prism'
import { WebSocket } from 'ws'
import { work } from './clients.ts'
import {
  ackFrame,
  BLIND_ACK,
  bodyOf,
  consumeFrame,
  ECHO,
  IN_FLIGHT,
  KEY,
  publishFrame,
  TYPE,
} from './prism-wire.ts'
import type { Row } from './report.ts'
import { against, holder, race, type StreamClient, startServer } from './stream.ts'

const DELIVERIES = 40_000
const ROUND_TRIPS = 20_000

/** Publishes number 0, 1, 2 … until the server has its count. */
function counted(url: string, publish: (i: number) => void): () => void {
  const count = Number(new URL(url).searchParams.get('count'))
  let published = 0
  return () => {
    if (published < count) publish(published++)
  }
}

/** With `echoes`, every message that comes is answered by publishing the next one. */
const isomq =
  (echoes: boolean): StreamClient =>
  async (url) => {
    const { host, search } = new URL(url)
    const prism = createPrismClient({ baseUrl: `http://${host}`, key: 'umjj5xj6', secret: 'secret' })
    const notify = prism.notify({ queue: echoes ? ECHO : '', path: `/${search}` })
    const publish = counted(url, (i) => notify.publish(KEY, bodyOf(i), { contentType: TYPE }))
    notify.on('message', ({ body }) => {
      work(body)
      if (echoes) publish()
    })
    notify.on('error', (error) => {
      console.error(error)
      process.exit(1)
    })
    await notify.connect()
    for (let i = 0; echoes && i < IN_FLIGHT; i++) publish()
    return () => notify.close()
  }

interface Bare {
  /** Does the work and gives the ack. */
  read(text: string): Buffer
  /** Gives what to publish; left out where nothing is. */
  publication?(i: number): Buffer
  /** Writes what it says to a burst of messages in one piece, as isomq does. */
  readonly held?: boolean
}

/** A WebSocket alone. */
const bare =
  ({ read, publication, held }: Bare): StreamClient =>
  async (url) => {
    const socket = new WebSocket(url)
    const publish = counted(url, (i) => socket.send(publication!(i)))
    await new Promise((resolve, reject) => {
      socket.onopen = resolve
      socket.onerror = reject
    })
    const hold = held ? holder((socket as unknown as { _socket: Writable })._socket) : () => {}
    socket.onmessage = ({ data }) => {
      hold()
      socket.send(read(data as string))
      if (publication) publish()
    }
    socket.send(consumeFrame(publication ? ECHO : ''))
    for (let i = 0; publication && i < IN_FLIGHT; i++) publish()
    return () => socket.terminate()
  }

/** The least that a client has to do: it knows where the server puts the tag, which is all that it takes exactly. */
function parsed(text: string): Buffer {
  work((JSON.parse(text) as { body: string }).body)
  return ackFrame(text.slice(text.lastIndexOf(':') + 1, -1))
}

/** Less than a client can do: nothing is read, and the ack names no message. */
function unread(text: string): Buffer {
  work(text)
  return BLIND_ACK
}

/** Deliveries and round trips per second; the clients take turns with one server in a process of its own. */
export async function prismNotify(): Promise<Record<'deliveries' | 'roundTrips', Row[]>> {
  const server = await startServer('test/bench/prism-server.ts')
  const rows = async (count: number, clients: Readonly<Record<string, StreamClient>>): Promise<Row[]> => {
    const rates = await race(server, count, clients)
    return [
      ...against(rates, 'bare', 'against a bare WebSocket', 0.8),
      ...against(rates, 'held', 'against one that writes in one piece'),
      ...against(rates, 'blind', 'against one that parses nothing'),
    ]
  }
  const ready = publishFrame(bodyOf(0))
  const publication = (i: number) => publishFrame(bodyOf(i))
  try {
    return {
      deliveries: await rows(DELIVERIES, {
        isomq: isomq(false),
        bare: bare({ read: parsed }),
        held: bare({ read: parsed, held: true }),
        blind: bare({ read: unread }),
      }),
      roundTrips: await rows(ROUND_TRIPS, {
        isomq: isomq(true),
        bare: bare({ read: parsed, publication }),
        held: bare({ read: parsed, publication, held: true }),
        blind: bare({ read: unread, publication: () => ready }),
      }),
    }
  } finally {
    server.close()
  }
}
