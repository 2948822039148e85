import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Playground, startPlayground } from '../../playground/host.mjs'
import { findChromium } from '../runtimes/chromium.mjs'
import { type Visit, visit } from './visit.ts'

const LIVE = ['produced', 'delivered', 'handled', 'confirmed'] as const
const PHONE = { width: 360, height: 740 }

const executablePath = findChromium()
const isMissing = executablePath === undefined || !existsSync(executablePath)
const isSkipped = isMissing && process.env.ISOMQ_REQUIRE !== 'all'
const name = isSkipped
  ? 'the page (skipped: there is no Chromium; set CHROMIUM to the path of one)'
  : 'the page'

describe.skipIf(isSkipped)(name, () => {
  let playground: Playground
  let browser: Browser
  let open: Visit[] = []

  beforeAll(async () => {
    if (isMissing) throw new Error('there is no Chromium; set CHROMIUM to the path of one')
    // Slow enough to be seen, quick enough to be waited for.
    playground = await startPlayground({ tmc: { redeliverAfter: 500, confirmTimeout: 20_000 } })
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

  async function enter(size?: typeof PHONE): Promise<Visit> {
    const entered = await visit(browser, playground.url, size)
    open.push(entered)
    return entered
  }

  /** At rest, page and emulator agree, and nothing is missing. */
  async function nothingLost(one: Visit, messages: number): Promise<void> {
    await one.says('count-confirmed', messages)
    await one.says('count-waiting', 0)
    await one.says('count-published', messages)
    await one.says('count-lost', 0)
    const stats = await one.stats()
    expect(stats).toMatchObject({ published: messages, confirmed: messages, waiting: 0, unconfirmed: 0 })
    for (const figure of ['delivered', 'redelivered', 'failed']) {
      await one.says(`count-${figure}`, stats[figure]!)
    }
  }

  test('shows each message from production to confirmation', async () => {
    const one = await enter()
    await one.says('page-state', 'idle')
    await one.click('produce-10')
    await nothingLost(one, 10)
    await one.says('page-state', 'open')
    await one.says('said', 'The page’s client has produced 10 messages.')
    await one.lived(10, ...LIVE)
    expect(await one.part('count-round-trip').textContent()).toMatch(/^\d+ ms$/)
    await one.confirmedBy(['page'], 10)
  })

  test('sends what was typed', async () => {
    const one = await enter()
    await one.part('topic').fill('taobao_item_ItemUpdate')
    await one.part('content').fill('{"n":{n}}')
    await one.part('via').selectOption('server')
    await one.click('produce-1')
    await one.says('count-waiting', 1)
    await one.part('message').getByText('taobao_item_ItemUpdate').waitFor()
    await one.part('message').getByText('waiting with the server').waitFor()
    await one.click('page-toggle')
    await nothingLost(one, 1)
  })

  test('loses nothing when the connection breaks in the middle', async () => {
    const one = await enter()
    await one.click('page-toggle')
    await one.says('page-state', 'open')
    await one.part('page-slow').check()
    await one.part('via').selectOption('server')
    await one.click('produce-100')
    await one.says('count-delivered', 100)
    await one.click('page-break')
    await one.says('said', 'The page’s connection was broken.')
    await one.part('page-slow').uncheck()
    await one.says('count-reconnects', 1)
    await one.says('page-state', 'open')
    await nothingLost(one, 100)
    expect((await one.stats()).redelivered).toBeGreaterThan(0)
    await one.confirmedBy(['page'], 100)
    await one.lived(1, 'produced', 'delivered', 'lost', 'delivered', 'handled', 'confirmed')
    expect(await one.part('log').textContent()).toContain('open → reconnecting')
  })

  test('shows a handler that fails, and its message come again', async () => {
    const one = await enter()
    await one.click('page-fail')
    await one.part('page-fail').getByText('(1 to come)').waitFor()
    await one.click('produce-1')
    await nothingLost(one, 1)
    await one.says('count-failed', 1)
    await one.says('count-redelivered', 1)
    await one.lived(1, 'produced', 'delivered', 'failed', 'delivered', 'handled', 'confirmed')
    expect(await one.part('log').textContent()).toContain('the handler failed on request')
    await one.click('produce-10')
    await nothingLost(one, 11)
    await one.part('only-again').check()
    expect(await one.part('message').filter({ visible: true }).count()).toBe(1)
  })

  test('shows a refused sign-in, after which the client can be started again', async () => {
    const one = await enter()
    await one.click('refuse')
    await one.part('refuse').getByText('(1 to come)').waitFor()
    await one.click('page-toggle')
    await one.says('page-state', 'closed')
    await one.part('problem').getByText('refused the sign-in (42 forbidden request)').waitFor()
    await one.part('log').getByText('refused a sign-in: forbidden request (42)').waitFor()
    await one.click('problem-close')
    await one.part('problem').waitFor({ state: 'hidden' })
    await one.click('page-toggle')
    await one.says('page-state', 'open')
    await one.click('page-toggle')
    await one.says('page-state', 'closed')
    await one.click('produce-1')
    await one.part('problem').getByText('1 of 1 produce() calls failed').waitFor()
  })

  test('shares the messages with the client in the Worker, which recovers, too', async () => {
    const one = await enter()
    for (const who of ['page', 'worker']) {
      await one.click(`${who}-toggle`)
      await one.says(`${who}-state`, 'open')
    }
    await one.click('produce-100')
    await nothingLost(one, 100)
    const [page, worker] = await one.confirmedBy(['page', 'worker'], 100)
    expect(Math.min(page!, worker!)).toBeGreaterThan(0)

    await one.click('page-toggle')
    await one.says('page-state', 'closed')
    await one.click('worker-fail')
    await one.part('worker-fail').getByText('(1 to come)').waitFor()
    await one.part('via').selectOption('server')
    await one.click('produce-10')
    await nothingLost(one, 110)
    await one.says('count-failed', 1)
    await one.click('worker-break')
    await one.says('count-reconnects', 1)
    await one.click('produce-10')
    await nothingLost(one, 120)
    await one.confirmedBy(['worker'], worker! + 20)
    await one.click('worker-toggle')
    await one.says('worker-state', 'closed')
  })

  test('keeps a bounded number of rows', async () => {
    const one = await enter()
    await one.part('via').selectOption('server')
    for (let sent = 100; sent <= 300; sent += 100) {
      await one.click('produce-100')
      await one.says('count-waiting', sent)
    }
    await one.click('page-toggle')
    await nothingLost(one, 300)
    expect(await one.part('message').count()).toBe(200)
    await one.lived(200, ...LIVE)
  })

  test('keeps its room over a reload, with what waits there', async () => {
    const one = await enter()
    await one.part('via').selectOption('server')
    await one.click('produce-10')
    await one.says('count-waiting', 10)
    await one.page.reload()
    await one.says('room', one.room)
    await one.says('count-waiting', 10)
    await one.click('page-toggle')
    await nothingLost(one, 10)
    await one.click('new-room')
    await one.says('count-published', 0)
    expect(new URL(one.page.url()).searchParams.get('room')).not.toBe(one.room)
  })

  test('makes messages of its room come again soon, and can reset everything', async () => {
    const one = await enter()
    await one.control('settings', { redeliverAfter: 300_000 })
    await one.click('produce-1')
    await nothingLost(one, 1)
    await one.page.getByText('What is guaranteed, and what you see').click()
    await one.says('redeliver-after', 'after 3 s')
    await one.click('reset')
    await one.says('count-published', 0)
    await one.says('page-state', 'idle')
    expect(await one.part('message').count()).toBe(0)
    await one.click('produce-1')
    await nothingLost(one, 1)
  })

  test('says so when the server does not answer, until it does', async () => {
    const one = await enter()
    await one.says('count-published', 0)
    await one.page.route('**/control', (route) => route.abort())
    await one.click('refuse')
    await one.part('problem').waitFor()
    await one.click('problem-close')
    await one.click('page-toggle')
    await one.part('problem').getByText('does not answer').waitFor()
    await one.page.unroute('**/control')
    await one.part('via').selectOption('server')
    await one.click('produce-1')
    await one.part('problem').waitFor({ state: 'hidden' })
    await nothingLost(one, 1)
    // The browser itself reports requests that fail.
    expect(one.complaints.every((text) => text.includes('net::ERR_FAILED'))).toBe(true)
    one.complaints.length = 0
  })

  test('can be used with the keyboard alone', async () => {
    const one = await enter()
    const { keyboard } = one.page
    await one.tabTo('page-toggle')
    const outline = await one.page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle)
    expect(outline).toBe('solid')
    await keyboard.press('Enter')
    await one.says('page-state', 'open')
    await one.tabTo('page-fail')
    await keyboard.press('Space')
    await one.tabTo('content')
    await keyboard.press('ControlOrMeta+a')
    await keyboard.type('typed {n}')
    await one.tabTo('produce-10')
    await keyboard.press('Enter')
    await nothingLost(one, 10)
    await one.says('count-failed', 1)
    await one.tabTo('only-again')
    await keyboard.press('Space')
    expect(await one.part('message').filter({ visible: true }).count()).toBe(1)
  })

  test('fits a narrow phone', async () => {
    const one = await enter(PHONE)
    const isTooWide = () =>
      one.page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)
    expect(await isTooWide()).toBe(false)
    await one.part('topic').fill('a_topic_without_any_blank_'.repeat(4))
    await one.click('page-fail')
    await one.click('produce-10')
    await nothingLost(one, 10)
    await one.click('refuse')
    await one.click('page-break')
    await one.part('problem').getByText('refused the sign-in').waitFor()
    expect(await isTooWide()).toBe(false)
  })
})
