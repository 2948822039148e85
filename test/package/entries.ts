import { readFileSync } from 'node:fs'
import { join } from 'node:path'

// Tests and tools are started in the folder of the package.
export const root: string = process.cwd()

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly dependencies: Readonly<Record<string, string>>
  /** Each is needed by the users of one driver. */
  readonly peerDependencies: Readonly<Record<string, string>>
}
export const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

const { compilerOptions } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')) as {
  compilerOptions: { paths: Readonly<Record<string, readonly string[]>> }
}

export interface Entry {
  /** As a user imports it, such as `isomq/tmc`. */
  readonly name: string
  /** Its file in src. */
  readonly source: string
}

/** What package.json exports; a new entry is checked everywhere without being named again. */
export const entries: readonly Entry[] = Object.keys(manifest.exports)
  .filter((key) => key !== './package.json')
  .map((key) => {
    const name = `isomq${key.slice(1)}`
    const [source] = compilerOptions.paths[name] ?? []
    if (source === undefined) throw new Error(`${name} is exported, but tsconfig.json has no path for it`)
    return { name, source: join(root, source) }
  })
