import { expect, test } from 'vitest'
import { describePage } from './suite.ts'
import { PHONE, type Visit } from './visit.ts'

const SECRETS = ['isomq-user-secret', 'isomq-webmq-secret']

describePage('webmq', {}, (enter) => {
  /** Subscribes to the topic that is there, in a session of a version. */
  async function subscribe(one: Visit, version: 1 | 2): Promise<void> {
    if (version === 1) await one.part('version').selectOption('1')
    await one.click('subscribe-button')
    await one.says('state', 'open')
    await one.part('said').getByText('Subscribed to com.example.orders').waitFor()
  }

  /** Events that have arrived, oldest first. */
  const received = async (one: Visit): Promise<string[]> =>
    (await one.part('event').locator('code').allTextContents()).reverse()

  const orders = (...numbers: number[]): string[] => numbers.map((n) => `{"order":${n}}`)

  /** Pushes one event; `said` is how the answer begins. */
  async function push(one: Visit, said: string | RegExp = 'The Worker has pushed 1 event'): Promise<void> {
    await one.part('publish-said').evaluate((shown) => shown.replaceChildren())
    await one.click('push-1')
    await one.part('publish-said').getByText(said).waitFor()
  }

  async function call(one: Visit, example: string, state: string): Promise<void> {
    await one.part('example').selectOption(example)
    await one.click('call')
    await one.says('call-state', state)
  }

  describeVersions((version) => {
    test(`subscribes in version ${version}, and gets what the Worker pushes, signed or not`, async () => {
      const one = await enter()
      await one.says('state', 'idle')
      await subscribe(one, version)
      expect(await one.text('session-id')).toMatch(version === 1 ? /^\w{16}$/ : /^\d+$/)
      await push(one, 'pushed 1 event, not signed; the broker took it.')
      await one.part('signed').check()
      await push(one, 'pushed 1 event, signed; the broker took it.')
      await one.part('way').selectOption('crossbar')
      await push(one, 'pushed 1 event, signed')
      await one.part('signed').uncheck()
      await one.click('push-10')
      await one.part('publish-said').getByText('pushed 10 events, not signed').waitFor()
      await one.says('count-received', 13)
      for (const name of ['requests', 'published', 'delivered']) await one.says(`count-${name}`, 13)
      expect(await received(one)).toEqual(orders(...Array.from({ length: 13 }, (_, i) => i + 1)))
      expect(await one.stats()).toMatchObject({ published: 13, delivered: 13, subscribes: 1 })

      await one.part('subscription').getByRole('button').click()
      await one.part('said').getByText('Unsubscribed').waitFor()
      await push(one)
      await one.says('count-published', 14)
      await one.says('count-received', 13)
    })

    test(`shows in version ${version} that lists choose the receivers`, async () => {
      const one = await enter()
      await one.part('receivers').selectOption('exclude')
      await push(one, 'this page has no session now')
      await subscribe(one, version)
      for (const way of ['push', 'crossbar']) {
        await one.part('way').selectOption(way)
        for (const receivers of ['exclude', 'other', 'eligible']) {
          await one.part('receivers').selectOption(receivers)
          await push(one)
        }
      }
      await one.says('count-received', 2)
      await one.says('count-published', 6)
      expect(await received(one)).toEqual(orders(4, 7))
    })

    test(`restores in version ${version} what was subscribed, and tells the gap`, async () => {
      const one = await enter()
      await subscribe(one, version)
      await push(one)
      const before = await one.text('session-id')
      await one.part('shut').check()
      await one.part('log').getByText('subscribed').first().waitFor()
      await expect.poll(async () => (await one.stats()).settings).toMatchObject({ speaks: ['nothing'] })
      await one.click('break')
      await one.says('said', 'The connection was broken.')
      await one.says('state', 'reconnecting')
      await one.says('session-id', 'none')
      await push(one)
      await one.part('shut').uncheck()
      await one.says('state', 'open')
      await one.says('count-reconnects', 1)
      await one.says('count-gaps', 1)
      await one.part('gap').getByText('gone').waitFor()
      expect(await one.text('session-id')).not.toBe(before)
      await one.part('receivers').selectOption('eligible')
      await push(one)
      await one.says('count-received', 2)
      expect(await received(one)).toEqual(orders(1, 3))
      expect(await one.stats()).toMatchObject({ published: 3, delivered: 2, subscribes: 2 })
      one.forgive()
    })

    test(`signs in through the Worker in version ${version}, or not at all`, async () => {
      const one = await enter()
      if (version === 1) await one.part('version').selectOption('1')
      await one.part('sign-in').selectOption('user')
      await one.click('toggle')
      await one.says('state', 'open')
      await one.says('who', 'isomq-user')
      expect(await one.part('permissions').isVisible()).toBe(version === 1)
      await call(one, 'whoami: as whom the router knows the page', 'result')
      expect(JSON.parse(await one.text('call-data'))).toMatchObject({
        authid: 'isomq-user',
        authmethod: 'wampcra',
        version,
      })

      const refused = async (said: string) => {
        await one.click('toggle')
        await one.says('state', 'closed')
        await one.part('problem').getByText(said).waitFor()
        await one.click('problem-close')
      }
      await one.click('toggle')
      await one.says('state', 'closed')
      await one.part('wrong').check()
      await refused('the signature is invalid')
      await one.part('wrong').uncheck()
      await one.click('refuse')
      await one.part('refuse').getByText('(1 to come)').waitFor()
      await refused('refused on request')
      await one.says('refuse', 'Refuse next sign-in')
      await one.part('known').uncheck()
      await refused('asked for a signature answered with status 403')
      await one.part('known').check()
      await one.click('toggle')
      await one.says('state', 'open')
      expect(await one.stats()).toMatchObject({ signIns: 2, refused: 2 })
      one.forgive()
    })

    test(`publishes from the page in version ${version}`, async () => {
      const one = await enter()
      await subscribe(one, version)
      await one.click('publish-1')
      await one.part('publish-said').getByText('nobody answers that').waitFor()
      await one.part('exclude-me').uncheck()
      if (version === 2) await one.part('acknowledge').check()
      else expect(await one.part('acknowledge').isDisabled()).toBe(true)
      await one.click('publish-1')
      await one.says('count-received', 1)
      await one.says('count-published', 2)
      expect(await received(one)).toEqual(orders(2))
      if (version === 2) expect(await one.text('publish-said')).toMatch(/has taken it: publication \d+\.$/)
    })

    test(`calls procedures in version ${version}, and takes their errors apart`, async () => {
      const one = await enter()
      await call(one, 'add: the sum of two numbers', 'result')
      expect(await one.text('call-data')).toBe('42')
      await one.says('state', 'open')
      await call(one, 'fail: an error of the application', 'PROVIDER')
      const pieces = await one.part('call-error').locator('dt, dd').allTextContents()
      expect(pieces).toEqual([
        ...['code', 'PROVIDER', 'retryable', 'false'],
        ...['details.uri', 'com.example.error.demo', 'details.args', '["sold out"]'],
        ...['details.kwargs', '{"left":0}'],
      ])
    })
  })

  test('waits for a slow procedure until it is aborted, or the connection breaks', async () => {
    const one = await enter()
    await one.click('abort')
    await one.says('said', 'No call is under way.')
    const slow = 'slow: answers after 20 s, unless aborted'
    await call(one, slow, 'calling …')
    await expect.poll(async () => (await one.stats()).calls).toBe(1)
    await one.click('abort')
    await one.says('call-state', 'ABORTED')
    await call(one, slow, 'calling …')
    await expect.poll(async () => (await one.stats()).calls).toBe(2)
    await one.click('break')
    await one.says('call-state', 'CONNECTION_LOST')
    expect(await one.text('call-data')).toContain('it may have happened')
    await one.part('args').fill('[')
    await one.click('call')
    await one.says('call-state', 'CONFIG')
    await one.says('state', 'open')
    // Nothing was subscribed: there was nothing to miss.
    await one.says('count-gaps', 0)
  })

  test('shows what is wrong with a signature', async () => {
    const one = await enter()
    await one.part('must-sign').check()
    await expect.poll(async () => (await one.stats()).settings).toMatchObject({ requireSignature: true })
    await push(one, 'AUTH_REJECTED: webmq: the server refused the call (pushes must be signed')
    await one.part('signed').check()
    await push(one)
    await one.part('wrong').check()
    await push(one, 'the signature is wrong')
    await one.part('way').selectOption('crossbar')
    await push(one, 'signature secret not valid')
    await one.part('wrong').uncheck()
    await one.part('way').selectOption('push')
    await one.part('skew').check()
    await expect.poll(async () => (await one.stats()).skew).toBe(600_000)
    await push(one, /the clock here is (599|600|601) s behind the server's/)
    await one.reloadTicked('skew')
    expect(await one.part('must-sign').isChecked()).toBe(true)
    await one.part('body').fill('{')
    await push(one, 'the event is not JSON')
  })

  test('takes its subscriptions along into a session of the other version', async () => {
    const one = await enter()
    await subscribe(one, 2)
    await one.part('topic').fill('com.example')
    await one.part('match').selectOption('prefix')
    await one.click('subscribe-button')
    await one.part('said').getByText('Subscribed to com.example: confirmed').waitFor()
    expect(await one.part('version').isDisabled()).toBe(true)
    await push(one)
    await one.says('count-received', 2)
    await one.part('event').getByText('by the prefix match').waitFor()
    await one.click('toggle')
    await one.says('state', 'closed')
    await one.part('version').selectOption('1')
    expect(await one.part('subscription').count()).toBe(1)
    await one.click('toggle')
    await one.says('state', 'open')
    await push(one)
    await one.says('count-received', 3)
    await one.click('toggle')
    await one.says('state', 'closed')
    await one.click('toggle')
    await one.says('state', 'open')
    await push(one)
    await one.says('count-received', 4)
  })

  test('can reset everything', async () => {
    const one = await enter()
    await one.part('sign-in').selectOption('user')
    await subscribe(one, 2)
    await push(one)
    await one.says('count-received', 1)
    await one.click('refuse')
    await one.part('known').uncheck()
    await one.click('reset')
    await one.says('said', 'Everything is as at the start.')
    for (const name of ['requests', 'published', 'received']) await one.says(`count-${name}`, 0)
    await one.says('state', 'idle')
    expect([await one.part('event').count(), await one.part('subscription').count()]).toEqual([0, 0])
    await subscribe(one, 2)
    await push(one)
    await one.says('count-received', 1)
    expect(await received(one)).toEqual(orders(1))
  })

  test('can be used with the keyboard alone', async () => {
    const one = await enter()
    const { keyboard } = one.page
    await one.tabTo('toggle')
    expect((await one.focus()).outline).toBe('solid')
    await keyboard.press('Enter')
    await one.says('state', 'open')
    await one.tabTo('topic')
    await keyboard.press('ControlOrMeta+a')
    await keyboard.type('com.example.typed')
    await keyboard.press('Enter')
    await one.part('said').getByText('Subscribed to com.example.typed').waitFor()
    await one.tabTo('publish-topic')
    await keyboard.press('ControlOrMeta+a')
    await keyboard.type('com.example.typed')
    await one.tabTo('signed')
    await keyboard.press('Space')
    await one.tabTo('push-10')
    await keyboard.press('Enter')
    await one.says('count-received', 10)
    await one.tabTo('call')
    await keyboard.press('Enter')
    await one.says('call-data', '42')
    // The button that had the focus is gone with its subscription.
    await one.part('subscription').getByRole('button').focus()
    await keyboard.press('Enter')
    await one.part('said').getByText('Unsubscribed from com.example.typed').waitFor()
    expect((await one.focus()).name).toBe('webmq-topic')
  })

  test('fits a narrow phone', async () => {
    const one = await enter(PHONE)
    expect(await one.isTooWide()).toBe(false)
    const long = 'com.example.a_topic_without_any_blank_'.repeat(4)
    for (const name of ['topic', 'publish-topic']) await one.part(name).fill(long)
    await one.part('sign-in').selectOption('user')
    await one.part('version').selectOption('1')
    await one.click('subscribe-button')
    await one.part('said').getByText('Subscribed to').waitFor()
    await one.part('body').fill(JSON.stringify('x'.repeat(300)))
    await push(one)
    await one.says('count-received', 1)
    await call(one, 'A procedure that does not exist', 'PROVIDER')
    await one.click('refuse')
    await one.click('break')
    await one.part('problem').getByText('refused on request').waitFor()
    await one.says('state', 'closed')
    expect(await one.isTooWide()).toBe(false)
  })

  test('has no secret of the broker', async () => {
    const one = await enter()
    const { origin } = new URL(one.page.url())
    for (const path of ['/', '/page.js']) {
      const text = await (await fetch(origin + path)).text()
      for (const secret of SECRETS) expect(text).not.toContain(secret)
    }
  })
})

function describeVersions(tests: (version: 1 | 2) => void): void {
  tests(1)
  tests(2)
}
