import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type BuildOptions, build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { budgets } from './budgets.ts'
import { entries } from './entries.ts'
import { measureAll, type Size } from './size.ts'
import { createProject, type Project } from './tarball.ts'
import { program, providers, type Report, typed } from './user.ts'

let project: Project
beforeAll(() => {
  project = createProject()
  project.write('program.mjs', `${program}\nconsole.log(JSON.stringify(report))`)
}, 120_000)
afterAll(() => project?.remove())

function check({ exports, same }: Report): void {
  expect(same).toEqual(Object.fromEntries(providers.map((name) => [name, true])))
  expect(Object.keys(exports)).toEqual(entries.map(({ name }) => name))
  const { isomq, ...others } = exports
  // The drivers of one provider, such as isomq/tamar/upstash, are not for everybody.
  const single = Object.fromEntries(Object.entries(others).filter(([name]) => !/\/.*\//.test(name)))
  expect(isomq).toEqual([...new Set(Object.values(single).flat())].sort())
}

describe('the packed tarball', () => {
  test('has nothing that publint would say about', async () => {
    const { messages, pkg } = await publint({ pkgDir: project.installed, pack: false, strict: true })
    expect(messages.map((message) => formatMessage(message, pkg!))).toEqual([])
  })

  test('has types that resolve as its code does', { timeout: 60_000 }, () => {
    // It exits with 1 on a problem, and `run` throws.
    expect(project.run('attw', [project.tarball, '--profile', 'esm-only', '--no-emoji'])).toContain(
      'OK (ESM)',
    )
  })

  test('keeps the doc comments, which editors show', () => {
    const types = readFileSync(join(project.installed, 'dist', 'errors.d.mts'), 'utf8')
    expect(types).toContain('/** The one error class of isomq.')
  })

  test('holds no sources and no tests', () => {
    const files = project.run('node', [
      '-p',
      `require('fs').readdirSync(${JSON.stringify(project.installed)}).join()`,
    ])
    expect(files.trim().split(',').sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'dist',
      'package.json',
    ])
  })
})

describe('what a user of the package downloads', () => {
  let sizes: Size[]
  beforeAll(async () => {
    sizes = await measureAll(project.folder)
  })

  test('grows beyond no budget, and no further beyond one', () => {
    const most = ({ today, most = Number.POSITIVE_INFINITY }: Size) => today ?? most
    const tooLarge = sizes.filter((one) => !(one.size <= most(one)))
    expect(tooLarge.map((one) => `${one.name}: ${one.size} > ${most(one)}`)).toEqual([])
    expect(sizes.filter(({ size, own }) => own === 0 || own > size)).toEqual([])
  })

  // Not reached yet: see the changelog. One that is reached fails here, and loses its `today`.
  test.each(budgets.filter(({ today }) => today !== undefined))(
    'of $name is within its budget',
    { fails: true },
    ({ name }) => {
      expect(sizes.find((one) => one.name === name)!.over).toBe(false)
    },
  )
})

describe('every entry can be imported, and an IsomqError is one across entries', () => {
  test.each([
    ['node', ['program.mjs']],
    ['deno', ['run', '--no-prompt', '--no-lock', '--node-modules-dir=manual', '--allow-read', 'program.mjs']],
    ['bun', ['program.mjs']],
  ])('in %s', { timeout: 60_000 }, (tool, args) => {
    check(JSON.parse(project.run(tool, args)))
  })

  test.each<[string, BuildOptions]>([
    [
      'browsers',
      { platform: 'browser', conditions: ['browser'], format: 'esm', outExtension: { '.js': '.mjs' } },
    ],
    ['Node', { platform: 'node', format: 'cjs', outExtension: { '.js': '.cjs' } }],
  ])('bundled by esbuild for %s', async (name, options) => {
    const outdir = join(project.folder, 'out', name)
    await build({
      entryPoints: [join(project.folder, 'program.mjs')],
      bundle: true,
      outdir,
      logLevel: 'silent',
      ...options,
    })
    check(JSON.parse(project.run('node', [join(outdir, `program${options.outExtension!['.js']}`)])))
  })

  test.each([[[]], [['nodejs_compat']]])(
    'in a Worker with the flags %j',
    { timeout: 60_000 },
    async (flags) => {
      const contents = `${program}\nexport default { fetch: () => Response.json(report) }`
      const { outputFiles } = await build({
        stdin: { contents, resolveDir: project.folder },
        bundle: true,
        conditions: ['workerd', 'worker', 'browser'],
        format: 'esm',
        logLevel: 'silent',
        write: false,
      })
      const worker = new Miniflare({
        cf: false,
        compatibilityDate: '2026-03-01',
        compatibilityFlags: flags,
        // Named, since what is not installed is still imported on demand.
        modules: [{ type: 'ESModule', path: 'worker.mjs', contents: outputFiles[0]!.text }],
      })
      try {
        check((await (await worker.dispatchFetch('http://localhost/')).json()) as Report)
      } finally {
        await worker.dispose()
      }
    },
  )
})

describe("TypeScript accepts a user's code", () => {
  test.each([
    ['nodenext', 'nodenext'],
    ['bundler', 'esnext'],
  ])('with moduleResolution %s', { timeout: 60_000 }, (moduleResolution, module) => {
    for (const [file, text] of Object.entries(typed)) project.write(join('types', file), text)
    const compilerOptions = {
      lib: ['es2023', 'esnext.disposable', 'dom'],
      module,
      moduleResolution,
      noEmit: true,
      skipLibCheck: false,
      strict: true,
      target: 'es2022',
      types: [],
    }
    project.write('types/tsconfig.json', JSON.stringify({ compilerOptions, include: ['.'] }))
    expect(project.run('tsc', ['-p', 'types'])).toBe('')
  })
})
