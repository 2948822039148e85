import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import ts from 'typescript'
import { expect, inject, test } from 'vitest'

const { compilerOptions } = JSON.parse(readFileSync('tsconfig.json', 'utf8')) as {
  compilerOptions: { paths: Readonly<Record<string, readonly [string]>> }
}
/** `isomq/…` are the sources, as the compiler sees them. */
const alias = Object.fromEntries(
  Object.entries(compilerOptions.paths)
    .filter(([name]) => name.includes('/'))
    .map(([name, [file]]) => [name, file]),
)

const FOLDER = 'node_modules/.cache/isomq/readme'
const text = readFileSync('README.md', 'utf8')
const blocksIn = (language: string): string[] =>
  [...text.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, code]) => code!)
const blocks = blocksIn('ts')

/** The block as it stands, but for the emulator's address, and in a room of its own. */
const placed = (code: string, number: number): string => {
  const { host } = new URL(inject('playground'))
  return code
    .replaceAll(/127\.0\.0\.1:8787\/(\w+)\//g, `${host}/$1/readme-${number}/`)
    .replaceAll('127.0.0.1:8787', host)
    .replaceAll("isomq-app',\n", `readme-${number}',\n`)
}

test('the README has examples', () => {
  expect(blocks.length).toBeGreaterThanOrEqual(5)
})

test('the first example of the README has ten lines between its import and its end', () => {
  const lines = blocks[0]!
    .trim()
    .split('\n')
    .filter((line) => line !== '')
  expect(lines.length).toBeLessThanOrEqual(11)
})

test('the examples of the README have no mistake in their types', { timeout: 60_000 }, () => {
  mkdirSync(FOLDER, { recursive: true })
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, process.cwd())
  const files = blocks.map((code, i) => {
    const file = `${FOLDER}/types-${i + 1}.ts`
    writeFileSync(file, code)
    return file
  })
  const program = ts.createProgram(files, { ...options, paths: config.compilerOptions.paths })
  const mistakes = ts.getPreEmitDiagnostics(program)
  expect(
    mistakes.map(({ file, messageText }) => [
      file?.fileName,
      ts.flattenDiagnosticMessageText(messageText, ' '),
    ]),
  ).toEqual([])
})

test.each(blocks.map((code, i) => [i + 1, code] as const))(
  'example %i of the README runs',
  async (number, code) => {
    mkdirSync(FOLDER, { recursive: true })
    const source = `${FOLDER}/${number}.ts`
    writeFileSync(source, placed(code, number))
    const outfile = `${FOLDER}/${number}.mjs`
    await build({
      entryPoints: [source],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'es2022',
      packages: 'external',
      tsconfig: 'tsconfig.json',
      alias,
    })
    // A process that does not end by itself is an error, too.
    const { stderr } = await promisify(execFile)(process.execPath, [outfile], { timeout: 30_000 })
    expect(stderr).toBe('')
  },
  60_000,
)

test.each(blocksIn('js').map((code, i) => [i + 1, code] as const))(
  'example %i in plain JavaScript imports what is there',
  async (number, code) => {
    const folder = `${FOLDER}/js-${number}`
    mkdirSync(folder, { recursive: true })
    // It needs servers to run; the driver that it names is another example.
    const driver = blocks.filter((one) => /^export const mysqlStore\b/m.test(one))
    expect(driver).toHaveLength(1)
    writeFileSync(`${folder}/mysql-store.ts`, driver[0]!)
    writeFileSync(`${folder}/app.js`, code)
    const { warnings } = await build({
      entryPoints: [`${folder}/app.js`],
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      target: 'es2022',
      packages: 'external',
      tsconfig: 'tsconfig.json',
      alias,
    })
    expect(warnings).toEqual([])
  },
)
