import { createTmcClient, type TmcClient, type TmcClientOptions } from 'isomq/tmc'
import { APP, room } from '../support/emulator.ts'
import type { FakeSocket } from '../support/socket.ts'
import { TmcScript } from '../support/tmc.ts'
import {
  CLIENT,
  type ContractClient,
  type ContractOptions,
  type ContractPlug,
  type ContractRoom,
  type ScriptedServer,
} from './plug.ts'

function create({ sign, secret, ...options }: ContractOptions): ContractClient {
  const appSecret = secret ?? (sign ? undefined : APP.appSecret)
  const credentials: Partial<TmcClientOptions> = {
    ...(appSecret && { appSecret }),
    ...(sign && { sign: ({ timestamp }) => sign(Number(timestamp)) }),
  }
  return createTmcClient({
    appKey: APP.appKey,
    url: 'ws://tmc.test/',
    ...credentials,
    ...(options as Partial<TmcClientOptions>),
  }) as unknown as ContractClient
}

function serve(socket: FakeSocket): ScriptedServer {
  const script = new TmcScript(socket)
  const header = (key: string) => String(script.connect?.headers.get(key)?.value)
  return {
    socket,
    get signIns() {
      return script.frames
        .filter(({ type }) => type === 'connect')
        .map(() => ({ signature: header('sign'), timestamp: Number(header('timestamp')) }))
    },
    accept: () => script.accept(),
    refuse: () => script.refuse(),
    deliver: (...ids) => script.deliver(...ids),
    garbage: () => Uint8Array.of(2, 2, 1, 0, 255),
    get acked() {
      return script.confirmed
    },
    get nacked() {
      return script.failed.map(({ id }) => id)
    },
    get calls() {
      return script.produced.map(({ content }) => content)
    },
    answer(call) {
      script.answer(script.produced.find(({ content }) => content === call)!.flag)
    },
    get asks() {
      return script.pulls
    },
    get frames() {
      return socket.sent.length
    },
  }
}

async function createRoom(): Promise<ContractRoom> {
  const { url: _, wire, control, stats } = room()
  await control('settings', { redeliverAfter: 20, confirmTimeout: 10_000, window: 500 })
  return {
    options: { url: wire, secret: APP.appSecret, reconnect: { minDelay: 10, maxDelay: 50, stableAfter: 0 } },
    produce: async (count) => void (await control('produce', { count, content: '{}' })),
    drop: async (abrupt) => void (await control('drop', { abrupt })),
    left: async () => {
      const { waiting, unconfirmed } = await stats()
      return waiting! + unconfirmed!
    },
    refuseNext: async () => void (await control('refuse')),
  }
}

export const tmc: ContractPlug = {
  name: 'tmc',
  traits: { ...CLIENT, acks: true, refusals: true, handshake: true, nacks: true, answers: true, pulls: true },
  timeStep: 1,
  create,
  serve,
  call: (client, text, options) =>
    (client as unknown as TmcClient).produce({ topic: 'contract', content: text }, options),
  room: createRoom,
  nameOf: ({ id }) => id,
  asksAfter: 500,
}
