/**
 * Every provider of isomq, tree-shakable. A program that uses one imports its entry, such as `isomq/tmc`.
 *
 * @module
 */
export * from './errors.ts'
export * from './tmc/index.ts'
