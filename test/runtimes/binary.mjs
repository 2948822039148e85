import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The command of an npm package of this repository, or the one on the PATH; undefined when none starts. */
export function findBinary(name) {
  const own = fileURLToPath(new URL(`../../node_modules/.bin/${name}`, import.meta.url))
  return [own, name].find(
    (command) =>
      (command === name || existsSync(command)) &&
      spawnSync(command, ['--version'], { stdio: 'ignore', timeout: 30_000 }).status === 0,
  )
}
