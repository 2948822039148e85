#!/usr/bin/env node
// `npm start`: emulators and page on one port. Needs nothing but Node; installs what is missing.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const HELP = `Usage: npm start -- [--port N] [--host ADDRESS] [--persist FOLDER]
       npm run emulators -- [the same]

  --port N          port to listen on; by default 8787 or the next free one
  --host ADDRESS    address to listen on (127.0.0.1)
  --persist FOLDER  keep messages there; by default they are gone at the end
  --emulators       only the emulators, with the timing of the real services

With MSG_REDIS_URL, MSG_REDIS_TOKEN, MSG_MYSQL_URL (or MSG_MYSQL_HOST), MSG_MYSQL_USER,
MSG_MYSQL_PASSWORD, MSG_RABBITMQ_URL (ws or wss), MSG_RABBITMQ_USERNAME, MSG_RABBITMQ_PASSWORD
and perhaps MSG_RABBITMQ_VHOST set, Tamar's room "real" works with those servers: its gateway, to
which users connect at /tamar/real/user?id=ID, and its page, /?room=real#tamar, with the Worker
that sends. The exchange must be there.`

function options() {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string' },
        host: { type: 'string', default: '127.0.0.1' },
        persist: { type: 'string' },
        emulators: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.port !== undefined && !(/^\d{1,5}$/.test(values.port) && Number(values.port) < 65536))
      throw new Error('--port takes a number from 0 to 65535')
    return values
  } catch (error) {
    fail(`${error.message}\n\n${HELP}`)
  }
}

function fail(text) {
  console.error(text)
  process.exit(1)
}

/** Gives 0, or why the port cannot be had. */
const blocked = (port, host) =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', ({ code }) => resolve(code))
    server.listen(port, host, () => server.close(() => resolve(0)))
  })

async function findPort(wanted, host) {
  if (wanted !== undefined) {
    const why = await blocked(Number(wanted), host)
    if (why) fail(`Port ${wanted} of ${host} cannot be used (${why}). Give another with --port, or none.`)
    return Number(wanted)
  }
  for (let port = 8787; port < 8887; port++) {
    const why = await blocked(port, host)
    if (!why) return port
    if (why !== 'EADDRINUSE') fail(`Cannot listen on ${host} (${why}). Give another address with --host.`)
    console.log(`Port ${port} is taken, trying ${port + 1}.`)
  }
  return 0
}

function install() {
  if (existsSync(new URL('../node_modules/miniflare', import.meta.url))) return
  console.log('Installing what is needed (once, about a minute) …')
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (status !== 0) fail('The installation failed; see above. `npm ci` tries it again.')
}

/** What there is of Tamar on real servers, or why there is nothing. */
async function realLines({ url }, emulators) {
  const { realRoom, problem } = await (await fetch(`${url}/tamar-demo/default/servers`)).json()
  if (realRoom === undefined) return []
  if (problem !== undefined) return [`  on your servers  not possible: ${problem}`]
  const user = `${url.replace(/^http/, 'ws')}/tamar/${realRoom}/user?id=ID`
  return emulators
    ? [`  on your servers  ${user}`]
    : [`  on your servers  ${url}/?room=${realRoom}#tamar`, `                   ${user}`]
}

async function banner(playground, emulators) {
  const { url } = playground
  const socket = url.replace(/^http/, 'ws')
  const lines = emulators ? [] : [`Page               ${url}/`, '']
  lines.push(
    'Taobao TMC',
    `  WebSocket        ${socket}/            (room of its own: ${socket}/tmc/ROOM/)`,
    `  HTTP gateway     ${url}/router/rest    (${url}/tmc/ROOM/router/rest)`,
    `  control          ${url}/tmc/control    (${url}/tmc/ROOM/control)`,
    '  app key          12345678',
    '  app secret       isomq-secret',
    '  group            default',
    '',
    'ShopEx Prism',
    `  base URL         ${url}/prism/api      (room of its own: ${url}/prism/ROOM/api)`,
    `  notify socket    ${socket}/prism/api/platform/notify`,
    `  OAuth site       ${url}/prism/oauth/authorize`,
    `  control          ${url}/prism/control  (${url}/prism/ROOM/control)`,
    '  key              isomq-key',
    '  secret           isomq-prism-secret',
    '',
    'Tamar',
    `  Redis (Upstash)  ${url}/tamar/redis    (room of its own: ${url}/tamar/ROOM/redis)`,
    '  token            isomq-tamar-token',
    `  MySQL            ${url.replace('//', '//isomq:isomq-tamar-mysql@')}   (PlanetScale; a room of its own is the user ROOM)`,
    `  RabbitMQ         ${socket}/tamar/ws        (Web STOMP; ${socket}/tamar/ROOM/ws)`,
    `  its HTTP API     ${url}/tamar/api      (${url}/tamar/ROOM/api)`,
    '  user, password   isomq / isomq-tamar-rabbit',
    `  a user's socket  ${socket}/tamar/user?id=ID`,
    `  control          ${url}/tamar/control  (${url}/tamar/ROOM/control)`,
    ...(await realLines(playground, emulators)),
    '',
    'Tambur.io',
    `  balancer, API    ${new URL(url).host}`,
    '  app id           isomq-app                            (any other is a room of its own)',
    `  socket           ${socket}/tambur/socket   (${socket}/tambur/APP_ID/socket)`,
    `  control          ${url}/tambur/control (${url}/tambur/APP_ID/control)`,
    '  api key          30af96de47e3c58329045ff136a4a3ea',
    '  secret           isomq-tambur-secret',
    '',
    'WebMQ and Crossbar.io',
    `  push             ${url}/webmq/push     (room of its own: ${url}/webmq/ROOM/push)`,
    `  HTTP bridge      ${url}/webmq/publish and ${url}/webmq/call`,
    `  WAMP 1 and 2     ${socket}/webmq/ws         (realm realm1)`,
    `  control          ${url}/webmq/control  (${url}/webmq/ROOM/control)`,
    '  key              isomq-app',
    '  secret           isomq-webmq-secret',
    '  users            isomq-user / isomq-user-secret, isomq-salted / isomq-salted-secret,',
    '                   isomq-ticket / isomq-ticket-secret (a ticket, WAMP 2 alone)',
    '',
    'A message to receive:',
    `  curl -d '{"op":"produce","count":1}' ${url}/tmc/control`,
    `  curl -d '{"op":"produce","count":1}' ${url}/prism/control`,
    `  curl -d '{"op":"publish","stream":"demo"}' ${url}/tambur/control`,
    `  curl -d '{"op":"publish","topic":"com.example.topic"}' ${url}/webmq/control`,
    '',
    'Ctrl-C ends it.',
  )
  console.log(lines.join('\n'))
}

const { port, host, persist, emulators, help } = options()
if (help) {
  console.log(HELP)
  process.exit(0)
}
const free = await findPort(port, host)
install()
const { startPlayground } = await import('./host.mjs')
// In the page nobody wants to wait five minutes for a message to come again.
const tmc = emulators ? {} : { redeliverAfter: 3000, confirmTimeout: 20_000 }
const playground = await startPlayground({ port: free, host, persist, tmc, env: process.env })
await banner(playground, emulators)

let ending = false
async function end() {
  // Under npm a Ctrl-C comes twice: from the terminal and from npm.
  if (ending) return
  ending = true
  setTimeout(() => process.exit(1), 5000).unref()
  await playground.stop()
  process.exit(0)
}
for (const signal of ['SIGINT', 'SIGTERM']) {
  // Miniflare's own listener would end the process before the runtime has stopped.
  process.removeAllListeners(signal)
  process.on(signal, end)
}
// npm's shell keeps a SIGTERM to itself: that it is gone is what arrives here.
const parent = process.ppid
if (process.env.npm_lifecycle_event) setInterval(() => process.ppid === parent || end(), 500).unref()
