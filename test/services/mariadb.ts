import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findServer } from './binaries.mjs'
import { freePorts } from './ports.ts'
import { type Server, start, temporary } from './server.ts'

export interface MariaDb extends Server {
  readonly port: number
}

/**
 * A private MariaDB, with the user `root` and no password.
 *
 * @param zone the server's time zone, `+09:00`, or a name as the system knows it
 */
export async function startMariaDb(zone = '+00:00'): Promise<MariaDb> {
  // Names it has none of its own, before somebody loads them; the system's zone may be any.
  const byName = /^[a-z]/i.test(zone)
  const [port] = await freePorts(1)
  const folder = temporary('mariadb')
  const common = ['--no-defaults', `--datadir=${join(folder, 'data')}`, '--user=root', '--skip-name-resolve']
  try {
    await promisify(execFile)(findServer('mariadb-install-db')!, [
      ...common,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
    ])
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    throw error
  }
  const server = await start({
    name: 'MariaDB',
    command: findServer('mariadbd')!,
    args: [
      ...common,
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(folder, 's')}`,
      `--pid-file=${join(folder, 'pid')}`,
      `--default-time-zone=${byName ? 'SYSTEM' : zone}`,
    ],
    ...(byName && { env: { TZ: zone } }),
    ready: /ready for connections/,
    folder,
  })
  return { port: port!, ...server }
}
