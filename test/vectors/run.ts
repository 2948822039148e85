import { BadCase, Differences, type Fields, isFields } from './compare.ts'
import { md5 } from './md5.ts'
import { prism } from './prism.ts'
import { tambur } from './tambur.ts'
import { tmc } from './tmc.ts'
import { webmq } from './webmq.ts'

export interface VectorCase {
  readonly name: string
  readonly input: Fields
  readonly expected: Fields
}

export interface VectorSet {
  readonly provider: string
  readonly cases: readonly VectorCase[]
}

/** Does what the input asks for with the public API, and notes where the outcome differs. */
export type Judge = (input: Fields, expected: Fields, differences: Differences) => void | Promise<void>

/** By provider, then by `op`. A new provider adds its file here. */
const JUDGES: Readonly<Record<string, Readonly<Record<string, Judge>>>> = { md5, prism, tambur, tmc, webmq }

/** What is wrong with the outcome of a case; nothing when it passes. What nobody can judge fails. */
export async function runCase({ provider }: VectorSet, { input, expected }: VectorCase): Promise<string[]> {
  const judges = Object.hasOwn(JUDGES, provider) ? JUDGES[provider]! : undefined
  if (judges === undefined) return [`the provider ${JSON.stringify(provider)} is not supported yet`]
  const { op } = input
  if (typeof op !== 'string' || !Object.hasOwn(judges, op))
    return [`the op ${JSON.stringify(op)} of ${provider} is not supported`]
  const differences = new Differences()
  if (Object.keys(expected).length === 0) differences.add('nothing is expected')
  try {
    await judges[op]!(input, expected, differences)
  } catch (error) {
    const wrong = error instanceof BadCase ? 'the case is malformed' : 'threw'
    differences.add(`${wrong}: ${error instanceof Error ? error.message : error}`)
  }
  return differences.found
}

/**
 * Takes parsed JSON for a set of vectors.
 *
 * @throws Error that says what it lacks
 */
export function readSet(data: unknown): VectorSet {
  if (!isFields(data)) throw new Error('not an object')
  const { provider, cases } = data
  if (typeof provider !== 'string') throw new Error('no "provider"')
  if (!Array.isArray(cases) || cases.length === 0) throw new Error('no "cases"')
  return { provider, cases: cases.map(readCase) }
}

function readCase(given: unknown, index: number): VectorCase {
  const { name, input, expected } = isFields(given) ? given : {}
  const title = typeof name === 'string' ? name : `case ${index + 1}`
  // A case without input or expectation stays, so that it is counted as a failure.
  return { name: title, input: isFields(input) ? input : {}, expected: isFields(expected) ? expected : {} }
}
