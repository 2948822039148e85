export default { name: 'workerd', projects: ['workerd', 'workerd-2026-03'] }
