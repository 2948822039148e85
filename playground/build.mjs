// Bundles page and Worker into playground/.build; run by `npm start` and by wrangler.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))
// In a folder of its own: wrangler takes what lies beside it for further modules.
export const WORKER = at('./.build/worker/worker.mjs')

const common = { bundle: true, format: 'esm', target: 'es2022', logLevel: 'warning', legalComments: 'none' }

export async function bundle() {
  mkdirSync(at('./.build'), { recursive: true })
  const page = at('./page/main.ts')
  const script = at('./.build/page.js.txt')
  if (existsSync(page)) {
    await build({ ...common, entryPoints: [page], outfile: script, conditions: ['browser'], minify: true })
  } else {
    writeFileSync(script, '')
  }
  await build({
    ...common,
    entryPoints: [at('./worker.ts')],
    outfile: WORKER,
    platform: 'neutral',
    mainFields: ['module', 'main'],
    // Without these isows would bring the `ws` package for Node.
    conditions: ['workerd', 'worker', 'browser', 'import'],
    loader: { '.html': 'text', '.css': 'text', '.txt': 'text' },
    external: ['cloudflare:*', 'node:*'],
  })
  return WORKER
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle()
