import { findBinary } from './binary.mjs'

const command = findBinary('bun')

export default {
  name: 'bun',
  projects: ['portable'],
  command: [command],
  missing: () => (command ? undefined : 'Bun: `npm ci` with install scripts allowed, or https://bun.com'),
}
