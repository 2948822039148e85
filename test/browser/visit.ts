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
  /** Rows of the time line whose life went exactly through these steps, the newest first. */
  lives(...steps: string[]): Promise<number>
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
      const exactly = page.locator(`[data-testid="${name}"]`).getByText(String(text), { exact: true })
      const itself = page.locator(`[data-testid="${name}"]:text-is(${JSON.stringify(String(text))})`)
      await exactly
        .or(itself)
        .first()
        .waitFor()
        .catch(async () => {
          expect(await part(name).textContent(), name).toBe(String(text))
        })
    },
    async lives(...steps) {
      const rows = await part('message').evaluateAll((items) =>
        items.map((item) =>
          Array.from(item.querySelectorAll<HTMLElement>('[data-step]'), (s) => s.dataset.step).join(),
        ),
      )
      return rows.filter((row) => row === steps.join()).length
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
