// Bundles page and Worker: in memory for `npm start` and the tests, into playground/.build for wrangler.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))
// In a folder of its own: wrangler takes what lies beside it for further modules.
const WORKER = at('./.build/worker/worker.mjs')

const common = {
  bundle: true,
  write: false,
  format: 'esm',
  target: 'es2022',
  logLevel: 'warning',
  legalComments: 'none',
}

const textOf = async (options) => (await build({ ...common, ...options })).outputFiles[0].text

/** `import script from 'page:script'` gives the page's bundle as text. */
const pageScript = {
  name: 'page',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^page:script$/ }, ({ path }) => ({ path, namespace: 'page' }))
    onLoad({ filter: /.*/, namespace: 'page' }, async () => ({
      contents: await textOf({ entryPoints: [at('./page/main.ts')], conditions: ['browser'], minify: true }),
      loader: 'text',
    }))
  },
}

/** The Worker, page and all, as one module. */
export function bundle() {
  return textOf({
    entryPoints: [at('./worker.ts')],
    platform: 'neutral',
    mainFields: ['module', 'main'],
    // Without these isows would bring the `ws` package for Node.
    conditions: ['workerd', 'worker', 'browser', 'import'],
    loader: { '.html': 'text', '.css': 'text' },
    external: ['cloudflare:*', 'node:*'],
    plugins: [pageScript],
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(dirname(WORKER), { recursive: true })
  writeFileSync(WORKER, await bundle())
}
