import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { manifest, root } from './entries.ts'

/** Bundles code as for a browser; it imports `isomq…` from source, or from where it is installed in `folder`. */
export async function bundle(
  code: string,
  options: BuildOptions = {},
  folder: string = root,
): Promise<string> {
  const { outputFiles } = await build({
    bundle: true,
    conditions: ['browser'],
    format: 'esm',
    legalComments: 'none',
    logLevel: 'silent',
    minify: true,
    platform: 'browser',
    stdin: { contents: code, loader: 'js', resolveDir: folder },
    target: 'es2022',
    ...(folder === root ? { tsconfig: join(root, 'tsconfig.json') } : { tsconfigRaw: {} }),
    write: false,
    ...options,
  })
  return outputFiles![0]!.text
}

export const thirdParty: string[] = [
  ...Object.keys(manifest.dependencies),
  ...Object.keys(manifest.peerDependencies),
]

/** What is only loaded when it is used. */
export const drivers: string[] = ['*/chunks/drivers.mjs']

// `getPrototypeOf` since a namespace import of a CommonJS module reads what was not copied from its prototype.
const ANYTHING = `module.exports = new Proxy(function () {}, {
  get: () => module.exports,
  apply: () => module.exports,
  getPrototypeOf: () => module.exports,
})`

/** Puts a value that can be called and read in the place of every third-party package. */
export const withoutThirdParty: Plugin = {
  name: 'without-third-party',
  setup({ onResolve, onLoad }) {
    const filter = new RegExp(`^(${thirdParty.join('|')})(/|$)`)
    onResolve({ filter }, ({ path }) => ({ path, namespace: 'none' }))
    onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: ANYTHING }))
  },
}

export const gzipSize = (code: string): number => gzipSync(code, { level: 9 }).length
