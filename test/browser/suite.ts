import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import { type Playground, startPlayground } from '../../playground/host.mjs'
import { findChromium } from '../runtimes/chromium.mjs'
import { type Provider, type Size, type Visit, visit } from './visit.ts'

const executablePath = findChromium()
const isMissing = executablePath === undefined || !existsSync(executablePath)
const isSkipped = isMissing && process.env.ISOMQ_REQUIRE !== 'all'

/** Lets a visitor into the page. */
export type Enter = (size?: Size) => Promise<Visit>

/** Tests of a provider's section, in a browser and with a playground of their own. */
export function describePage(
  provider: Provider,
  settings: Parameters<typeof startPlayground>[0],
  tests: (enter: Enter) => void,
): void {
  const why = isSkipped ? ' (skipped: there is no Chromium; set CHROMIUM to the path of one)' : ''
  describe.skipIf(isSkipped)(`the page of ${provider}${why}`, () => {
    let playground: Playground
    let browser: Browser
    let open: Visit[] = []

    beforeAll(async () => {
      if (isMissing) throw new Error('there is no Chromium; set CHROMIUM to the path of one')
      playground = await startPlayground(settings)
      browser = await chromium.launch({ executablePath })
    })
    afterAll(async () => {
      await browser?.close()
      await playground?.stop()
    })
    afterEach(async () => {
      const visits = open
      open = []
      for (const { complaints } of visits) expect(complaints).toEqual([])
      for (const one of visits) await one.close()
    })

    tests(async (size) => {
      const entered = await visit(browser, playground.url, provider, size)
      open.push(entered)
      return entered
    })
  })
}
