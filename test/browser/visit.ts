import type { Browser, Locator, Page } from 'playwright-core'
import { expect } from 'vitest'

/** A visitor of the playground page, in a room of their own. */
export interface Visit {
  readonly page: Page
  readonly room: string
  /** What the browser complained about: errors of the page and of its console. */
  readonly complaints: string[]
  /** By its name in the provider's section, or in the frame around the sections. */
  part(name: string): Locator
  /** What a part says now. */
  text(name: string): Promise<string>
  click(name: string): Promise<void>
  /** Waits until a part says exactly this. */
  says(name: string, text: string | number): Promise<void>
  /** Waits until at least so many rows of the time line went exactly through these steps. */
  lived(count: number, ...steps: string[]): Promise<void>
  /** Waits until these clients together say that they have confirmed so many; gives each one's figure. */
  confirmedBy(clients: readonly ('page' | 'worker')[], total: number): Promise<number[]>
  /** The emulator's own figures, which the page has no hand in. */
  stats(): Promise<Record<string, number>>
  /** Reloads, and waits until a box is ticked that the emulator keeps. */
  reloadTicked(name: string): Promise<void>
  control(op: string, fields?: object): Promise<void>
  /** Presses Tab until a part has the focus. */
  tabTo(name: string): Promise<void>
  /** What has the focus: its name, with the provider's, and whether an outline shows it. */
  focus(): Promise<{ readonly name: string | undefined; readonly outline: string }>
  isTooWide(): Promise<boolean>
  /** Forgets that the browser itself reported requests which were refused or failed; all else stays. */
  forgive(): void
  close(): Promise<void>
}

export type Provider = 'tmc' | 'prism' | 'tamar' | 'tambur' | 'webmq'
export type Size = { readonly width: number; readonly height: number }
export const DESK: Size = { width: 1280, height: 900 }
export const PHONE: Size = { width: 360, height: 740 }

/** A message's steps when all goes well. */
export const LIVE = ['produced', 'delivered', 'handled', 'confirmed'] as const

/** Parts that no section owns. */
const FRAME = new Set(['providers', 'room', 'new-room', 'problem', 'problem-text', 'problem-close'])

let rooms = 0

export async function visit(
  browser: Browser,
  url: string,
  provider: Provider,
  size: Size = DESK,
): Promise<Visit> {
  const context = await browser.newContext({ viewport: size })
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (/error|warning/.test(message.type())) complaints.push(message.text())
  })
  const room = `visit-${++rooms}`
  const named = (name: string) => (provider === 'tmc' || FRAME.has(name) ? name : `${provider}-${name}`)
  const part = (name: string) => page.getByTestId(named(name))
  const focus = () =>
    page.evaluate(() => {
      const on = document.activeElement as HTMLElement | null
      return { name: on?.dataset.testid, outline: on ? getComputedStyle(on).outlineStyle : 'none' }
    })
  const control = `${url}/${provider}/${room}/control`

  // The first section needs no name.
  await page.goto(`${url}/?room=${room}${provider === 'tmc' ? '' : `#${provider}`}`)
  return {
    page,
    room,
    complaints,
    part,
    text: async (name) => (await part(name).textContent()) ?? '',
    click: (name) => part(name).click(),
    async says(name, text) {
      const wanted = JSON.stringify(String(text))
      // When it never says so, the error shows what it says instead.
      await page
        .locator(`[data-testid="${named(name)}"]:text-is(${wanted})`)
        .waitFor()
        .catch(async () => expect(await part(name).textContent(), name).toBe(String(text)))
    },
    async lived(count, ...steps) {
      const isSo = ({ name, count, path }: { name: string; count: number; path: string }) => {
        const rows = [...document.querySelectorAll(`[data-testid="${name}"]`)]
        const paths = rows.map((row) =>
          Array.from(row.querySelectorAll<HTMLElement>('[data-step]'), ({ dataset }) => dataset.step).join(),
        )
        return paths.filter((one) => one === path).length >= count
      }
      await page.waitForFunction(isSo, { name: named('message'), count, path: steps.join() })
    },
    async confirmedBy(clients, total) {
      const isSo = ({ clients, total }: { clients: readonly string[]; total: number }) => {
        const figures = clients.map((name) => {
          const text = document.querySelector(`[data-testid="${name}-sums"]`)?.textContent ?? ''
          return Number(/(\d+) confirmed/.exec(text)?.[1])
        })
        return figures.reduce((sum, figure) => sum + figure, 0) === total && figures
      }
      return (await page.waitForFunction(isSo, { clients, total })).jsonValue() as Promise<number[]>
    },
    stats: async () => (await (await fetch(control)).json()) as Record<string, number>,
    async reloadTicked(name) {
      await page.reload()
      await page.waitForFunction(
        (id) => document.querySelector<HTMLInputElement>(`[data-testid="${id}"]`)!.checked,
        named(name),
      )
    },
    async control(op, fields = {}) {
      const answer = await fetch(control, { method: 'POST', body: JSON.stringify({ op, ...fields }) })
      expect(answer.status).toBe(200)
    },
    async tabTo(name) {
      for (let i = 0; i < 80; i++) {
        await page.keyboard.press('Tab')
        if ((await focus()).name === named(name)) return
      }
      throw new Error(`80 times Tab did not lead to "${name}"`)
    },
    focus,
    isTooWide: () =>
      page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth),
    forgive() {
      const rest = complaints.filter(
        (text) => !/^(Failed to load resource|WebSocket connection to)/.test(text),
      )
      complaints.splice(0, complaints.length, ...rest)
    },
    close: () => context.close(),
  }
}

/**
 * At rest, page and emulator agree, and nothing is missing.
 *
 * @param counts what both say, besides that nothing waits and the page misses nothing
 * @param kept what the emulator alone says
 * @param figures what the page says as the emulator does, whatever that is
 */
export async function atRest(
  one: Visit,
  counts: Readonly<Record<string, number>>,
  kept: Readonly<Record<string, number>>,
  figures: readonly string[],
): Promise<void> {
  const both = { ...counts, waiting: 0 }
  for (const [name, count] of Object.entries({ ...both, lost: 0 })) await one.says(`count-${name}`, count)
  const stats = await one.stats()
  expect(stats).toMatchObject({ ...both, ...kept })
  for (const figure of figures) await one.says(`count-${figure}`, stats[figure]!)
}
