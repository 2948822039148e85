// `npm test`: every check of this repository. Needs nothing but Node.
import { parseArgs } from 'node:util'
import { install } from './support/install.mjs'
import { root } from './support/process.mjs'

const HELP = `Usage: npm test -- [--only STEP,…] [-t NAME] [FILE…]

  --only STEP,…   only these steps: types lint build node bun deno workerd chromium package
                  services page
  -t NAME         only tests whose name matches
  FILE…           only test files whose path contains one of these, such as test/tmc

What this machine lacks is skipped; ISOMQ_REQUIRE=all turns a skip into a failure.`

function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        only: { type: 'string', multiple: true, default: [] },
        testNamePattern: { type: 'string', short: 't' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    const { only, testNamePattern: name, help } = values
    const filters = name === undefined ? positionals : [...positionals, `--testNamePattern=${name}`]
    return { only: only.flatMap((names) => names.split(',')).filter(Boolean), filters, help }
  } catch (error) {
    console.error(`${error.message}\n\n${HELP}`)
    process.exit(2)
  }
}

const { only, filters, help } = options()
if (help) {
  console.log(HELP)
  process.exit(0)
}

const startedAt = performance.now()
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`
const strict = process.env.ISOMQ_REQUIRE === 'all'
const total = { passed: 0, failed: 0, skipped: 0 }

install(root)
// What is needed to choose the steps may have been installed just now.
const { steps } = await import('./support/steps.mjs')
const unknown = only.filter((name) => !steps.some((step) => step.name === name))
if (unknown.length > 0) {
  console.error(
    `There is no step ${unknown.join(', ')}; there are: ${steps.map(({ name }) => name).join(' ')}`,
  )
  process.exit(2)
}

for (const step of steps) {
  if (only.length > 0 && !only.includes(step.name)) continue
  const missing = step.missing?.()
  const hint = missing === undefined ? step.hint?.() : undefined
  process.stdout.write(`${step.name.padEnd(9)} ${step.what} … `)
  if (missing !== undefined) {
    total[strict ? 'failed' : 'skipped']++
    console.log(`${strict ? 'FAILED' : 'skipped'}, since this machine lacks ${missing}`)
    continue
  }
  const since = performance.now()
  const { passed, failed, skipped, output } = await step.run(filters)
  const wrong = failed + (strict ? skipped.length : 0)
  total.passed += passed
  total.failed += wrong
  total.skipped += strict ? 0 : skipped.length
  const left = strict || skipped.length === 0 ? '' : `, ${skipped.length} skipped`
  console.log(`${wrong > 0 ? `FAILED: ${wrong} failed, ` : ''}${passed} passed${left} (${seconds(since)})`)
  if (failed > 0) console.log(`${output.trimEnd()}\n`)
  if (hint !== undefined) console.log(`  this machine lacks ${hint}`)
  for (const name of skipped) console.log(`  skipped: ${name}`)
}

const nothing = total.passed + total.failed + total.skipped === 0
if (nothing) console.log(`No test matches ${filters.join(' ')}`)
console.log(`\nTook ${seconds(startedAt)}.`)
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
process.exitCode = total.failed > 0 || nothing ? 1 : 0
