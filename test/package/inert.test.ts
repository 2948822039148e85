import { createContext, runInContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { bundle, withoutThirdParty } from './bundle.ts'
import { entries } from './entries.ts'

const PAGE = [
  'window',
  'document',
  'navigator',
  'location',
  'self',
  'addEventListener',
  'XMLHttpRequest',
  'global',
]
// What the language itself brings is in every context, bare ones too.
const language = new Set<string>(runInContext('Object.getOwnPropertyNames(globalThis)', createContext({})))
const platform = [
  ...new Set([...Object.getOwnPropertyNames(globalThis), ...PAGE, 'WebSocket', 'require']),
].filter((name) => !language.has(name))

interface Loaded {
  readonly exports: Readonly<Record<string, unknown>>
  readonly touched: string[]
  readonly added: string[]
}

/** Runs a script where nothing but the language exists, and notes which globals it looks at or adds. */
function load(code: string): Loaded {
  const touched: string[] = []
  const context: Record<string, unknown> = {}
  for (const name of platform) {
    const get = () => void touched.push(name)
    Object.defineProperty(context, name, { get, configurable: true, enumerable: false })
  }
  createContext(context)
  runInContext(code, context)
  const { isomq, ...added } = context
  return { exports: isomq as Loaded['exports'], touched, added: Object.keys(added) }
}

const script = (entry: string, plugins = [withoutThirdParty]): Promise<string> =>
  bundle(`export * from '${entry}'`, { format: 'iife', globalName: 'isomq', minify: false, plugins })

test('the bare context has neither page nor Node nor network', () => {
  const wanted = [
    'window',
    'document',
    'process',
    'Buffer',
    'WebSocket',
    'fetch',
    'TextEncoder',
    'setTimeout',
  ]
  expect(platform).toEqual(expect.arrayContaining(wanted))
  expect(load('var isomq = {}; setTimeout; leak = 1')).toMatchObject({
    touched: ['setTimeout'],
    added: ['leak'],
  })
})

describe.each(entries)('importing $name', ({ name }) => {
  test('works where nothing but the language exists', async () => {
    const { exports } = load(await script(name, []))
    expect(Object.keys(exports).length).toBeGreaterThan(0)
    expect(exports.IsomqError ?? Function).toBeTypeOf('function')
  })

  test('looks at no global, and adds none', async () => {
    const { touched, added } = load(await script(name))
    expect(touched).toEqual([])
    expect(added).toEqual([])
  })
})
