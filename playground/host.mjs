// The Worker on this machine: what Cloudflare would do, done by miniflare.
import { Miniflare } from 'miniflare'
import { bundle } from './build.mjs'

export const COMPATIBILITY_DATE = '2026-04-01'

/** Variables that name the real servers of Tamar's room "real". */
const REAL = [
  'MSG_REDIS_URL',
  'MSG_REDIS_TOKEN',
  'MSG_MYSQL_URL',
  'MSG_MYSQL_HOST',
  'MSG_MYSQL_USER',
  'MSG_MYSQL_PASSWORD',
  'MSG_RABBITMQ_URL',
  'MSG_RABBITMQ_USERNAME',
  'MSG_RABBITMQ_PASSWORD',
  'MSG_RABBITMQ_VHOST',
]

/** Those of them that an environment has; an empty one is none. */
const realServers = (env) =>
  Object.fromEntries(REAL.filter((name) => env[name]).map((name) => [name, env[name]]))

/**
 * Starts emulators and page.
 *
 * @param {object} [options]
 * @param {number} [options.port] 0, the default, takes a free one
 * @param {string} [options.host] address to listen on, by default this machine alone
 * @param {string} [options.persist] folder in which messages survive a restart; by default they do not
 * @param {Record<string, unknown>} [options.tmc] settings that each room of the TMC emulator begins with
 * @param {Record<string, unknown>} [options.prism] the same for the Prism emulator
 * @param {Record<string, unknown>} [options.tamar] the same for the Tamar emulator
 * @param {Record<string, unknown>} [options.tambur] the same for the Tambur emulator
 * @param {Record<string, unknown>} [options.webmq] the same for the WebMQ emulator
 * @param {Record<string, string | undefined>} [options.env] where `MSG_…` may name real servers for Tamar
 * @returns {Promise<{ url: string, port: number, stop(): Promise<void> }>}
 */
export async function startPlayground(options = {}) {
  const {
    port = 0,
    host = '127.0.0.1',
    persist,
    tmc = {},
    prism = {},
    tamar = {},
    tambur = {},
    webmq = {},
    env = {},
  } = options
  const script = await bundle()
  const objects = (names) =>
    Object.fromEntries(names.map(([name, className]) => [name, { className, useSQLite: true }]))
  const miniflare = new Miniflare({
    name: 'isomq-playground',
    host,
    port,
    cf: false,
    modules: [{ type: 'ESModule', path: 'worker.mjs', contents: script }],
    compatibilityDate: COMPATIBILITY_DATE,
    bindings: {
      TMC_SETTINGS: JSON.stringify(tmc),
      PRISM_SETTINGS: JSON.stringify(prism),
      TAMAR_SETTINGS: JSON.stringify(tamar),
      TAMBUR_SETTINGS: JSON.stringify(tambur),
      WEBMQ_SETTINGS: JSON.stringify(webmq),
      ...realServers(env),
    },
    durableObjects: objects([
      ['TMC_EMULATOR', 'TmcEmulator'],
      ['TMC_CONSUMER', 'TmcConsumer'],
      ['PRISM_EMULATOR', 'PrismEmulator'],
      ['PRISM_SESSIONS', 'PrismSessions'],
      ['TAMAR_EMULATOR', 'TamarEmulator'],
      ['TAMAR_DEMO', 'TamarDemo'],
      ['TAMBUR_EMULATOR', 'TamburEmulator'],
      ['WEBMQ_EMULATOR', 'WebmqEmulator'],
      ['WIRE', 'Wire'],
    ]),
    durableObjectsPersist: persist ?? false,
    queueProducers: { ORDERS: 'isomq-orders' },
    queueConsumers: { 'isomq-orders': { maxBatchSize: 50, maxBatchTimeout: 0.05 } },
    handleStructuredLogs: ({ level, message }) => {
      // A connection that is cut on purpose is reported as an uncaught error.
      if (level === 'error' && !message.includes('cut on purpose')) console.error(message)
    },
  })
  const ready = await miniflare.ready
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : ready.hostname
  return {
    url: `http://${shown}:${ready.port}`,
    port: Number(ready.port),
    stop: () => miniflare.dispose(),
  }
}
