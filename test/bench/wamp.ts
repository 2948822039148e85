import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createWampSession } from 'isomq/webmq'
import { WebSocket } from 'ws'
import { type Foreign, startForeign } from '../webmq/foreign.ts'
import type { AutobahnModule, AutobahnSession, WampyModule } from '../webmq/peers.ts'
import { work } from './clients.ts'
import { pause, requirePeer } from './peers.ts'
import type { Row } from './report.ts'
import { against, race, type StreamServer, start } from './stream.ts'
import { ECHO, REALM, TOPIC, WampSocket } from './wamp-wire.ts'

const EVENTS = 20_000
const CALLS = 10_000
const IN_FLIGHT = 64
/** Requests that fit between the two sides, so that all are on their way. */
const BATCH = 200
const ROUNDS = 7

/** What the bench has a client do. */
interface Client {
  subscribe(seen: () => void): Promise<unknown>
  call(value: number): PromiseLike<unknown>
  close(): unknown
}
type Connect = (url: string) => Promise<Client>

const isomq: Connect = async (url) => {
  const session = createWampSession({ url, version: 2, realm: REALM })
  session.on('error', (error) => {
    console.error(error)
    process.exit(1)
  })
  await session.connect()
  return {
    async subscribe(seen) {
      const subscription = await session.subscribe(TOPIC)
      subscription.on('event', ({ event }) => {
        work(event)
        seen()
      })
    },
    call: (value) => session.call(ECHO, [value]),
    close: () => session.close(),
  }
}

const wampy =
  (peers: string): Connect =>
  async (url) => {
    const { Wampy } = requirePeer<WampyModule>(peers, 'wampy', 'wampy')
    const client = new Wampy(url, { realm: REALM, ws: WebSocket, autoReconnect: false })
    await client.connect()
    return {
      subscribe: (seen) =>
        client.subscribe(TOPIC, ({ argsList }) => {
          work(argsList?.[0])
          seen()
        }),
      call: async (value) => (await client.call(ECHO, [value])).argsList?.[0],
      close: () => client.disconnect(),
    }
  }

const autobahn =
  (peers: string): Connect =>
  async (url) => {
    const { Connection } = requirePeer<AutobahnModule>(peers, 'autobahn', 'autobahn')
    const own = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket')
    // It knows no other than the runtime's, which not every Node has; all others go over ws, too.
    Object.defineProperty(globalThis, 'WebSocket', { value: WebSocket, configurable: true })
    const connection = new Connection({ url, realm: REALM, max_retries: 0 })
    const opened = new Promise<AutobahnSession>((resolve) => {
      connection.onopen = resolve
    })
    const closed = new Promise<void>((resolve) => {
      connection.onclose = () => {
        resolve()
        return true
      }
    })
    connection.open()
    const session = await opened
    if (own) Object.defineProperty(globalThis, 'WebSocket', own)
    else Reflect.deleteProperty(globalThis, 'WebSocket')
    return {
      subscribe: async (seen) =>
        session.subscribe(TOPIC, (args) => {
          work(args[0])
          seen()
        }),
      call: (value) => session.call(ECHO, [value]) as PromiseLike<unknown>,
      close() {
        connection.close()
        return closed
      },
    }
  }

/** The limit: the same frames, by who knows what they are. */
const bare: Connect = async (url) => {
  const socket = await WampSocket.connect(url)
  const waiting = new Map<number, (value: unknown) => void>()
  let seen = () => {}
  socket.onEvent = (args) => {
    work(args[0])
    seen()
  }
  socket.onResult = (request, args) => {
    waiting.get(request)!(args[0])
    waiting.delete(request)
  }
  return {
    async subscribe(then) {
      seen = then
      await socket.subscribe(TOPIC)
    },
    call: (value) =>
      new Promise((resolve) => {
        waiting.set(socket.call(ECHO, [value]), resolve)
      }),
    close: () => socket.close(),
  }
}

type Server = Pick<StreamServer<Connect>, 'stream'>
/** A clock, in seconds. */
type Timer = () => number
const wall: Timer = () => performance.now() / 1000
/** What this process has worked: nobody else on the machine is in it. */
function worked(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** The seconds from when `publish` has run until `count` events have come. */
async function receive(client: Client, count: number, timer: Timer, publish: () => void): Promise<number> {
  let left = count
  let last = () => {}
  const all = new Promise<void>((resolve) => {
    last = resolve
  })
  await client.subscribe(() => --left || last())
  publish()
  const startedAt = timer()
  await all
  return timer() - startedAt
}

/** Events as the router passes them on. */
const events = (router: Foreign, other: Other): Server => ({
  async stream(count, connect) {
    const client = await connect(router.url)
    const seconds = await receive(client, count, wall, () => other.tell({ publish: count }))
    await client.close()
    return seconds
  },
})

/** Events that have come before the client begins to read: the router is not waited for. */
const eventsThatWait = (router: Foreign, other: Other): Server => ({
  async stream(count, connect) {
    const client = await connect(router.url)
    const seconds = await receive(client, count, worked, () => {
      other.tell({ publish: count })
      other.await()
    })
    await client.close()
    return seconds
  },
})

async function call(client: Client, value: number): Promise<void> {
  if ((await client.call(value)) !== value) throw new Error('not the result of the call')
}

const calls = (router: Foreign): Server => ({
  async stream(count, connect) {
    const client = await connect(router.url)
    let begun = 0
    const caller = async () => {
      while (begun < count) await call(client, begun++)
    }
    const startedAt = wall()
    await Promise.all(Array.from({ length: IN_FLIGHT }, caller))
    const seconds = wall() - startedAt
    await client.close()
    return seconds
  },
})

/** Calls of which the time between the last request and the first result is not counted. */
const callsThatWait = (router: Foreign, other: Other): Server => ({
  async stream(count, connect) {
    const client = await connect(router.url)
    let seconds = 0
    for (let begun = 0; begun < count; begun += BATCH) {
      other.tell({ answer: BATCH })
      const askedAt = worked()
      const results = Array.from({ length: BATCH }, (_, i) => call(client, begun + i))
      // What was held back goes out.
      await new Promise(setImmediate)
      seconds += worked() - askedAt
      other.await()
      const answeredAt = worked()
      await Promise.all(results)
      seconds += worked() - answeredAt
    }
    await client.close()
    return seconds
  },
})

interface Other {
  tell(what: object): void
  /** Stands still until it has done what it was told last: what comes meanwhile waits. */
  await(): void
  end(): void
}

async function startOther(url: string): Promise<Other> {
  const folder = mkdtempSync(join(tmpdir(), 'isomq-bench-'))
  const { tell, end } = await start('test/bench/wamp-other.ts', url)
  let told = 0
  const flag = () => join(folder, String(told))
  return {
    tell(what) {
      told++
      tell({ ...what, flag: flag() })
    },
    await() {
      while (!existsSync(flag())) pause(1)
    },
    end() {
      end()
      rmSync(folder, { recursive: true })
    },
  }
}

/** Events and calls per second as clients of a router that is not ours. */
export async function wamp(peers: string): Promise<Record<'alone' | 'through', Row[]>> {
  const router = await startForeign(peers)
  const other = await startOther(router.url)
  const clients = { isomq, wampy: wampy(peers), autobahn: autobahn(peers), bare }
  const rows = async (what: string, server: Server, count: number, target?: number): Promise<Row[]> => {
    const rates = await race(server, count, clients, ROUNDS)
    return [
      ...against(rates, 'wampy', `${what} against wampy`, target),
      ...against(rates, 'autobahn', `${what} against autobahn`),
      ...against(rates, 'bare', `${what} against a bare WebSocket`),
    ]
  }
  const { warn } = console
  // What autobahn has to say.
  console.warn = () => {}
  try {
    return {
      alone: [
        ...(await rows('events', eventsThatWait(router, other), EVENTS, 1.3)),
        ...(await rows('calls', callsThatWait(router, other), CALLS, 1.3)),
      ],
      through: [
        ...(await rows('events', events(router, other), EVENTS)),
        ...(await rows('calls', calls(router), CALLS)),
      ],
    }
  } finally {
    console.warn = warn
    other.end()
    await router.stop()
  }
}
