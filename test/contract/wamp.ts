import {
  createPushClient,
  createWampSession,
  type WampAuth,
  type WampEvent,
  type WampSubscription,
} from 'isomq/webmq'
import { WEBMQ, webmqRoom } from '../support/emulator.ts'
import { until } from '../support/events.ts'
import type { FakeSocket } from '../support/socket.ts'
import {
  AUTH,
  AUTHREQ,
  type Wamp1Script,
  type WampMessage,
  type WampScript,
  wampScript,
} from '../support/wamp.ts'
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

type Version = 1 | 2

const TOPIC = 'com.example.contract'
const PROCEDURE = 'com.example.contract.call'

/** Events have no names of their own. */
const named = (event: WampEvent): ContractMessage =>
  Object.assign(event, { id: String(event.event) }) as unknown as ContractMessage

function create(version: Version, { sign, secret, url, ...options }: ContractOptions): ContractClient {
  let attempts = 0
  const own = async () => {
    const timestamp = options.clock?.now() ?? Date.now()
    return `${sign ? await sign(timestamp) : `attempt-${++attempts}`}@${timestamp}`
  }
  const auth: WampAuth = {
    id: WEBMQ.user.authid,
    ...(secret !== undefined && { secret }),
    ...((sign || secret === undefined) && { sign: own }),
  }
  const session = createWampSession({ url: url ?? 'ws://wamp.test/', version, auth, ...(options as object) })

  /** Subscribes and hands the subscription over; gives what undoes it. */
  function use(act: (subscription: WampSubscription) => void): () => void {
    const abort = new AbortController()
    let subscription: WampSubscription | undefined
    session.subscribe(TOPIC, { timeout: 0, signal: abort.signal }).then(
      (given) => {
        subscription = given
        act(given)
      },
      () => {
        // Whoever ended the session has been told so.
      },
    )
    return () => {
      abort.abort()
      subscription?.unsubscribe().catch(() => {})
    }
  }

  function iterate({ signal }: { signal?: AbortSignal | undefined }): AsyncIterableIterator<ContractMessage> {
    const wasClosed = session.state === 'closed'
    const subscribing = session.subscribe(TOPIC, { timeout: 0, signal })
    const inner = subscribing.then((subscription) => subscription.messages({ signal }))
    inner.catch(() => {})
    const outer: AsyncIterableIterator<ContractMessage> = {
      async next() {
        try {
          const { done, value } = await (await inner).next()
          return done ? { done, value } : { done, value: named(value) }
        } catch (error) {
          if ((error as { code?: string }).code !== 'CLOSED' || wasClosed) throw error
          return { done: true, value: undefined }
        }
      },
      return: async () => (await inner).return!() as Promise<IteratorResult<ContractMessage>>,
      [Symbol.asyncIterator]: () => outer,
    }
    return outer
  }

  return {
    get state() {
      return session.state
    },
    connect: session.connect,
    close: session.close,
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
    on(type, handler) {
      if (type !== 'message') return session.on(type as 'state', handler as never)
      const take = handler as (event: ContractEvents['message']) => unknown
      let off = () => {}
      const leave = use((subscription) => {
        off = subscription.on('event', (event) => take(named(event)))
      })
      return () => {
        off()
        leave()
      }
    },
    messages: (limits = {}) => iterate(limits),
    stats: () => ({
      acked: 0,
      nacked: 0,
      overflowed: 0,
      lost: 0,
      expired: 0,
      buffered: 0,
      ...session.stats(),
    }),
    // For `call` of the plug.
    ...{ call: (text: string, limits: object) => session.call(PROCEDURE, [text], limits) },
  }
}

/** The server on a socket, which answers all but calls by itself. */
class Server implements ScriptedServer {
  readonly signIns: { signature: string; timestamp: number }[] = []
  readonly acked: readonly string[] = []
  readonly nacked: readonly string[] = []
  readonly #script: WampScript
  readonly #version: Version
  #seen = 0
  #isGreeted = false
  #isWelcome = false
  #refuses = false

  constructor(socket: FakeSocket, version: Version) {
    this.#script = wampScript(socket, version)
    this.#version = version
    const { send } = socket
    socket.send = (data) => {
      send.call(socket, data)
      queueMicrotask(() => this.#catchUp())
    }
  }

  #catchUp(): void {
    if (!this.#isGreeted) return
    const news = this.#script.messages.slice(this.#seen)
    this.#seen += news.length
    for (const message of news) this.#react(message)
  }

  get socket(): FakeSocket {
    return this.#script.socket
  }

  #react(message: WampMessage): void {
    const script = this.#script
    const [type, first, second, third] = message
    const challenge = JSON.stringify({ session: 7, sessionid: 'S1', authextra: null })
    if (this.#version === 2) {
      if (type === 1 && this.#refuses) script.send(3, {}, 'wamp.error.authentication_failed')
      else if (type === 1) script.send(4, 'wampcra', { challenge })
      else if (type === 5) this.#signed(first)
      else script.grant()
    } else if (second === AUTHREQ && this.#refuses) {
      ;(script as Wamp1Script).fail(AUTHREQ, 'http://api.wamp.ws/error#no-such-authkey', 'no')
    } else if (second === AUTHREQ) script.result(AUTHREQ, challenge)
    else if (second === AUTH) this.#signed(third)
  }

  #signed(signature: unknown): void {
    const [own = '', timestamp] = String(signature).split('@')
    this.signIns.push({ signature: own, timestamp: Number(timestamp) })
    if (this.#version === 1) this.#script.result(AUTH, { pubsub: [], rpc: [] })
    else this.#script.welcome()
    this.#isWelcome = true
  }

  accept(): void {
    if (this.#isGreeted) return
    this.#isGreeted = true
    this.#script.open()
    if (this.#version === 1) this.#script.welcome()
    this.#catchUp()
  }

  accepted(): Promise<void> {
    return until(() => this.#isWelcome || this.socket.isOver)
  }

  refuse(): void {
    this.#refuses = true
    this.accept()
  }

  deliver(...ids: number[]): void {
    for (const id of ids) this.#script.event(TOPIC, String(id))
  }

  garbage(): Uint8Array {
    return new TextEncoder().encode('[8,')
  }

  get calls(): string[] {
    return this.#calls.map(([, text]) => text)
  }

  answer(call: string): void {
    const [id] = this.#calls.find(([, text]) => text === call)!
    this.#script.send(...(this.#version === 1 ? [3, id, null] : [50, id, {}]))
  }

  /** Ids and texts. */
  get #calls(): [id: unknown, text: string][] {
    if (this.#version === 1) return this.#own(2, 1).map(([id, , text]) => [id, text as string])
    return this.#own(48, 2).map(([id, , , args]) => [id, (args as string[])[0]!])
  }

  #own(type: number, at: number): WampMessage[] {
    return this.#script.of(type).filter((message) => message[at] === PROCEDURE)
  }

  get asks(): number {
    return this.#script.subscribes.length
  }

  get frames(): number {
    // A sign-in takes two.
    return this.socket.sent.length - this.signIns.length
  }
}

const servers = new WeakMap<FakeSocket, Server>()

function serve(version: Version, socket: FakeSocket): ScriptedServer {
  const server = servers.get(socket) ?? new Server(socket, version)
  servers.set(socket, server)
  return server
}

async function createRoom(): Promise<ContractRoom> {
  const { wire, push, control, stats } = webmqRoom()
  const pusher = createPushClient({ endpoint: push })
  let produced = 0
  return {
    options: {
      url: wire,
      secret: WEBMQ.user.secret,
      reconnect: { minDelay: 10, maxDelay: 50, stableAfter: 0 },
    },
    async produce(count) {
      for (let n = 0; n < count; n++) await pusher.push(TOPIC, `${++produced}`)
    },
    drop: async (abrupt) => void (await control('drop', { abrupt })),
    left: async () => 0,
    async listeners() {
      const { peers } = (await stats()) as unknown as { peers: { topics: string[] }[] }
      return peers.filter(({ topics }) => topics.includes(TOPIC)).length
    },
    refuseNext: async () => void (await control('refuse')),
  }
}

const plug = (version: Version): ContractPlug => ({
  name: 'webmq',
  title: `WAMP version ${version}`,
  traits: {
    ...CLIENT,
    acks: false,
    refusals: true,
    handshake: true,
    challenges: true,
    nacks: false,
    answers: true,
    pulls: false,
  },
  timeStep: 1,
  create: (options) => create(version, options),
  serve: (socket) => serve(version, socket),
  call: (client, text, options) =>
    (client as unknown as { call(text: string, options?: object): Promise<void> }).call(text, options),
  room: createRoom,
  nameOf: ({ id }) => id,
  asksAfter: 0,
})

export const wamp1: ContractPlug = plug(1)
export const wamp2: ContractPlug = plug(2)
