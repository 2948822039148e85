import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** The code of a Worker as one module, with isomq's sources in it. */
export async function workerScript(contents: string): Promise<string> {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const { outputFiles } = await build({
    absWorkingDir: root,
    bundle: true,
    conditions: ['workerd', 'worker', 'browser'],
    format: 'esm',
    logLevel: 'error',
    stdin: { contents, resolveDir: root, loader: 'ts' },
    target: 'es2022',
    tsconfig: 'tsconfig.json',
    write: false,
  })
  return outputFiles[0]!.text
}
