import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { manifest, root } from './entries.ts'

/** Bundles code that imports `isomq…` from source, as a browser's bundler would. */
export async function bundle(code: string, options: BuildOptions = {}): Promise<string> {
  const { outputFiles } = await build({
    bundle: true,
    conditions: ['browser'],
    format: 'esm',
    legalComments: 'none',
    logLevel: 'silent',
    minify: true,
    platform: 'browser',
    stdin: { contents: code, loader: 'ts', resolveDir: root },
    target: 'es2022',
    tsconfig: join(root, 'tsconfig.json'),
    write: false,
    ...options,
  })
  return outputFiles![0]!.text
}

export const thirdParty: string[] = Object.keys(manifest.dependencies)

/** Puts a value that can be called, built and read in the place of every third-party package. */
export const withoutThirdParty: Plugin = {
  name: 'without-third-party',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: new RegExp(`^(${thirdParty.join('|')})(/|$)`) }, ({ path }) => ({
      path,
      namespace: 'none',
    }))
    onLoad({ filter: /.*/, namespace: 'none' }, () => ({
      contents:
        'module.exports = new Proxy(function () {}, { get: () => module.exports, apply: () => module.exports })',
    }))
  },
}

export const gzipSize = (code: string): number => gzipSync(code, { level: 9 }).length
