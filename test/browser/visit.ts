import type { Browser, Locator, Page } from 'playwright-core'
import { expect } from 'vitest'

/** A visitor of the playground page, in a room of their own. */
export interface Visit {
  readonly page: Page
  readonly room: string
  /** What the browser complained about: errors of the page and of its console. */
  readonly complaints: string[]
  part(name: string): Locator
  click(name: string): Promise<void>
  /** Waits until a part says exactly this. */
  says(name: string, text: string | number): Promise<void>
  /** Waits until at least so many rows of the time line went exactly through these steps. */
  lived(count: number, ...steps: string[]): Promise<void>
  /** Waits until these clients together say that they have confirmed so many; gives each one's figure. */
  confirmedBy(clients: readonly ('page' | 'worker')[], total: number): Promise<number[]>
  /** The emulator's own figures, which the page has no hand in. */
  stats(): Promise<Record<string, number>>
  control(op: string, fields?: object): Promise<void>
  /** Presses Tab until a part has the focus. */
  tabTo(name: string): Promise<void>
  close(): Promise<void>
}

let rooms = 0

export async function visit(
  browser: Browser,
  url: string,
  size = { width: 1280, height: 900 },
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
  const part = (name: string) => page.getByTestId(name)
  const control = `${url}/tmc/${room}/control`

  await page.goto(`${url}/?room=${room}`)
  return {
    page,
    room,
    complaints,
    part,
    click: (name) => part(name).click(),
    async says(name, text) {
      const wanted = JSON.stringify(String(text))
      // When it never says so, the error shows what it says instead.
      await page
        .locator(`[data-testid="${name}"]:text-is(${wanted})`)
        .waitFor()
        .catch(async () => expect(await part(name).textContent(), name).toBe(String(text)))
    },
    async lived(count, ...steps) {
      const isSo = ({ count, path }: { count: number; path: string }) => {
        const rows = [...document.querySelectorAll('[data-testid="message"]')]
        const paths = rows.map((row) =>
          Array.from(row.querySelectorAll<HTMLElement>('[data-step]'), ({ dataset }) => dataset.step).join(),
        )
        return paths.filter((one) => one === path).length >= count
      }
      await page.waitForFunction(isSo, { count, path: steps.join() })
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
    async control(op, fields = {}) {
      const answer = await fetch(control, { method: 'POST', body: JSON.stringify({ op, ...fields }) })
      expect(answer.status).toBe(200)
    },
    async tabTo(name) {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press('Tab')
        const focus = await page.evaluate(
          () => (document.activeElement as HTMLElement | null)?.dataset.testid,
        )
        if (focus === name) return
      }
      throw new Error(`60 times Tab did not lead to "${name}"`)
    },
    close: () => context.close(),
  }
}
