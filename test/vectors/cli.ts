// npm run vectors -- FILE…: holds the public API to golden vectors.
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { readSet, runCase, type VectorSet } from './run.ts'

const files = process.argv.slice(2)
if (files.length === 0) {
  console.error('Which files? npm run vectors -- FILE…')
  process.exit(2)
}

let passed = 0
let failed = 0

function fail(title: string, reasons: readonly string[]): void {
  failed++
  console.log([`✗ ${title}`, ...reasons.map((reason) => `    ${reason}`)].join('\n'))
}

/** npm runs scripts in the folder of the package; the file may be named from where npm was started. */
const locate = (file: string): string => (existsSync(file) ? file : resolve(process.env.INIT_CWD ?? '', file))

function read(file: string): VectorSet | undefined {
  try {
    return readSet(JSON.parse(readFileSync(locate(file), 'utf8')))
  } catch (error) {
    fail(file, [`cannot be read as vectors: ${error instanceof Error ? error.message : error}`])
    return undefined
  }
}

for (const file of files) {
  const set = read(file)
  for (const vector of set?.cases ?? []) {
    const differences = await runCase(set!, vector)
    if (differences.length > 0) fail(`${file}: ${vector.name}`, differences)
    else passed++
  }
}

console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
