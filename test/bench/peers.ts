import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

// prism-js asks for MD5 without naming it among its dependencies.
const PEERS = ['js-md5@0.9.2', 'ali-topsdk@2.0.5', 'prism-js@1.0.0', 'MD5@1.3.0', 'oauth-1.0a@2.2.6']
// wamp1 is the one client on npm that speaks version 1; fox-wamp is a router of version 2.
const WAMP = ['wampy@8.0.2', 'autobahn@26.3.1', 'wamp1@0.0.3', 'fox-wamp@0.7.28']
const STOMP = ['@stomp/stompjs@7.5.0']
// The other end of Tamar, by drivers that speak the servers' own protocols.
const SERVICES = ['redis@6.3.1', 'mysql2@3.24.6', 'amqplib@2.3.1']

/**
 * The folder of the libraries that isomq is compared with, installed on first use: only the bench needs them.
 * `undefined` when the registry cannot be reached.
 */
export const peers = (): string | undefined => install('isomq-peers', PEERS)

/** The same for those that speak WAMP. */
export const wampPeers = (): string | undefined => install('isomq-wamp-peers', WAMP)

/** The same for those that speak to Redis, MySQL and RabbitMQ. */
export const servicePeers = (): string | undefined => install('isomq-service-peers', SERVICES)

/** The same for one that speaks STOMP. */
export const stompPeers = (): string | undefined => install('isomq-stomp-peers', STOMP)

function install(name: string, packages: readonly string[]): string | undefined {
  const folder = join(process.cwd(), 'node_modules', '.cache', name)
  const lock = `${folder}.lock`
  while (!taken(lock)) pause(100)
  try {
    if (packages.every((one) => installed(folder, one))) return folder
    console.error(`Installing the peers (${packages.join(', ')}) …`)
    mkdirSync(folder, { recursive: true })
    // A manifest of its own, or npm would look for one further up.
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
    const args = ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
    const options = { stdio: 'inherit', shell: process.platform === 'win32' } as const
    execFileSync('npm', [...args, '--prefix', folder, ...packages], options)
    return folder
  } catch {
    console.log('The peers could not be installed: the comparisons with them are left out.')
    return undefined
  } finally {
    rmSync(lock, { recursive: true, force: true })
  }
}

const MINUTE = 60_000

/** Test files run side by side, and npm must not install the same twice at once. */
function taken(lock: string): boolean {
  mkdirSync(dirname(lock), { recursive: true })
  try {
    mkdirSync(lock)
    return true
  } catch {
    // Left behind by a run that was ended, it is in nobody's hands.
    const { mtimeMs } = statSync(lock, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() }
    if (Date.now() - mtimeMs > 5 * MINUTE) rmSync(lock, { recursive: true, force: true })
    return false
  }
}

/** Stands still. */
export const pause = (ms: number): unknown => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

function installed(folder: string, peer: string): boolean {
  const at = peer.lastIndexOf('@')
  return existsSync(join(folder, 'node_modules', peer.slice(0, at), 'package.json'))
}

/** Loads a package or a file of one, as seen by the peer `as`. */
export function requirePeer<T>(from: string, as: string, path: string): T {
  return createRequire(join(from, 'node_modules', as, 'package.json'))(path) as T
}
