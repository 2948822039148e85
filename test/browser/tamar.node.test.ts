import { expect, test } from 'vitest'
import { describePage } from './suite.ts'
import { atRest, fill, go, news, rows, send } from './tamar.ts'
import { got, received } from './twins.ts'
import { PHONE } from './visit.ts'

const SECRETS = ['isomq-tamar-token', 'isomq-tamar-mysql', 'isomq-tamar-rabbit']

const HOUR = 3_600_000

// What comes again does so where a test wants it, however slow the machine is.
describePage('tamar', { tamar: { redeliverAfter: HOUR } }, (enter) => {
  test('sends each kind to a user who is online', async () => {
    const one = await enter()
    await one.says('worker-state', 'idle')
    await one.click('enter')
    for (const user of ['alice', 'bob']) await one.says(`${user}-state`, 'online')
    await send(one, 'realtime')
    await got(one, 'alice', 'realtime', 1)
    await send(one, 'reliable')
    await got(one, 'alice', 'reliable', 1)
    await send(one, 'reliable', { to: 'bob', count: 10 })
    await got(one, 'bob', 'reliable', 10)
    await one.says('worker-state', 'open')

    await send(one, 'command')
    await got(one, 'alice', 'command', 1)
    expect(await one.text('said')).toBe('The Worker sends 1 command message to Alice, and waits.')
    await one.part('alice-inbox').getByText('acked · until').waitFor()
    await one.part('alice-answer').fill('{"shipped":[1,2]}')
    await one.part('alice-inbox').getByRole('button', { name: 'Answer' }).click()
    await one.part('log').getByText('{"shipped":[1,2]}').waitFor()
    expect(await one.text('log')).toMatch(/Alice answered after [\d.]+ m?s: {"shipped":\[1,2\]}/)
    expect(await one.text('said')).toMatch(/^Alice answered {"shipped":\[1,2\]} after [\d.]+ m?s\.$/)

    await atRest(one, 12, { realtime: 1, gone: 0, acked: 12, 'timed-out': 0 })
    expect(await received(one, 'alice')).toEqual([
      'realtime: {"news":1}',
      'reliable: #1 {"news":2}',
      'command: #2 "confirm" {"news":13}',
    ])
    const ten = Array.from({ length: 10 }, (_, i) => `reliable: #${i + 1} {"news":${i + 3}}`)
    expect(await received(one, 'bob')).toEqual(ten)
    expect((await rows(one)).filter((row) => !row.endsWith('FINISHED'))).toEqual([])
    expect(await one.stats()).toMatchObject({ dispatched: 12, replies: 1, foreignAcks: 0 })
  })

  test('keeps what is reliable for a user who is offline, in order; what is realtime is gone', async () => {
    const one = await enter()
    await go(one, 'online', 'alice')
    await send(one, 'reliable')
    await atRest(one, 1, { acked: 1 })
    await go(one, 'offline', 'alice')
    await fill(one, 'reliable')
    await send(one, 'reliable', { count: 10 })
    await send(one, 'realtime', { count: 10 })
    await send(one, 'reliable', { via: 'http' })
    await one.says('count-waiting', 11)
    for (const [name, count] of Object.entries({ gone: 10, lost: 0 })) await one.says(`count-${name}`, count)
    await one.part('log').getByText('realtime to Alice: nobody there, gone').first().waitFor()
    expect(await rows(one)).toEqual(
      Array.from({ length: 12 }, (_, i) => `#${12 - i} Alice reliable ${i < 11 ? 'PENDING' : 'FINISHED'}`),
    )

    await go(one, 'online', 'alice')
    await got(one, 'alice', 'reliable', 12)
    await atRest(one, 12, { acked: 12, realtime: 10, gone: 10 })
    expect(await received(one, 'alice')).toEqual([
      ...news(1, 11),
      // Ten numbers went to what is gone.
      'reliable: #12 {"news":22}',
    ])
    await one.says('alice-sums', '0 realtime · 12 rows · 0 came again')
  })

  test('pushes again what is not acked, until it is', async () => {
    const one = await enter()
    await one.control('settings', { redeliverAfter: 300 })
    await go(one, 'online', 'alice')
    await one.part('alice-acks').uncheck()
    await send(one, 'reliable')
    await one
      .part('alice-inbox')
      .getByText(/came \d+ times · not acked/)
      .waitFor()
    await one.part('row').getByText('DELIVERING').waitFor()
    await one
      .part('row')
      .getByText(/pushed \d+ times/)
      .waitFor()
    await one.part('alice-inbox').getByRole('button', { name: 'Ack' }).click()
    expect((await one.focus()).name).toBe('tamar-alice-scroll')
    await atRest(one, 1, { acked: 1 })
    expect(await received(one, 'alice')).toEqual(news(1, 1))
    expect((await one.stats()).redeliveries).toBeGreaterThan(0)
  })

  test('sends what was not acked again when a connection breaks', async () => {
    const one = await enter()
    await go(one, 'online', 'alice')
    await one.part('alice-acks').uncheck()
    await send(one, 'reliable', { count: 10 })
    await got(one, 'alice', 'reliable', 10)
    await one.part('alice-acks').check()
    await one.click('alice-break')
    await one.says('alice-said', 'The connection was broken.')
    await one.says('alice-sums', '0 realtime · 10 rows · 10 came again')
    await atRest(one, 10, { acked: 10, delivered: 20, redelivered: 10 })
    expect(await received(one, 'alice')).toEqual(news(1, 10))
    one.forgive()
  })

  test('lets a command time out, and tells the one who waits', async () => {
    const one = await enter()
    await send(one, 'command', { timeout: 1 })
    await one.part('row').getByText('TIMED_OUT').waitFor()
    await one
      .part('log')
      .getByText(/no answer of Alice after .*TIMEOUT/)
      .waitFor()
    await one.says('said', 'TIMEOUT: Alice did not answer in 1 s.')
    await send(one, 'command', { timeout: 1, wait: false })
    await atRest(one, 2, { 'timed-out': 2, acked: 0 })
    await one.part('row-result').first().click()
    await one.says('said', 'result(): TIMED_OUT, no answer.')
  })

  test('ends a command for a user who has it, when its time is over', async () => {
    const one = await enter()
    await go(one, 'online', 'bob')
    await send(one, 'command', { to: 'bob', timeout: 600 })
    await got(one, 'bob', 'command', 1)
    await one.says('count-acked', 1)
    await one.control('skew', { ms: 700_000 })
    await one.part('bob-inbox').getByText('timed out').waitFor()
    expect(await one.part('bob-inbox').getByRole('button').filter({ visible: true }).count()).toBe(0)
    // The Worker's clock is right; but when its socket breaks, it looks into the table.
    await one.click('worker-break')
    await one
      .part('log')
      .getByText(/no answer of Bob after .*TIMEOUT/)
      .waitFor()
    await atRest(one, 1, { 'timed-out': 1 })
  })

  test('finds an answer in the table that came while the socket was broken', async () => {
    const one = await enter()
    await go(one, 'online', 'alice')
    await send(one, 'command')
    await got(one, 'alice', 'command', 1)
    await one.click('worker-break')
    await one.says('said', 'The Worker’s socket to RabbitMQ was broken.')
    await one.part('alice-inbox').getByRole('button', { name: 'Answer' }).click()
    await one.part('log').getByText('Alice answered after').waitFor()
    await atRest(one, 1, { acked: 1 })
    await one.part('worker-sums').getByText('1 answered, 1 of them found in the table').waitFor()
    await one.says('worker-state', 'open')
    one.forgive()
  })

  test('says that a row exists whose dispatch failed, and dispatches it again', async () => {
    const one = await enter()
    await go(one, 'online', 'alice')
    await one.part('exchange').check()
    await one.reloadTicked('exchange')
    await go(one, 'online', 'alice')
    await fill(one, 'reliable')
    await one.click('send-1')
    await one.part('problem').getByText('the row exists').waitFor()
    await one.says('said', 'Nothing was sent; see below.')
    const cause = one.part('problem').getByText('check that the exchange')
    expect(await cause.isVisible()).toBe(false)
    await one.part('problem').getByText('Cause', { exact: true }).click()
    await cause.waitFor()
    await one.part('row').getByText('not dispatched').waitFor()
    await one.says('count-waiting', 1)
    await one.part('exchange').uncheck()
    await expect.poll(async () => (await one.stats()).exchanges).toHaveLength(1)
    await one.click('row-dispatch')
    await one.part('said').getByText('no second row').waitFor()
    expect((await one.focus()).name).toBe('tamar-table')
    await one.part('problem').waitFor({ state: 'hidden' })
    await one.part('row-dispatch').waitFor({ state: 'hidden' })
    await got(one, 'alice', 'reliable', 1)
    await atRest(one, 1, { acked: 1 })
    expect(await one.stats()).toMatchObject({ inserted: 1, dispatched: 1 })
  })

  test('says of a command that one waits for that it could not be sent, until it is dispatched', async () => {
    const one = await enter()
    await one.part('exchange').check()
    await expect.poll(async () => (await one.stats()).exchanges).toHaveLength(0)
    await fill(one, 'command')
    await one.click('send-1')
    await one.says('said', 'The command to Alice has failed; see below.')
    await one.part('problem').getByText('the row exists').waitFor()
    await one.part('exchange').uncheck()
    await expect.poll(async () => (await one.stats()).exchanges).toHaveLength(1)
    // What goes well elsewhere leaves it where it is.
    await send(one, 'reliable')
    expect(await one.part('problem').isVisible()).toBe(true)
    await one.part('row-dispatch').filter({ visible: true }).click()
    await one.part('problem').waitFor({ state: 'hidden' })
    one.forgive()
  })

  test('shows commands that wait for an answer above all that came later', async () => {
    const one = await enter()
    expect(await one.part('alice-break').isDisabled()).toBe(true)
    for (let i = 0; i < 2; i++) await send(one, 'command')
    await send(one, 'reliable', { count: 10 })
    await go(one, 'online', 'alice')
    expect(await one.part('alice-break').isDisabled()).toBe(false)
    await got(one, 'alice', 'reliable', 10)
    const kinds = (): Promise<string[]> =>
      one
        .part('alice-inbox')
        .locator('li .text')
        .evaluateAll((texts) => texts.map(({ textContent }) => textContent!.split(' ')[0]!))
    const late = Array.from({ length: 10 }, (_, i) => `#${12 - i}`)
    expect(await kinds()).toEqual(['#2', '#1', ...late])
    const answer = one.part('alice-inbox').getByRole('button', { name: 'Answer' })
    await answer.last().click()
    await one.part('said').getByText('Alice answered').waitFor()
    expect(await kinds()).toEqual(['#2', ...late, '#1'])
    await send(one, 'realtime')
    await got(one, 'alice', 'realtime', 1)
    expect((await kinds())[0]).toBe('#2')
    await answer.click()
    await atRest(one, 12, { acked: 12 })
    expect((await kinds()).slice(-2)).toEqual(['#2', '#1'])
    await go(one, 'offline', 'alice')
    expect(await one.part('alice-break').isDisabled()).toBe(true)
  })

  test('answers by itself, over either way to RabbitMQ', async () => {
    const one = await enter()
    await go(one, 'online', 'alice')
    await one.part('alice-answers').check()
    for (const via of ['stomp', 'http'] as const) await send(one, 'command', { count: 10, via })
    await atRest(one, 20, { acked: 20 })
    await one.part('worker-sums').getByText('20 answered').waitFor()
    await one.part('row-result').first().click()
    await one.says('said', 'result(): FINISHED, the answer {"ok":true}.')
  })

  test('says what is wrong with what was typed', async () => {
    const one = await enter()
    await one.part('payload').fill('{')
    await one.click('send-1')
    await one.part('problem').getByText('The payload is not JSON').waitFor()
    await fill(one, 'command')
    expect(await one.text('payload-label')).toBe('Data')
    await one.click('send-1')
    await one.part('problem').getByText('The data is not JSON').waitFor()
    await one.click('problem-close')
    await go(one, 'online', 'alice')
    await one.part('payload').fill('{}')
    await one.part('alice-answer').fill('nothing')
    await send(one, 'command')
    await one.part('alice-inbox').getByRole('button', { name: 'Answer' }).click()
    await one.part('alice-said').getByText('The answer is not JSON').waitFor()
    await one.part('alice-answer').fill('null')
    await one.part('alice-inbox').getByRole('button', { name: 'Answer' }).click()
    await atRest(one, 1, { acked: 1 })
  })

  test('can reset everything', async () => {
    const one = await enter()
    await go(one, 'online', 'alice')
    await send(one, 'reliable', { count: 10 })
    await atRest(one, 10, { acked: 10 })
    await one.part('exchange').check()
    await one.click('reset')
    await one.says('said', 'Everything is as at the start.')
    await one.says('alice-state', 'offline')
    for (const name of ['rows', 'delivered', 'acked', 'lost']) await one.says(`count-${name}`, 0)
    await one.says('worker-state', 'idle')
    await expect.poll(() => one.part('exchange').isChecked()).toBe(false)
    expect([await received(one, 'alice'), await rows(one)]).toEqual([[], []])
    await go(one, 'online', 'alice')
    await send(one, 'reliable')
    await atRest(one, 1, { acked: 1 })
    expect(await received(one, 'alice')).toEqual(news(1, 1))
  })

  test('can be used with the keyboard alone', async () => {
    const one = await enter()
    const { keyboard } = one.page
    await one.tabTo('enter')
    expect((await one.focus()).outline).toBe('solid')
    await keyboard.press('Enter')
    for (const user of ['alice', 'bob']) await one.says(`${user}-state`, 'online')
    await one.tabTo('kind')
    await keyboard.type('com')
    await one.tabTo('type')
    await keyboard.press('ControlOrMeta+a')
    await keyboard.type('restart')
    await keyboard.press('Enter')
    await got(one, 'alice', 'command', 1)
    await one.part('alice-inbox').getByRole('button', { name: 'Answer' }).focus()
    await keyboard.press('Enter')
    expect((await one.focus()).name).toBe('tamar-alice-scroll')
    await atRest(one, 1, { acked: 1 })
    expect(await received(one, 'alice')).toEqual(['command: #1 "restart" {"news":1}'])
  })

  test('fits a narrow phone', async () => {
    const one = await enter(PHONE)
    expect(await one.isTooWide()).toBe(false)
    await one.control('settings', { redeliverAfter: 300 })
    await go(one, 'online', 'alice', 'bob')
    await one.part('alice-acks').uncheck()
    await one.part('payload').fill(JSON.stringify('a_payload_without_any_blank_'.repeat(9)))
    await send(one, 'reliable')
    await one.part('alice-inbox').getByText('times · not acked').waitFor()
    await send(one, 'command', { wait: false })
    await got(one, 'alice', 'command', 1)
    await one.part('row').nth(1).waitFor()
    expect(await one.isTooWide()).toBe(false)
  })

  test('says on a narrow phone what a button did, where it can be seen', async () => {
    const one = await enter({ width: 380, height: 800 })
    const box = async (name: string) => (await one.part(name).boundingBox())!
    await send(one, 'reliable')
    // Below the figures, which stay, and above what was pressed, which stays where it was.
    const [counts, said, button] = [await box('count-lost'), await box('said'), await box('send-1')]
    expect(said.y).toBeGreaterThan(counts.y)
    expect(button.y).toBeGreaterThan(said.y + said.height)
    expect(button.y + button.height).toBeLessThan(800)
    expect(await one.page.evaluate(() => scrollY)).toBeGreaterThan(0)
    await one.part('exchange').check()
    await expect.poll(async () => (await one.stats()).exchanges).toHaveLength(0)
    await one.click('send-1')
    await one.says('said', 'Nothing was sent; see below.')
    expect((await box('problem')).height).toBeLessThan(140)
    expect(await one.isTooWide()).toBe(false)
    one.forgive()
  })

  test('has no secret of the services', async () => {
    const one = await enter()
    const { origin } = new URL(one.page.url())
    for (const path of ['/', '/page.js']) {
      const text = await (await fetch(origin + path)).text()
      for (const secret of SECRETS) expect(text).not.toContain(secret)
    }
  })
})
