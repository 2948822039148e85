// The page on servers that the environment names: those of another playground's room here, so that a browser is all that
// this takes. On real ones it is tried without a browser, where there are such.
import { expect, test } from 'vitest'
import { tamarRoom } from '../support/emulator.ts'
import { TAMAR } from '../support/room.ts'
import { describePage } from './suite.ts'
import { rows, send } from './tamar.ts'
import { got, received } from './twins.ts'
import { PHONE, type Visit } from './visit.ts'

const servers = tamarRoom()

const variables = {
  MSG_REDIS_URL: servers.redis,
  MSG_REDIS_TOKEN: TAMAR.token,
  MSG_MYSQL_URL: new URL(servers.site).origin,
  MSG_MYSQL_USER: servers.name,
  MSG_MYSQL_PASSWORD: TAMAR.mysqlPassword,
  MSG_RABBITMQ_URL: servers.url,
  MSG_RABBITMQ_USERNAME: TAMAR.username,
  MSG_RABBITMQ_PASSWORD: TAMAR.password,
}

/** Follows the page's link to the room of real servers. */
async function toReal(one: Visit): Promise<void> {
  await one.part('servers').getByRole('link').click()
  await one.page.waitForURL('**/?room=real#tamar')
}

describePage('tamar', { env: variables }, (enter) => {
  test('leads to the room of real servers, which sends to them and shows their rows', async () => {
    // Its own gateway would take every other message.
    await servers.control('pause')
    const one = await enter()
    expect(await one.text('servers')).toMatch(/name real servers: .* This room has embedded ones\.$/)
    await toReal(one)
    await one.part('servers').getByText('Real servers').waitFor()
    expect(await one.text('room')).toBe('real')

    await one.click('enter')
    for (const user of ['alice', 'bob']) await one.says(`${user}-state`, 'online')
    await one.part('log').getByText('way to RabbitMQ: open').waitFor()
    await one.part('log').getByText('way to Redis: open').waitFor()
    await send(one, 'realtime')
    await got(one, 'alice', 'realtime', 1)
    await send(one, 'reliable')
    await got(one, 'alice', 'reliable', 1)
    await send(one, 'command')
    await got(one, 'alice', 'command', 1)
    await one.part('alice-inbox').getByRole('button', { name: 'Answer' }).click()
    await one.part('log').getByText('Alice answered after').waitFor()
    expect(await received(one, 'alice')).toEqual([
      'realtime: {"news":1}',
      'reliable: #1 {"news":2}',
      'command: #2 "confirm" {"news":3}',
    ])
    for (const [name, text] of Object.entries({ realtime: 1, rows: 2, waiting: 0, acked: 2, lost: '–' })) {
      await one.says(`count-${name}`, text)
    }
    const all = ['#2 Alice command FINISHED', '#1 Alice reliable FINISHED']
    await expect.poll(() => rows(one)).toEqual(all)
    expect(await servers.stats()).toMatchObject({ inserted: 2, published: 1 })

    await one.part('row-result').click()
    await one.says('said', 'result(): FINISHED, the answer {"ok":true}.')
    await one.click('reset')
    await one.says('said', 'Page, Worker and gateway are as at the start. The rows are where they were.')
    await one.says('count-rows', 2)
    expect(await rows(one)).toEqual(all)
  })

  test('offers no fault and no way that these servers do not have, and says why', async () => {
    const one = await enter(PHONE)
    for (const name of ['worker-break', 'exchange']) expect(await one.part(name).isDisabled()).toBe(false)
    await toReal(one)
    await one.part('servers').getByText('Real servers').waitFor()
    for (const name of ['worker-break', 'exchange']) {
      expect(await one.part(name).isDisabled()).toBe(true)
      const reason = await one.part(name).getAttribute('aria-describedby')
      expect(await one.page.locator(`[id="${reason}"]`).textContent()).toContain('real server')
    }
    const options = one.part('via').locator('option')
    expect(await options.evaluateAll((all) => all.map((one) => (one as HTMLOptionElement).disabled))).toEqual(
      [false, true],
    )
    expect(await one.isTooWide()).toBe(false)
  })
})

const { MSG_REDIS_TOKEN, MSG_MYSQL_URL, ...half } = variables

describePage('tamar', { env: half }, (enter) => {
  test('names all variables that are missing, and lets nobody press what cannot work', async () => {
    const one = await enter()
    await one
      .part('servers')
      .getByText('cannot work: the environment lacks MSG_REDIS_TOKEN, MSG_MYSQL_URL or MSG_MYSQL_HOST')
      .waitFor()
    await toReal(one)
    await one
      .part('servers')
      .getByText('This room is for real servers, and cannot work: the environment lacks MSG_REDIS_TOKEN')
      .waitFor()
    await expect(one.part('enter').click({ timeout: 300 })).rejects.toThrow('Timeout')
    expect(await one.part('columns').evaluate((columns) => (columns as HTMLElement).inert)).toBe(true)
  })
})

describePage('tamar', {}, (enter) => {
  test('says of the room “real” what it would take, and works with embedded servers', async () => {
    const one = await enter()
    expect(await one.part('servers').isHidden()).toBe(true)
    await one.page.goto(`${new URL(one.page.url()).origin}/?room=real#tamar`)
    await one.part('servers').getByText('This room has embedded servers, as any other.').waitFor()
    expect(await one.text('servers')).toMatch(/MSG_REDIS_URL, .*MSG_MYSQL_URL or MSG_MYSQL_HOST\.$/)
    await one.click('enter')
    await one.says('alice-state', 'online')
    await send(one, 'reliable')
    await got(one, 'alice', 'reliable', 1)
    expect(await one.part('exchange').isDisabled()).toBe(false)
  })
})
