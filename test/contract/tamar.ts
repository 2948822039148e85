// RabbitMQ over STOMP: the one line that Tamar keeps. Its calls are dispatches, and what it hears of are answers.
import { type StompBroker, stompBroker } from 'isomq/tamar/rabbitmq'
import { TAMAR, tamarRoom } from '../support/emulator.ts'
import type { FakeSocket } from '../support/socket.ts'
import { StompScript } from '../support/tamar-stomp.ts'
import type {
  ContractClient,
  ContractMessage,
  ContractOptions,
  ContractPlug,
  ContractRoom,
  ContractStats,
  ScriptedServer,
} from './plug.ts'

const NO_STATS: ContractStats = {
  received: 0,
  acked: 0,
  nacked: 0,
  overflowed: 0,
  lost: 0,
  expired: 0,
  malformed: 0,
  reconnects: 0,
  buffered: 0,
}

const bodyOf = (text: string): string => `{"message_id": ${JSON.stringify(text)}}`
const textOf = (body: string): string => JSON.parse(body).message_id

interface Client extends ContractClient {
  readonly broker: StompBroker
}

function create({ secret = 'secret', idleTimeout, ...options }: ContractOptions): Client {
  const broker = stompBroker({
    url: 'ws://rabbit.test/ws',
    username: TAMAR.username,
    password: secret,
    // A call that was sent is not sent again here: that is a promise of its own, and has its own tests.
    retries: 0,
    ...(idleTimeout !== undefined && { heartBeat: idleTimeout / 2 }),
    ...(options as object),
  })
  const handlers = new Map<object, (message: ContractMessage) => unknown>()
  let sessions = 0
  broker.on('status', ({ type }) => {
    if (type === 'connected') sessions++
  })
  broker.listen({
    waiting: true,
    lost() {},
    reply(id) {
      for (const handler of handlers.values()) handler({ id } as ContractMessage)
    },
  })
  return {
    broker,
    get state() {
      return broker.state
    },
    connect: broker.connect,
    close: broker.close,
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
    on(type, handler) {
      if (type !== 'message') return broker.on(type as 'state', handler as never)
      const abort = new AbortController()
      handlers.set(abort, handler as (message: ContractMessage) => unknown)
      broker.connect({ timeout: 0, signal: abort.signal }).catch(() => {
        // Whoever ended the broker has been told so.
      })
      return () => {
        handlers.delete(abort)
        abort.abort()
      }
    },
    messages() {
      throw new Error('a broker has no messages')
    },
    stats: () => ({ ...NO_STATS, reconnects: Math.max(0, sessions - 1) }),
  }
}

class Server implements ScriptedServer {
  readonly acked: readonly string[] = []
  readonly nacked: readonly string[] = []
  readonly asks = 0
  readonly socket: FakeSocket
  readonly #script: StompScript
  #isAccepted = false

  constructor(socket: FakeSocket) {
    this.socket = socket
    this.#script = new StompScript(socket)
  }

  get signIns(): { signature: string; timestamp: number }[] {
    const connects = this.#script.frames.filter(({ command }) => command === 'CONNECT')
    return connects.map(({ headers }) => ({ signature: new Map(headers).get('passcode')!, timestamp: 0 }))
  }

  accept(): void {
    if (!this.#isAccepted) this.#script.accept()
    this.#isAccepted = true
  }

  refuse(): void {
    this.socket.open()
    this.#script.say('ERROR', { message: 'Bad CONNECT' }, 'Access refused')
  }

  deliver(...ids: number[]): void {
    for (const id of ids) this.#script.say('MESSAGE', { 'correlation-id': String(id) }, '{}')
  }

  garbage(): Uint8Array {
    return new TextEncoder().encode('<html>\n\n\0')
  }

  get calls(): string[] {
    return this.#script.sends.map(({ body }) => textOf(body))
  }

  answer(call: string): void {
    this.#script.confirm([this.#script.receipts[this.calls.indexOf(call)]!])
  }

  get frames(): number {
    return this.#script.frames.length
  }
}

const servers = new WeakMap<FakeSocket, Server>()

function serve(socket: FakeSocket): ScriptedServer {
  const server = servers.get(socket) ?? new Server(socket)
  servers.set(socket, server)
  return server
}

async function createRoom(): Promise<ContractRoom> {
  const { wire, control, stats } = tamarRoom()
  // What arrives stays in its queue, to be counted.
  await control('pause')
  return {
    options: {
      url: wire,
      secret: TAMAR.password,
      reconnect: { minDelay: 10, maxDelay: 50, stableAfter: 0 },
    },
    produce: async () => {},
    drop: async (abrupt) => void (await control('drop', { abrupt })),
    async left() {
      const { queues } = (await stats()) as unknown as { queues: { ready: number }[] }
      return queues.reduce((sum, { ready }) => sum + ready, 0)
    },
    refuseNext: async () => void (await control('refuse')),
  }
}

export const tamar: ContractPlug = {
  name: 'tamar',
  title: 'RabbitMQ over STOMP',
  traits: {
    messages: false,
    acks: false,
    signs: false,
    refusals: true,
    handshake: true,
    nacks: false,
    answers: true,
    drains: true,
    framed: false,
    watched: true,
    pulls: false,
  },
  optionNames: { idleTimeout: 'heartBeat' },
  timeStep: 1,
  create,
  serve,
  call: (client, text, limits = {}) => (client as Client).broker.publish({ body: bodyOf(text) }, limits),
  room: createRoom,
  nameOf: ({ id }) => id,
  asksAfter: 0,
}
