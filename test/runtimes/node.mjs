export default { name: 'node', projects: ['portable', 'node'] }
