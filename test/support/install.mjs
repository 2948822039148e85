import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Installs what package-lock.json names, when it is not there yet. */
export function install(root) {
  const why = reason(root)
  if (why === undefined) return
  console.log(`${why}: npm ci … (about a minute)`)
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error('npm ci failed; see above')
}

function reason(root) {
  const lock = join(root, 'package-lock.json')
  // npm notes here what it has installed.
  const installed = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(installed)) return 'Dependencies are missing'
  // A checkout gives files new dates: what they say decides.
  if (statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return undefined
  return sameVersions(packagesOf(lock), packagesOf(installed)) ? undefined : 'package-lock.json is newer'
}

const packagesOf = (file) => JSON.parse(readFileSync(file, 'utf8')).packages ?? {}

/** Optional packages of other systems are in the one file only. */
const sameVersions = (wanted, found) =>
  Object.entries(wanted).every(([path, { version, optional }]) =>
    path === '' || (optional && !found[path]) ? true : found[path]?.version === version,
  )
