// node test/tool.mjs FILE.ts [args…]: runs a TypeScript file of this repository on a plain Node.
import { execSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const modules = join(root, 'node_modules')
const [file, ...args] = process.argv.slice(2)

if (file === undefined) {
  console.error('Which file? node test/tool.mjs FILE.ts [args…]')
  process.exit(2)
}
if (!existsSync(join(modules, 'esbuild'))) {
  console.error('Dependencies are missing: npm ci …')
  execSync('npm ci', { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
}

const entry = resolve(file)
// The bundle lies below node_modules, so that it finds the packages that it imports.
const folder = join(modules, '.cache', 'isomq')
const bundle = join(folder, `${basename(entry).replace(/\.\w+$/, '')}-${process.pid}.mjs`)
mkdirSync(folder, { recursive: true })
process.on('exit', () => {
  rmSync(bundle, { force: true })
  rmSync(`${bundle}.map`, { force: true })
})
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130))

const { build } = await import('esbuild')
await build({
  absWorkingDir: root,
  bundle: true,
  entryPoints: [entry],
  format: 'esm',
  logLevel: 'error',
  outfile: bundle,
  packages: 'external',
  platform: 'node',
  sourcemap: true,
  target: 'node20',
  tsconfig: join(root, 'tsconfig.json'),
}).catch(() => process.exit(1))

process.setSourceMapsEnabled(true)
process.argv = [process.argv[0], entry, ...args]
await import(pathToFileURL(bundle).href)
