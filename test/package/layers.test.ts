import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { entries, manifest, root } from './entries.ts'

const src = join(root, 'src')
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
const posix = (file: string): string => file.replaceAll('\\', '/')

/** `core`, a provider, or nothing for the files at the top, which only re-export. */
const layerOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '')

/** Where a third-party package may be used; one without a line may be used by no file. */
const HOME: Readonly<Record<string, RegExp>> = {
  '@planetscale/database': /^tamar\/planetscale\.ts$/,
  '@upstash/redis': /^tamar\/upstash\.ts$/,
  isows: /^core\/socket\.ts$/,
  mitt: /^core\/emitter\.ts$/,
  valibot: /\//,
}
/** The files that may touch the network and the time. */
const EDGE = /^core\/(http|socket|clock)\.ts$/
const TIMERS = [
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'queueMicrotask',
]
const NETWORK = ['fetch', 'WebSocket', 'XMLHttpRequest', 'EventSource']
const NODE = ['Buffer', 'process', 'require', 'module', '__dirname', '__filename', 'global']

const program = ts.createProgram(
  files.map((file) => join(src, file)),
  {
    ...ts.parseJsonConfigFileContent(
      ts.readConfigFile(join(src, 'tsconfig.json'), ts.sys.readFile).config,
      ts.sys,
      src,
    ).options,
  },
)
const checker = program.getTypeChecker()

/** Globals that the code of a file uses; types, own names and members of other objects do not count. */
function globalsOf(file: string): Set<string> {
  const found = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return
    if (ts.isIdentifier(node) && isGlobal(node)) found.add(node.text)
    // A cast hides from the type checker what is taken from globalThis.
    if (ts.isPropertyAccessExpression(node) && /^\(?globalThis\b/.test(node.getText()))
      found.add(node.name.text)
    ts.forEachChild(node, visit)
  }
  visit(program.getSourceFile(join(src, file))!)
  return found
}

function isGlobal(node: ts.Identifier): boolean {
  const symbol = checker.getSymbolAtLocation(node)
  // Not declared anywhere means a global that these types do not know, such as Node's.
  if (symbol === undefined || checker.isUndefinedSymbol(symbol)) return NODE.includes(node.text)
  return (symbol.declarations ?? []).some(
    (declared) =>
      /\/typescript\/lib\/lib\./.test(posix(declared.getSourceFile().fileName)) && !isMember(declared),
  )
}

const isMember = (declared: ts.Declaration): boolean =>
  ts.isInterfaceDeclaration(declared.parent) || ts.isTypeLiteralNode(declared.parent)

const importsOf = (file: string): string[] =>
  ts
    .preProcessFile(readFileSync(join(src, file), 'utf8'), true, true)
    .importedFiles.map(({ fileName }) => fileName)

/** A relative import as a path below src, a package by its name. */
function target(file: string, specifier: string): { readonly inside?: string; readonly thirdParty?: string } {
  if (specifier.startsWith('.')) return { inside: posix(relative(src, join(src, dirname(file), specifier))) }
  return { thirdParty: /^(@[^/]+\/)?[^/]+/.exec(specifier)![0] }
}

describe.each(files.map(posix))('src/%s', (file) => {
  const targets = importsOf(file).map((specifier) => target(file, specifier))
  const layer = layerOf(file)

  test('imports only what lies below it', () => {
    const inside = targets.flatMap(({ inside }) => inside ?? [])
    if (layer !== '') expect(inside.filter((path) => ![layer, 'core'].includes(layerOf(path)))).toEqual([])
    expect(inside.filter((path) => !path.endsWith('.ts') || path.startsWith('..'))).toEqual([])
  })

  test('imports third-party code only where it is at home', () => {
    const packages = targets.flatMap(({ thirdParty }) => thirdParty ?? [])
    const declared = { ...manifest.dependencies, ...manifest.peerDependencies }
    expect(packages.filter((name) => !HOME[name]?.test(file) || !(name in declared))).toEqual([])
  })

  test('touches only what it may of the world', () => {
    const forbidden = [
      ...NODE,
      'console',
      'XMLHttpRequest',
      ...(EDGE.test(file) ? [] : [...TIMERS, ...NETWORK]),
    ]
    const used = globalsOf(file)
    expect(forbidden.filter((name) => used.has(name))).toEqual([])
  })
})

test('the files at the top of src only re-export', () => {
  for (const file of files.filter((name) => layerOf(posix(name)) === '')) {
    const { statements } = program.getSourceFile(join(src, file))!
    expect(statements.every(ts.isExportDeclaration), file).toBe(true)
  }
})

test('every entry has its file', () => {
  for (const { source } of entries) expect(files.map((file) => join(src, file))).toContain(source)
})
