import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

// The wrapper in /usr/sbin changes the user, which only the system's own instance may have.
const RABBITMQ = ['/usr/lib/rabbitmq/bin', '/usr/local/lib/rabbitmq/bin', '/opt/homebrew/opt/rabbitmq/sbin']
/** Servers are not on everybody's PATH. */
const PLACES = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin', '/opt/homebrew/sbin']

/** Debian's package of each server, and what of it the tests run. */
const SERVERS = {
  'redis-server': ['redis-server'],
  'mariadb-server': ['mariadbd', 'mariadb-install-db'],
  'rabbitmq-server': ['rabbitmq-server', 'epmd'],
}

/**
 * The path of a server's command on this machine, or undefined.
 *
 * @param {string} name
 */
export function findServer(name) {
  const onPath = (process.env.PATH ?? '').split(delimiter)
  const folders = name === 'rabbitmq-server' ? RABBITMQ : [...onPath, ...PLACES]
  return folders.map((folder) => join(folder, name)).find(canRun)
}

function canRun(file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The servers that this machine lacks and how to install them; undefined when it has all. */
export function missingServers() {
  const missing = Object.keys(SERVERS).filter((name) => !SERVERS[name].every(findServer))
  if (missing.length === 0) return undefined
  return `${missing.join(', ')}: \`apt-get install ${missing.join(' ')}\``
}
