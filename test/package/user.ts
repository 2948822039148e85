import { entries } from './entries.ts'

/** What a user's code does with one provider; a new provider adds its own. */
interface Use {
  /** An expression that throws an `IsomqError`; `m` is the imported entry. */
  readonly fails: string
  /** TypeScript that only compiles when the types of the entry have arrived. */
  readonly types: string
}

const USES: Readonly<Record<string, Use>> = {
  'isomq/tmc': {
    fails: 'm.decodeFrame(new Uint8Array(0))',
    types: `
import { createTmcClient, decodeFrame, type TmcFrame } from 'isomq/tmc'
export const frame: TmcFrame = decodeFrame(new Uint8Array(0))
// @ts-expect-error a frame's type is one of four words
export const wrong: 'data' = frame.type
export async function consume(): Promise<void> {
  const client = createTmcClient({ appKey: '1', appSecret: 's', groupName: 'default' })
  client.on('message', async (message) => console.log(message.topic))
  // @ts-expect-error there is no such event
  client.on('mesage', () => {})
  await client.close()
}`,
  },
  'isomq/tambur': {
    fails: 'm.createTamburPublisher({})',
    types: `
import { createTamburConnection, fetchToken, modeToken, type TamburPresence } from 'isomq/tambur'
export const token: Promise<string> = modeToken({
  apiKey: 'k', appId: 'a', secret: 's', mode: 'auth', stream: 'news', subscriberId: 'u',
})
export const who = (one: TamburPresence): string => (one.kind === 'reset' ? '' : one.userId)
export async function watch(): Promise<void> {
  const connection = createTamburConnection({ url: 'wss://example.com/', token: fetchToken('/token') })
  for await (const message of connection.stream('news').messages()) console.log(message.text)
  for await (const message of connection.stream('news').messages({ kind: 'direct' })) console.log(message.from)
  // @ts-expect-error a page has no secret
  createTamburConnection({ url: 'wss://example.com/', secret: 's' })
  await connection.close()
}`,
  },
  'isomq/tamar': {
    fails: 'm.fromEnv({})',
    types: `
import { createTamarClient, fromEnv, type TamarResult, type TamarStore } from 'isomq/tamar'
import { planetscaleStore } from 'isomq/tamar/planetscale'
import { managementBroker, stompBroker } from 'isomq/tamar/rabbitmq'
import { upstashRedis } from 'isomq/tamar/upstash'
export async function use(store: TamarStore): Promise<TamarResult<number> | undefined> {
  const redis = upstashRedis({ url: 'https://example.com', token: 't' })
  const broker = stompBroker({ url: 'wss://example.com/ws', username: 'u', password: 'p' })
  broker.on('state', ({ to }) => console.log(to))
  const tamar = createTamarClient({ redis, store, broker })
  const id: string = await tamar.sendReliable('alice', { any: ['json'] }, { senderType: 'client', senderId: 'bob' })
  const size = await tamar.sendCommand<number>('alice', { type: 'measure', data: id, timeout: 1000 })
  const other: string = await tamar.sendCommand('alice', { type: 'measure', wait: false })
  // @ts-expect-error there are two kinds of senders
  await tamar.sendReliable('alice', size, { senderType: 'robot' })
  planetscaleStore({ host: 'example.com', username: 'u', password: 'p' })
  managementBroker({ url: 'https://example.com', username: 'u', password: 'p' })
  await fromEnv({ MSG_REDIS_URL: 'https://example.com' }).close()
  return tamar.result<number>(other)
}`,
  },
  'isomq/webmq': {
    fails: 'm.createPushClient({})',
    types: `
import { createPushClient, createWampSession, signChallenge, type WampEvent } from 'isomq/webmq'
export const signature: Promise<string> = signChallenge('[]', 'secret', { salt: 'x', iterations: 1000 })
export const first = (event: WampEvent): unknown => event.args[0]
export async function use(): Promise<number> {
  const session = createWampSession({ url: 'wss://example.com/ws', version: 2, realm: 'realm1' })
  const subscription = await session.subscribe('com.example.topic', { match: 'prefix' })
  subscription.on('event', ({ topic, event }) => console.log(topic, event))
  const sum = await session.call<number>('com.example.add', [1, 2])
  // @ts-expect-error WAMP has two versions
  createWampSession({ url: 'wss://example.com/ws', version: 3 })
  await createPushClient({ endpoint: 'https://example.com' }).push('topic', { sum })
  await session.close()
  return sum
}`,
  },
  'isomq/prism': {
    fails: "m.encodeAck('one')",
    types: `
import { createPrismClient, signRequest, type PrismMessage, type PrismVerdict } from 'isomq/prism'
export const sign: string = signRequest({ method: 'GET', path: '/api', secret: 's' })
export const text = (verdict: PrismVerdict): string => (verdict.valid ? verdict.clientId : verdict.reason)
// @ts-expect-error tags are text: they may exceed 2^53
export const tag = (message: PrismMessage): number => message.tag
export async function use(): Promise<string | undefined> {
  const prism = createPrismClient({ baseUrl: 'https://example.com/api', key: 'k', secret: 's' })
  const { data, requestId } = await prism.get<{ ok: boolean }>('/status', { since: 1 })
  prism.notify({ queue: 'orders' }).on('message', async (message) => console.log(message.key, data.ok))
  // @ts-expect-error there is no such way to sign in
  createPrismClient({ baseUrl: 'https://example.com/api', key: 'k', secret: 's', auth: 'none' })
  await prism.close()
  return requestId
}`,
  },
}

const names = entries.map(({ name }) => name)

/** What `program` reports. */
export interface Report {
  readonly exports: Readonly<Record<string, readonly string[]>>
  /** Whether what each provider throws is the `IsomqError` of `isomq/errors` and of `isomq`. */
  readonly same: Readonly<Record<string, boolean>>
}

/** JavaScript that imports every entry and ends with a `report`. */
export const program: string = `
${names.map((name, i) => `import * as m${i} from '${name}'`).join('\n')}
const modules = { ${names.map((name, i) => `'${name}': m${i}`).join(', ')} }
const fails = { ${Object.entries(USES).map(([name, { fails }]) => `'${name}': (m) => ${fails}`)} }
const same = {}
for (const [name, fail] of Object.entries(fails)) {
  try {
    fail(modules[name])
  } catch (error) {
    same[name] = ['isomq', 'isomq/errors'].every((from) => error instanceof modules[from].IsomqError)
  }
}
const exports = Object.fromEntries(Object.entries(modules).map(([name, module]) => [name, Object.keys(module).sort()]))
const report = { exports, same }
`

/** TypeScript that uses every entry. */
export const typed: Readonly<Record<string, string>> = {
  'all.ts': names.map((name, i) => `export * as m${i} from '${name}'`).join('\n'),
  'errors.ts': `
import { IsomqError } from 'isomq/errors'
import { IsomqError as Same } from 'isomq'
export const code = (error: unknown): string => (error instanceof IsomqError ? error.code : '')
export const same: typeof IsomqError = Same
// @ts-expect-error the codes are a closed union
export const wrong = (error: IsomqError): boolean => error.code === 'CONFG'`,
  ...Object.fromEntries(Object.entries(USES).map(([name, { types }]) => [`${name.split('/')[1]}.ts`, types])),
}

export const providers: readonly string[] = Object.keys(USES)
