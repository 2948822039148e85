import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const PEERS = ['js-md5@0.9.2', 'ali-topsdk@2.0.5']
const folder = join(process.cwd(), 'node_modules', '.cache', 'isomq-peers')

/**
 * The folder of the libraries that isomq is compared with, installed on first use: only the bench needs them.
 * `undefined` when the registry cannot be reached.
 */
export function peers(): string | undefined {
  if (PEERS.every(installed)) return folder
  console.log(`Installing the peers (${PEERS.join(', ')}) …`)
  try {
    mkdirSync(folder, { recursive: true })
    // A manifest of its own, or npm would look for one further up.
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
    const args = ['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
    const options = { stdio: 'inherit', shell: process.platform === 'win32' } as const
    execFileSync('npm', [...args, '--prefix', folder, ...PEERS], options)
    return folder
  } catch {
    console.log('The peers could not be installed: the comparisons with them are left out.')
    return undefined
  }
}

function installed(peer: string): boolean {
  const at = peer.lastIndexOf('@')
  return existsSync(join(folder, 'node_modules', peer.slice(0, at), 'package.json'))
}

/** Loads a package or a file of one, as seen by the peer `as`. */
export function requirePeer<T>(from: string, as: string, path: string): T {
  return createRequire(join(from, 'node_modules', as, 'package.json'))(path) as T
}
