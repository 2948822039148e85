import { spawnSync } from 'node:child_process'
import bun from '../runtimes/bun.mjs'
import chromium from '../runtimes/chromium.mjs'
import deno from '../runtimes/deno.mjs'
import node from '../runtimes/node.mjs'
import workerd from '../runtimes/workerd.mjs'
import { missingServers } from '../services/binaries.mjs'
import { run } from './process.mjs'
import { vitest } from './vitest.mjs'

/** A check that is one command for everything, so that a filter of tests leaves it out. */
const tool = (name, what, ...commands) => ({
  name,
  what,
  async run(filters) {
    if (filters.length > 0) return { passed: 0, failed: 0, skipped: [], output: '' }
    let output = ''
    for (const [file, ...args] of commands) {
      const result = await run([process.execPath, `node_modules/${file}`, ...args])
      output += result.output
      if (result.code !== 0) return { passed: 0, failed: 1, skipped: [], output }
    }
    return { passed: 1, failed: 0, skipped: [], output }
  },
})

const suite = ({ name, what, missing, hint, ...runner }) => ({
  name,
  what,
  missing,
  hint,
  run: (filters) => vitest({ ...runner, filters }),
})

function noPython() {
  if (spawnSync('python3', ['--version'], { stdio: 'ignore' }).status === 0) return undefined
  return 'Python, for a client of the emulator: `apt-get install python3`'
}

/** All of `npm test`, in order: what fails fast comes first. */
export const steps = [
  tool(
    'types',
    'TypeScript',
    ['typescript/bin/tsc', '--noEmit'],
    ['typescript/bin/tsc', '--noEmit', '-p', 'src'],
  ),
  tool('lint', 'Biome', ['@biomejs/biome/bin/biome', 'check', '.', '--max-diagnostics=10']),
  tool('build', 'unbuild', ['unbuild/dist/cli.mjs']),
  suite({ ...node, what: 'the suite, and what needs Node', hint: noPython }),
  suite({ ...bun, what: 'the suite in Bun' }),
  suite({ ...deno, what: 'the suite in Deno' }),
  suite({ ...workerd, what: 'the suite in Workers' }),
  suite({ ...chromium, what: 'the suite in a browser' }),
  suite({ name: 'package', what: 'the packed tarball, sizes, imports', projects: ['package'] }),
  suite({
    name: 'services',
    what: 'the real servers: Redis, MariaDB, RabbitMQ',
    projects: ['services'],
    // RabbitMQ starts three times, and a busy machine takes half a minute for each.
    patience: 10 * 60_000,
    missing: missingServers,
  }),
  suite({
    name: 'page',
    what: 'the playground in a browser',
    projects: ['page'],
    missing: chromium.missing,
  }),
]
