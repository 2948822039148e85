import { createTamburConnection, createTamburPublisher, type TamburMessage } from 'isomq/tambur'
import { TAMBUR, tamburRoom } from '../support/emulator.ts'
import type { FakeSocket } from '../support/socket.ts'
import { TamburScript } from '../support/tambur.ts'
import {
  CLIENT,
  type ContractClient,
  type ContractEvents,
  type ContractMessage,
  type ContractOptions,
  type ContractPlug,
  type ContractRoom,
  type ScriptedServer,
} from './plug.ts'

const STREAM = 'contract'
const PEER = 'somebody'

/** What a client signs in with is the address that its balancer gives it: here it holds who asked, and when. */
const address = (signature: string, timestamp: number) => `tambur.test/${signature}/${timestamp}`

function create({ sign, secret, url, ...options }: ContractOptions): ContractClient {
  let attempts = 0
  const fetch = async (): Promise<Response> => {
    const timestamp = options.clock?.now() ?? Date.now()
    const signature = sign ? await sign(timestamp) : `attempt-${++attempts}`
    return answer(address(signature, timestamp))
  }
  const connection = createTamburConnection({
    ...(url !== undefined && !sign
      ? { url }
      : { apiKey: TAMBUR.apiKey, appId: 'contract', balancer: 'balancer.test', ssl: false, fetch }),
    // Of what both are, there can be only one.
    ...(secret !== undefined && sign && { secret }),
    token: ({ subscriberId }) => secret ?? `token-of-${subscriberId}`,
    ...(options as object),
  })
  const stream = connection.stream(STREAM)
  /** Wants the stream for good, with what calls need. */
  const wanted = (withDirect: boolean) => {
    if (stream.state === 'closed') stream.messages().return!()
    if (withDirect && stream.state !== 'closed') stream.enableDirect('me', { timeout: 0 }).catch(() => {})
  }
  return {
    get state() {
      return connection.state
    },
    connect: connection.connect,
    close: connection.close,
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
    on(type, handler) {
      if (type !== 'message') return connection.on(type as 'state', handler as never)
      const off = stream.on('message', (message) =>
        (handler as (event: ContractEvents['message']) => unknown)(named(message)),
      )
      wanted(false)
      return off
    },
    messages(limits) {
      const inner = stream.messages(limits)
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
    stats: () => ({
      acked: 0,
      nacked: 0,
      overflowed: 0,
      lost: 0,
      expired: 0,
      buffered: 0,
      ...connection.stats(),
    }),
    // For `call` of the plug.
    ...{
      call(text: string, limits: object) {
        wanted(true)
        return stream.direct(PEER, text, limits)
      },
    },
  }
}

/** An answer whose body takes no turn of the event loop, unlike those of all runtimes. */
function answer(text: string): Response {
  const pieces = [new TextEncoder().encode(text)]
  const read = async () => {
    const value = pieces.shift()
    return { done: value === undefined, value }
  }
  return { status: 200, headers: new Headers(), body: { getReader: () => ({ read }) } } as unknown as Response
}

/** Messages have no names of their own. */
const named = (message: TamburMessage): ContractMessage =>
  Object.assign(message, { id: message.text }) as unknown as ContractMessage

function serve(socket: FakeSocket): ScriptedServer {
  const script = new TamburScript(socket)
  // Calls wait for the test's answer; what asks for a sign of life, of what has gone silent, gets none.
  script.obey(({ name, args }) => (name === 'direct' || args[0] === '' ? false : undefined))
  const calls = () => script.commands.filter(({ name }) => name === 'direct')
  return {
    socket,
    get signIns() {
      const [, signature = '', timestamp] = new URL(socket.url).pathname.split('/')
      return [{ signature, timestamp: Number(timestamp) }]
    },
    accept: () => script.accept(),
    refuse() {
      throw new Error('only the balancer can refuse')
    },
    deliver: (...ids) => script.publish(STREAM, ...ids.map(String)),
    garbage: () => new TextEncoder().encode('["msg",'),
    acked: [],
    nacked: [],
    get calls() {
      return calls().map(({ args }) => args[2]!)
    },
    answer(call) {
      script.answer(calls().find(({ args }) => args[2] === call)!.handle)
    },
    get asks() {
      return script.lines.filter((line) => line === `subscribe ${STREAM}`).length
    },
    get frames() {
      // The sign-in is the address.
      return 1 + socket.sent.length
    },
  }
}

async function createRoom(): Promise<ContractRoom> {
  const { wire, appId, host, control, stats } = tamburRoom()
  const publisher = createTamburPublisher({ ...TAMBUR, appId, apiHost: host, ssl: false })
  let produced = 0
  return {
    options: { url: wire, reconnect: { minDelay: 10, maxDelay: 50, stableAfter: 0 } },
    async produce(count) {
      for (let n = 0; n < count; n++) await publisher.publish(STREAM, `${++produced}`)
    },
    drop: async (abrupt) => void (await control('drop', { abrupt })),
    left: async () => 0,
    async listeners() {
      const { streams } = (await stats()) as unknown as { streams: { stream: string; subscribers: number }[] }
      return streams.find(({ stream }) => stream === STREAM)?.subscribers ?? 0
    },
    refuseNext: async () => void (await control('httpError', { status: 401 })),
  }
}

export const tambur: ContractPlug = {
  name: 'tambur',
  traits: {
    ...CLIENT,
    acks: false,
    refusals: false,
    handshake: true,
    nacks: false,
    answers: true,
    pulls: false,
  },
  timeStep: 1,
  create,
  serve,
  call: (client, text, options) =>
    (client as unknown as { call(text: string, options?: object): Promise<void> }).call(text, options),
  room: createRoom,
  nameOf: ({ id }) => id,
  asksAfter: 0,
}
