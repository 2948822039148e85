import { findBinary } from './binary.mjs'

const command = findBinary('deno')

export default {
  name: 'deno',
  projects: ['portable'],
  env: { ISOMQ_RUNTIME: 'deno' },
  command: [command, 'run', '--allow-all', '--no-prompt', '--no-lock', '--node-modules-dir=manual'],
  missing: () => (command ? undefined : 'Deno: `npm ci` with install scripts allowed, or https://deno.com'),
}
