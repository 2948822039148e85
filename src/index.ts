/**
 * Every provider of isomq, tree-shakable. A program that uses one imports its entry, such as `isomq/tmc`.
 *
 * @module
 */
export * from './errors.ts'
export * from './prism/index.ts'
export * from './tamar/index.ts'
export * from './tambur/index.ts'
export * from './tmc/index.ts'
export * from './webmq/index.ts'
