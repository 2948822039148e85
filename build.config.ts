import { defineBuildConfig } from 'unbuild'

/** One line for each entry of `exports` in package.json: its name there, and its file in src. */
const entries = {
  index: 'index',
  errors: 'errors',
  tmc: 'tmc/index',
  prism: 'prism/index',
  tamar: 'tamar/index',
  'tamar/planetscale': 'tamar/planetscale',
  'tamar/rabbitmq': 'tamar/rabbitmq',
  'tamar/upstash': 'tamar/upstash',
  tambur: 'tambur/index',
  webmq: 'webmq/index',
}

export default defineBuildConfig({
  entries: Object.entries(entries).map(([name, file]) => ({ name, input: `src/${file}` })),
  declaration: 'node16',
  failOnWarn: true,
  rollup: { emitCJS: false, esbuild: { target: 'es2022' } },
})
