import { findBinary } from './binary.mjs'

const command = findBinary('bun')

export default {
  name: 'bun',
  projects: ['portable'],
  env: { ISOMQ_RUNTIME: 'bun' },
  command: [command],
  missing: () => (command ? undefined : 'Bun: `npm ci` with install scripts allowed, or https://bun.com'),
}
