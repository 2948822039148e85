import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findServer } from './binaries.mjs'
import { guarded } from './guard.ts'
import { freePorts } from './ports.ts'
import { type Server, start, temporary } from './server.ts'

export interface RabbitPorts {
  readonly amqp: number
  /** The HTTP API. */
  readonly management: number
  /** Web STOMP, at the path `/ws`. */
  readonly stomp: number
}

export interface RabbitMq extends Server {
  readonly ports: RabbitPorts
}

/** The one user of a new RabbitMQ. */
export const GUEST = { username: 'guest', password: 'guest' } as const

/** A private RabbitMQ with its HTTP API and Web STOMP. It takes some 8 s to start: have one per run. */
export async function startRabbitMq(): Promise<RabbitMq> {
  const [amqp, management, stomp, plainStomp, dist, epmd] = (await freePorts(6)) as Six
  const folder = temporary('rabbitmq')
  const file = (name: string, ...lines: string[]): string => {
    writeFileSync(join(folder, name), `${lines.join('\n')}\n`)
    return join(folder, name)
  }
  file(
    'rabbitmq.conf',
    `listeners.tcp.1 = 127.0.0.1:${amqp}`,
    'management.tcp.ip = 127.0.0.1',
    `management.tcp.port = ${management}`,
    'management.cors.allow_origins.1 = *',
    `stomp.listeners.tcp.1 = 127.0.0.1:${plainStomp}`,
    'web_stomp.tcp.ip = 127.0.0.1',
    `web_stomp.tcp.port = ${stomp}`,
    // A reply that is not UTF-8 would kill a socket with text frames.
    'web_stomp.ws_frame = binary',
    'log.console = true',
    'log.file = false',
  )
  const release = guarded({ epmd })
  const server = await start({
    name: 'RabbitMQ',
    command: findServer('rabbitmq-server')!,
    args: [],
    env: {
      HOME: folder,
      RABBITMQ_NODENAME: `t${process.pid}_${amqp}@localhost`,
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq'),
      RABBITMQ_ENABLED_PLUGINS_FILE: file('plugins', '[rabbitmq_management,rabbitmq_web_stomp].'),
      RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_PID_FILE: join(folder, 'pid'),
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      RABBITMQ_FEATURE_FLAGS_FILE: join(folder, 'flags'),
      RABBITMQ_DIST_PORT: String(dist),
      ERL_EPMD_PORT: String(epmd),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_EPMD_RELAXED_COMMAND_CHECK: '1',
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    },
    ready: /Server startup complete/,
    folder,
    clean: () => {
      spawnSync('epmd', ['-port', String(epmd), '-kill'], { stdio: 'ignore', timeout: 5_000 })
      release()
    },
  })
  return { ports: { amqp, management, stomp }, ...server }
}

type Six = [number, number, number, number, number, number]
