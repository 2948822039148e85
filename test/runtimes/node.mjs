export default {
  name: 'node',
  projects: ['portable', 'node'],
  env: { ISOMQ_RUNTIME: 'node' },
}
