import { createPrismClient, type PrismMessage, type PrismNotify } from 'isomq/prism'
import { PRISM, prismRoom } from '../support/emulator.ts'
import { overHttp, PrismScript, refusal } from '../support/prism.ts'
import type { FakeSocket } from '../support/socket.ts'
import {
  CLIENT,
  type ContractClient,
  type ContractMessage,
  type ContractOptions,
  type ContractPlug,
  type ContractRoom,
  type ScriptedServer,
} from './plug.ts'

/** Addresses that a script has refused: whoever asks there over HTTP is told so, once. */
const refused = new Set<string>()

/** HTTP beside a network without HTTP. */
async function fakeFetch(url: string): Promise<Response> {
  if (refused.delete(url)) return refusal()
  throw new TypeError('fetch failed')
}

function create({ url, sign, secret, ...rest }: ContractOptions): ContractClient {
  const { clock, random, logger, WebSocket, ...options } = rest
  const target = address(url ?? 'ws://prism.test/platform/notify')
  const own = secret ?? (sign ? undefined : PRISM.secret)
  const client = createPrismClient({
    baseUrl: target.base,
    key: PRISM.key,
    ...(own !== undefined && { secret: own }),
    ...(sign && { sign: ({ query }) => sign(Number(new Map(query).get('sign_time')) * 1_000) }),
    ...(WebSocket && { WebSocket, fetch: fakeFetch }),
    clock,
    random,
    logger: logger as ((record: object) => void) | undefined,
  })
  // What stays unacknowledged must not move the lines of these tests; see test/prism for what it does.
  return adapt(client.notify({ path: target.path, redeliverAfter: 0, ...options }))
}

/** The base URL, and the path below it. */
function address(url: string): { base: string; path?: string } {
  if (!/^wss?:/.test(url)) return { base: url }
  const { origin, pathname, search } = new URL(overHttp(url))
  return { base: origin, path: pathname + search }
}

/** Prism calls the id of a delivery its tag. */
const named = (message: PrismMessage): ContractMessage => Object.assign(message, { id: message.tag })

function adapt(notify: PrismNotify): ContractClient {
  return {
    get state() {
      return notify.state
    },
    connect: notify.connect,
    close: notify.close,
    [Symbol.asyncDispose]: () => notify[Symbol.asyncDispose](),
    stats: notify.stats,
    on(type, handler) {
      const take = handler as (event: unknown) => unknown
      return type === 'message'
        ? notify.on('message', (message) => take(named(message)))
        : notify.on(type, take)
    },
    messages(options) {
      const inner = notify.messages(options)
      const outer: AsyncIterableIterator<ContractMessage> = {
        async next() {
          const { done, value } = await inner.next()
          return done ? { done, value } : { done, value: named(value) }
        },
        return: () => inner.return!() as Promise<IteratorResult<ContractMessage>>,
        [Symbol.asyncIterator]: () => outer,
      }
      return outer
    },
    // For `call` of the plug.
    ...{ publish: notify.publish },
  }
}

function serve(socket: FakeSocket): ScriptedServer {
  const script = new PrismScript(socket)
  return {
    socket,
    get signIns() {
      const { query } = script
      return [{ signature: query.get('sign')!, timestamp: Number(query.get('sign_time')) * 1_000 }]
    },
    accept: () => script.open(),
    refuse() {
      refused.add(overHttp(socket.url))
      socket.drop()
    },
    deliver: (...ids) => script.deliver(...ids),
    garbage: () => new TextEncoder().encode('{"tag":'),
    get acked() {
      return script.acked
    },
    get nacked() {
      // There is no such frame; whatever else might be meant as one would be it.
      return script.odd.map((bytes) => String(bytes))
    },
    get calls() {
      return script.bodies
    },
    answer(call) {
      if (!script.bodies.includes(call)) throw new Error(`"${call}" did not arrive`)
    },
    get asks() {
      return script.consumes.length
    },
    get frames() {
      return socket.sent.length
    },
  }
}

async function createRoom(): Promise<ContractRoom> {
  const { wire, control, stats } = prismRoom()
  let produced = 0
  await control('settings', { prefetch: 500 })
  return {
    options: {
      url: `${wire.replace(/^http/, 'ws')}/platform/notify`,
      secret: PRISM.secret,
      reconnect: { minDelay: 10, maxDelay: 50, stableAfter: 0 },
    },
    async produce(count) {
      await control('produce', { count, body: `{"n":"${++produced}/{n}"}` })
    },
    drop: async (abrupt) => void (await control('drop', { abrupt })),
    left: async () => {
      const { waiting, unacked } = await stats()
      return waiting! + unacked!
    },
    // The socket, and the question that follows.
    refuseNext: async () => void (await control('refuse', { count: 2 })),
  }
}

export const prism: ContractPlug = {
  name: 'prism',
  traits: {
    ...CLIENT,
    acks: true,
    refusals: true,
    handshake: false,
    nacks: false,
    answers: false,
    pulls: false,
  },
  optionNames: { url: 'baseUrl' },
  timeStep: 1_000,
  create,
  serve,
  call: (client, text, options) => (client as unknown as PrismNotify).publish('contract', text, options),
  room: createRoom,
  // The body, since tags begin anew with each connection.
  nameOf: (message) => (message as unknown as PrismMessage).body,
  asksAfter: 0,
}
