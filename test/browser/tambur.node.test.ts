import { expect, test } from 'vitest'
import { describePage } from './suite.ts'
import { allArrived, enterBoth, openBoth, publish } from './tambur.ts'
import { got, received, USERS } from './twins.ts'
import { PHONE } from './visit.ts'

const ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

describePage('tambur', {}, (enter) => {
  test('connects two users, and tells each of the stream’s messages once', async () => {
    const one = await enter()
    for (const user of USERS) {
      await one.says(`${user}-state`, 'idle')
      await one.says(`${user}-stream-state`, 'closed')
      expect(await one.part(`${user}-auth`).isDisabled()).toBe(true)
    }
    await openBoth(one)
    const ids = await Promise.all(USERS.map((user) => one.text(`${user}-subscriber`)))
    for (const id of ids) expect(id).toMatch(ID)
    expect(ids[0]).not.toBe(ids[1])

    await publish(one, 'stream', 10)
    await allArrived(one, 20)
    const news = Array.from({ length: 10 }, (_, i) => `message: {"news":${i + 1}}`)
    for (const user of USERS) {
      expect(await received(one, user)).toEqual(news)
      await one.says(`${user}-sums`, '10 received · 0 direct messages sent')
    }
    await one.says('said', 'The Worker has published 10 messages to lobby.')
    await one.part('log').getByText('message 10 to lobby reached 2 subscribers').waitFor()

    await one.click('bob-open')
    await one.says('bob-stream-state', 'closed')
    await one.part('bob-stream').fill('elsewhere')
    await one.click('bob-open')
    await one.says('bob-stream-state', 'open')
    await publish(one, 'stream')
    await got(one, 'alice', 'message', 11)
    await one.part('stream').fill('elsewhere')
    await publish(one, 'stream')
    await got(one, 'bob', 'message', 11)
    await allArrived(one, 22)
  })

  test('shows who comes and goes', async () => {
    const one = await enter()
    await openBoth(one)
    await one.part('alice-presence').check()
    await one.says('alice-said', 'The presence mode is on.')
    await one.says('alice-present', 'nobody known')
    await one.part('bob-presence').check()
    await one.says('alice-present', 'bob')
    await one.says('bob-present', 'alice')
    await one.part('bob-presence').uncheck()
    await one.says('alice-present', 'nobody known')
    await one.says('bob-present', 'nobody known')
    await one.part('bob-presence').check()
    await one.says('alice-present', 'bob')
    await one.click('bob-toggle')
    await one.says('bob-state', 'closed')
    await one.says('alice-present', 'nobody known')
    expect(await received(one, 'alice')).toEqual([
      'up: bob is there',
      'down: bob has gone',
      'up: bob is there',
      'down: bob has gone',
    ])
  })

  test('lets the two talk to each other', async () => {
    const one = await enter()
    await openBoth(one)
    await one.part('alice-text').fill('too early')
    await one.click('alice-send')
    await one.part('alice-said').getByText('switch the direct mode on').waitFor()
    await one.part('alice-direct').check()
    await one.says('alice-said', 'The direct mode is on.')
    await one.click('alice-send')
    await one.part('alice-said').getByText('user_unknown').waitFor()
    await one.part('bob-direct').check()
    await one.says('bob-said', 'The direct mode is on.')
    await one.part('alice-text').fill('Hello <b>Bob</b> & all')
    await one.click('alice-send')
    await one.says('alice-said', 'The server has handed it to Bob.')
    await got(one, 'bob', 'direct', 1)
    await one.part('bob-text').fill('嗨')
    await one.part('bob-text').press('Enter')
    await got(one, 'alice', 'direct', 1)
    expect(await received(one, 'bob')).toEqual(['direct: alice: Hello <b>Bob</b> & all'])
    for (const user of USERS) {
      const said = await one.part(`${user}-chat`).locator('li').allTextContents()
      expect(said).toEqual(['alice Hello <b>Bob</b> & all', 'bob 嗨'])
    }
    await allArrived(one, 2)
    await one.says('alice-sums', '1 received · 1 direct message sent')
  })

  test('publishes from the Worker to those with auth mode, and to one alone', async () => {
    const one = await enter()
    await publish(one, 'bob')
    await one.part('problem').getByText('connect the user first').waitFor()
    await one.click('problem-close')
    await openBoth(one)
    await one.part('alice-auth').check()
    await one.says('alice-said', 'The auth mode is on.')
    await publish(one, 'auth')
    await one.says('said', 'The Worker has published 1 message to auth:lobby.')
    await one.part('log').getByText('to auth:lobby reached 1 subscriber').waitFor()
    await publish(one, 'bob')
    await got(one, 'bob', 'private', 1)
    expect(await one.text('target')).toBe(`private:${await one.text('bob-subscriber')}`)
    await publish(one, 'stream')
    await allArrived(one, 4)
    expect(await received(one, 'alice')).toEqual(['auth: {"news":1}', 'message: {"news":3}'])
    expect(await received(one, 'bob')).toEqual(['private: {"news":2}', 'message: {"news":3}'])
    // Without a stream, what is private still arrives.
    await one.click('bob-open')
    await one.says('bob-stream-state', 'closed')
    await publish(one, 'bob')
    await got(one, 'bob', 'private', 2)
  })

  test('comes back from a break with its streams and modes, and tells the gap', async () => {
    const one = await enter()
    await enterBoth(one)
    await publish(one, 'stream')
    await allArrived(one, 2)
    const before = await one.text('alice-subscriber')

    await one.part('alice-offline').check()
    await one.says('alice-present', 'nobody known')
    await one.says('bob-present', 'nobody known')
    await one.says('alice-stream-state', 'opening')
    await publish(one, 'stream', 10)
    await got(one, 'bob', 'message', 11)
    await one.part('alice-offline').uncheck()
    await one.says('alice-present', 'bob')
    await one.says('bob-present', 'alice')
    await one.says('alice-stream-state', 'open')
    await one.says('count-reconnects', 1)
    await one.says('count-gaps', 1)
    expect(await one.text('alice-gap')).toMatch(/^missed [\d.]+ m?s: gone$/)
    expect(await one.text('count-missed')).toMatch(/^[\d.]+ m?s$/)
    await one.says('bob-gap', 'none')
    const after = await one.text('alice-subscriber')
    expect(after).toMatch(ID)
    expect(after).not.toBe(before)

    // Nothing of the break comes later, and what follows comes once, of every kind.
    for (const to of ['stream', 'auth', 'alice'] as const) await publish(one, to)
    await one.part('bob-text').fill('back?')
    await one.click('bob-send')
    await got(one, 'alice', 'direct', 1)
    await allArrived(one, 2 + 10 + 2 + 2 + 1 + 1)
    const all = await received(one, 'alice')
    expect(all.map((row) => (row.startsWith('gap') ? 'gap' : row))).toEqual([
      'up: bob is there',
      'message: {"news":1}',
      'reset: the roster is empty; who is there comes up again',
      'gap',
      'up: bob is there',
      'message: {"news":12}',
      'auth: {"news":13}',
      'private: {"news":14}',
      'direct: bob: back?',
    ])
    expect(await received(one, 'bob', 'up', 'down', 'reset')).toEqual([
      'up: alice is there',
      'down: alice has gone',
      'up: alice is there',
    ])

    await one.click('bob-break')
    await one.says('count-gaps', 2)
    await one.says('bob-present', 'alice')
    await publish(one, 'auth')
    await got(one, 'bob', 'auth', 2)
    one.forgive()
  })

  test('shows a token that is refused, and asks for another', async () => {
    const one = await enter()
    await openBoth(one)
    await one.click('refuse')
    await one.part('refuse').getByText('(1 to come)').waitFor()
    await one.click('alice-auth')
    await one.part('alice-said').getByText('PROVIDER').waitFor()
    expect(await one.text('alice-said')).toContain('refused on request')
    await one.says('refuse', 'Refuse next token')
    expect(await one.part('alice-auth').isChecked()).toBe(false)
    await one.part('alice-auth').check()
    await one.says('alice-said', 'The auth mode is on.')

    // Refused in a break, it can be asked for again as well.
    await one.click('refuse')
    await one.click('alice-break')
    await one.part('alice-said').getByText('The auth mode did not come back').waitFor()
    expect(await one.part('alice-auth').isChecked()).toBe(false)
    await one.part('alice-auth').check()
    await one.says('alice-said', 'The auth mode is on.')
    await publish(one, 'auth')
    await got(one, 'alice', 'auth', 1)

    // The Worker's hook refuses whom it does not know.
    await one.part('bob-signed').uncheck()
    await one.click('bob-presence')
    await one.part('bob-said').getByText('AUTH_REJECTED').waitFor()
    expect(await one.part('bob-presence').isChecked()).toBe(false)
    await one.part('bob-signed').check()
    await one.part('bob-presence').check()
    await one.says('bob-said', 'The presence mode is on.')
    await one.says('count-refused', 2)
    one.forgive()
  })

  test('names a clock that is wrong, to the publisher', async () => {
    const one = await enter()
    await openBoth(one)
    await one.part('skew').check()
    await one.says('count-published', 0)
    await publish(one, 'stream')
    await one.part('problem').getByText('AUTH_REJECTED').waitFor()
    expect(await one.text('problem')).toMatch(/the clock here is (599|600|601) s behind the server's/)
    await one.page.reload()
    await one.page.waitForFunction(
      () => document.querySelector<HTMLInputElement>('[data-testid="tambur-skew"]')!.checked,
    )
    await one.part('skew').uncheck()
    await publish(one, 'stream')
    await one.says('count-published', 1)
  })

  test('keeps the secret in the Worker, which grants modes to its users alone', async () => {
    const one = await enter()
    const { origin } = new URL(one.page.url())
    for (const path of ['/', '/page.js']) {
      expect(await (await fetch(origin + path)).text()).not.toContain('isomq-tambur-secret')
    }
    const asked = async (user: string, userId: string) => {
      const body = JSON.stringify({ mode: 'presence', stream: 'lobby', userId, subscriberId: 'someone' })
      const init = { method: 'POST', body, headers: { 'x-demo-user': user } }
      const answer = await fetch(`${origin}/tambur-demo/${one.room}/token`, init)
      return [answer.status, ((await answer.json()) as { token?: string }).token] as const
    }
    const [status, alices] = await asked('alice', 'alice')
    expect([status, alices]).toEqual([200, expect.stringMatching(/^[\da-f]{40}$/)])
    expect(await asked('alice', 'bob')).toEqual([200, alices])
    for (const user of ['', 'mallory', 'constructor']) expect((await asked(user, 'alice'))[0]).toBe(403)

    const wishes: [string, string | undefined, number][] = [
      ['publish', undefined, 405],
      ['publish', '{}', 400],
      ['publish', '{"stream":"lobby","messages":[1]}', 400],
      ['publish', 'null', 400],
      ['publish', '[', 400],
      ['other', '{}', 404],
    ]
    for (const [action, body, expected] of wishes) {
      const init = body === undefined ? {} : { method: 'POST', body }
      const answer = await fetch(`${origin}/tambur-demo/${one.room}/${action}`, init)
      expect([action, body, answer.status]).toEqual([action, body, expected])
    }
  })

  test('closes, comes back as it was, and can be reset', async () => {
    const one = await enter()
    await enterBoth(one)
    await one.click('alice-toggle')
    await one.says('alice-state', 'closed')
    await one.says('alice-subscriber', 'none')
    await one.click('alice-break')
    await one.says('alice-said', 'There is no connection to break.')
    await one.click('alice-toggle')
    await one.says('alice-state', 'open')
    await one.says('alice-present', 'bob')
    await publish(one, 'auth')
    await allArrived(one, 2)

    await one.click('refuse')
    await one.part('bob-offline').check()
    await one.click('reset')
    await one.says('said', 'Everything is as at the start.')
    await one.says('refuse', 'Refuse next token')
    for (const figure of ['published', 'delivered', 'received', 'gaps']) await one.says(`count-${figure}`, 0)
    for (const user of USERS) {
      await one.says(`${user}-state`, 'idle')
      await one.says(`${user}-stream-state`, 'closed')
      await one.says(`${user}-gap`, 'none')
      expect(await received(one, user)).toEqual([])
      expect(await one.part(`${user}-auth`).isChecked()).toBe(false)
    }
    await enterBoth(one)
    await publish(one, 'stream')
    await allArrived(one, 2)
    one.forgive()
  })

  test('says so when a stream cannot be opened', async () => {
    const one = await enter()
    await one.part('alice-stream').fill('auth:lobby')
    await one.click('alice-toggle')
    await one.says('alice-state', 'open')
    await one.click('alice-open')
    await one.part('alice-said').getByText('invalid_stream').waitFor()
    await one.says('alice-stream-state', 'closed')
    await one.part('stream').fill('../elsewhere')
    await publish(one, 'stream')
    await one.part('problem').getByText('CONFIG').waitFor()
    // What is private comes once, though somebody opens a stream for it.
    await one.part('alice-stream').fill('private')
    await one.click('alice-open')
    await one.says('alice-stream-state', 'open')
    await publish(one, 'alice')
    await got(one, 'alice', 'private', 1)
    expect(await received(one, 'alice')).toEqual(['private: {"news":2}'])
  })

  test('can be used with the keyboard alone', async () => {
    const one = await enter()
    const { keyboard } = one.page
    await one.tabTo('enter')
    expect((await one.focus()).outline).toBe('solid')
    await keyboard.press('Enter')
    await one.says('bob-present', 'alice')
    await one.tabTo('to')
    await keyboard.press('ArrowDown')
    await one.tabTo('message')
    await keyboard.press('ControlOrMeta+a')
    await keyboard.type('typed {n}')
    await one.tabTo('publish-10')
    await keyboard.press('Enter')
    await allArrived(one, 20)
    await one.tabTo('bob-auth')
    await keyboard.press('Space')
    await one.says('bob-said', 'The auth mode is off.')
    await one.tabTo('bob-text')
    await keyboard.type('typed, too')
    await keyboard.press('Enter')
    await got(one, 'alice', 'direct', 1)
    await one.tabTo('alice-break')
    await keyboard.press('Space')
    await one.says('count-gaps', 1)
    await one.says('bob-present', 'alice')
    await one.tabTo('publish-1')
    await keyboard.press('Enter')
    await got(one, 'alice', 'auth', 11)
    await got(one, 'bob', 'auth', 10)
  })

  test('fits a narrow phone', async () => {
    const one = await enter(PHONE)
    expect(await one.isTooWide()).toBe(false)
    const name = 'a_stream_without_any_blank_'.repeat(4)
    for (const part of ['stream', 'alice-stream', 'bob-stream']) await one.part(part).fill(name)
    await enterBoth(one)
    await one.part('message').fill(`${'x'.repeat(300)}{n}`)
    await publish(one, 'auth', 10)
    await one.part('alice-text').fill('y'.repeat(300))
    await one.click('alice-send')
    await got(one, 'bob', 'direct', 1)
    await one.click('refuse')
    await one.click('bob-break')
    await one.part('bob-said').getByText('did not come back').waitFor()
    await one.part('skew').check()
    await publish(one, 'stream')
    await one.part('problem').getByText('s behind the server').waitFor()
    expect(await one.isTooWide()).toBe(false)
  })
})
