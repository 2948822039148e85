// npm run services: real servers for Tamar, private ones, until Ctrl-C; prints what `fromEnv` reads to reach them.
import { amqpPeer, declare } from './amqp.ts'
import { missingServers } from './binaries.mjs'
import { folder } from './peers.ts'
import { DATABASE, startPlanetScaleProxy } from './planetscale-proxy.ts'
import { GUEST } from './rabbitmq.ts'
import { type Stack, startStack } from './stack.ts'
import { startUpstashProxy } from './upstash-proxy.ts'

/** The gateway's, that of the playground among them. */
const QUEUE = 'ws.message.direct.queue'
/** How long the servers may take to end, in milliseconds. */
const PATIENCE = 10_000

function fail(text: string): never {
  console.error(text)
  process.exit(1)
}

async function declareOnce(port: number): Promise<void> {
  const connection = await amqpPeer(port)
  await declare(await connection.createConfirmChannel(), QUEUE)
  await connection.close()
}

async function open({ redis, mysql, rabbit }: Stack) {
  await declareOnce(rabbit.ports.amqp)
  const [upstash, planetscale] = [await startUpstashProxy(redis), await startPlanetScaleProxy(mysql)]
  const { amqp, stomp, management } = rabbit.ports
  const lines = [
    '# Redis, as Upstash is reached',
    `MSG_REDIS_URL=${upstash.url}`,
    `MSG_REDIS_TOKEN=${upstash.token}`,
    '# MariaDB, as PlanetScale is reached; there is the table push_messages',
    `MSG_MYSQL_URL=${planetscale.url}`,
    `MSG_MYSQL_USER=${planetscale.username}`,
    `MSG_MYSQL_PASSWORD=${planetscale.password}`,
    `# RabbitMQ by Web STOMP; by its HTTP API: MSG_RABBITMQ_URL=http://127.0.0.1:${management}`,
    `MSG_RABBITMQ_URL=ws://127.0.0.1:${stomp}/ws`,
    `MSG_RABBITMQ_USERNAME=${GUEST.username}`,
    `MSG_RABBITMQ_PASSWORD=${GUEST.password}`,
    '',
    '# The same servers by their own protocols:',
    `#   redis://127.0.0.1:${redis.port}`,
    `#   mysql://root@127.0.0.1:${mysql.port}/${DATABASE}`,
    `#   amqp://${GUEST.username}:${GUEST.password}@127.0.0.1:${amqp}   messages wait in the queue ${QUEUE}`,
    '',
    '# Ctrl-C ends it.',
  ]
  return { lines, close: () => Promise.all([upstash.close(), planetscale.close()]) }
}

const missing = missingServers()
if (missing !== undefined) fail(`This machine lacks ${missing}`)
if (folder === undefined) fail('The drivers could not be installed: is the registry of npm within reach?')

console.error('Starting Redis, MariaDB and RabbitMQ …')
const stack = await startStack()
let fronts: Awaited<ReturnType<typeof open>> | undefined
try {
  fronts = await open(stack)
} catch (error) {
  await stack.stop()
  fail(`What stands in front of the servers did not start: ${(error as Error).message}`)
}
console.log(fronts.lines.join('\n'))

let ending = false
async function end(): Promise<void> {
  // Under npm a Ctrl-C comes twice: from the terminal and from npm.
  if (ending) return
  ending = true
  setTimeout(() => process.exit(1), PATIENCE).unref()
  await fronts!.close()
  await stack.stop()
  process.exit(0)
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // What runs tools ends them at once; here there is something to stop first.
  process.removeAllListeners(signal)
  process.on(signal, end)
}
// npm's shell keeps a SIGTERM to itself: that it is gone is what arrives here.
const parent = process.ppid
if (process.env.npm_lifecycle_event) setInterval(() => process.ppid === parent || end(), 500).unref()
