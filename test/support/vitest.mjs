import { randomUUID } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from './process.mjs'

/**
 * Runs projects of vitest.config.ts and counts.
 *
 * @param {object} what
 * @param {string[]} what.projects their names
 * @param {string[]} [what.command] what runs JavaScript, by default this Node
 * @param {Record<string, string>} [what.env]
 * @param {number} [what.patience] milliseconds that it may take, by default 15 minutes
 * @param {string[]} what.filters for vitest: files, or -t and a name
 * @returns {Promise<{ passed: number, failed: number, skipped: string[], output: string }>}
 */
export async function vitest({ projects, command = [process.execPath], env, patience, filters }) {
  const report = join(tmpdir(), `isomq-vitest-${randomUUID()}.json`)
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=minimal', '--reporter=json']
  args.push(`--outputFile.json=${report}`, ...projects.map((name) => `--project=${name}`), ...filters)
  if (filters.length > 0) args.push('--passWithNoTests')
  try {
    const { code, output } = await run([...command, ...args], env, patience)
    return { ...count(report, code, byName(filters)), output }
  } finally {
    rmSync(report, { force: true })
  }
}

const byName = (filters) => filters.some((filter) => /^(-t|--testNamePattern)\b/.test(filter))

function count(report, code, named) {
  let files = []
  try {
    files = JSON.parse(readFileSync(report, 'utf8')).testResults
  } catch {
    // It ended before it could write one; its code tells.
  }
  const tests = files.flatMap(({ assertionResults }) => assertionResults)
  const passed = tests.filter(({ status }) => status === 'passed').length
  const failures = tests.filter(({ status }) => status === 'failed').length
  // Files that cannot be loaded have no tests.
  const broken = files.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
  ).length
  // Neither have rejections that nobody handles.
  const failed = Math.max(failures + broken, code === 0 ? 0 : 1)
  const left = tests.filter(({ status }) => status !== 'passed' && status !== 'failed')
  // A filter by name leaves out all others on purpose.
  return { passed, failed, skipped: named ? [] : left.map(({ fullName }) => fullName) }
}
