import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { call, logIn, nothingLost } from './prism.ts'
import { describePage } from './suite.ts'
import type { Visit } from './visit.ts'

const SECRET = 'isomq-prism-secret'

describePage('prism', {}, (enter) => {
  /** The parts that are signed, in order: name, as it is, escaped. */
  const pieces = (one: Visit): Promise<string[][]> =>
    one
      .part('pieces')
      .locator('li')
      .evaluateAll((items) =>
        items.map((item) =>
          Array.from(item.querySelectorAll('.name, dd'), (found) => found.textContent ?? ''),
        ),
      )

  async function choose(one: Visit, example: string): Promise<void> {
    await one.part('example').selectOption(example)
  }

  test('calls an API and takes apart what was signed', async () => {
    const one = await enter()
    await call(one, '200')
    const data = JSON.parse(await one.text('call-data'))
    expect(data.result.big).toBe('9223372036854775807')
    expect(await one.text('call-facts')).toMatch(/^\d+ ms · request [\da-f]{32}$/)
    const canonical = await one.text('canonical')
    expect(canonical).toBe(data.result.canonical)
    const md5 = createHash('md5').update(canonical.replaceAll('***', SECRET)).digest('hex')
    expect(await one.text('sign')).toBe(md5.toUpperCase())

    const shown = await pieces(one)
    expect(shown.map(([name]) => name)).toEqual([
      'Secret (masked)',
      'Method',
      'Path',
      'Headers',
      'Query',
      'Body',
      'Secret (masked)',
    ])
    expect(shown.map(([, , escaped]) => (escaped === 'empty' ? '' : escaped)).join('&')).toBe(canonical)
    expect(shown[2]).toEqual([
      'Path',
      `/prism/${one.room}/api/demo/echo`,
      `%2Fprism%2F${one.room}%2Fapi%2Fdemo%2Fecho`,
    ])
    expect(shown[3]).toEqual(['Headers', 'X-Api-Trace=seen & signed', 'X-Api-Trace%3Dseen%20%26%20signed'])
    expect(shown[4]![1]).toMatch(
      /^client_id=isomq-key&flag=true&from=path&list=\[2,1\]&sign_method=md5&sign_time=\d+&text=Ünïcode & \(signs\)!$/,
    )
    expect(shown[5]).toEqual(['Body', 'empty', 'empty'])
    expect(await one.page.locator('body').textContent()).not.toContain(SECRET)
  })

  test('calls what was typed', async () => {
    const one = await enter()
    await choose(one, 'Echo of a form')
    await one.part('method').selectOption('PUT')
    await one.part('path').fill('demo/echo')
    await one.part('params').fill('{"b":[1],"a":"x"}')
    await one.part('header-name').fill('')
    await call(one, '200')
    const { result } = JSON.parse(await one.text('call-data'))
    expect(result).toMatchObject({
      method: 'PUT',
      query: [],
      form: [
        ['b', '[1]'],
        ['a', 'x'],
      ],
      headers: [],
    })
    const shown = await pieces(one)
    expect(shown[3]![1]).toBe('empty')
    expect(shown[5]![1]).toMatch(/^a=x&b=\[1\]&client_id=isomq-key&sign_method=md5&sign_time=\d+$/)

    await choose(one, 'Write a message')
    await call(one, '200')
    await one.says('count-published', 1)
    await one.click('page-toggle')
    await nothingLost(one, 1)
  })

  test('shows errors with their code and text', async () => {
    const one = await enter()
    await choose(one, 'An error in the answer')
    await call(one, 'PROVIDER')
    expect(await one.text('call-data')).toContain('http_422')
    await choose(one, 'A server in trouble: tried 3 times')
    await call(one, 'PROVIDER')
    expect(await one.text('call-facts')).toContain('3 attempts, each signed anew')
    await one.click('refuse')
    await one.part('refuse').getByText('(1 to come)').waitFor()
    await choose(one, 'Status of the queues')
    await call(one, 'AUTH_REJECTED')
    expect(await one.text('call-data')).toContain('refused on request')
    await one.says('refuse', 'Refuse next call')
    await call(one, '200')
    await one.part('params').fill('{')
    await call(one, 'CONFIG')
    expect(await one.text('call-data')).toContain('the parameters are not JSON')
    one.forgive()
  })

  test('names a clock that is wrong, to calls and to the client', async () => {
    const one = await enter()
    await one.part('skew').check()
    await one.reloadTicked('skew')
    await call(one, 'AUTH_REJECTED')
    expect(await one.text('call-data')).toMatch(/the clock here is (599|600|601) s behind the server's/)
    await one.click('page-toggle')
    await one.says('page-state', 'closed')
    await one.part('problem').getByText('s behind the server').waitFor()
    await one.click('problem-close')
    await one.part('skew').uncheck()
    await call(one, '200')
    await one.click('page-toggle')
    await one.says('page-state', 'open')
    one.forgive()
  })

  test('leads a user through the login and back, and out again', async () => {
    const one = await enter()
    await one.says('user-state', 'nobody')
    await logIn(one, 'ada')
    const url = new URL(one.page.url())
    expect([url.pathname, url.searchParams.get('room'), url.hash]).toEqual(['/', one.room, '#prism'])
    await one.says('user', 'ada')
    expect(await one.text('expiry')).toMatch(/^at \d\d:\d\d:\d\d, in (59:\d\d|60:00)$/)
    expect((await one.focus()).name).toBe('prism-me')
    const before = await one.text('token')
    expect(before).toMatch(/^\w{4}•+$/)

    await one.click('me')
    await one.part('me-data').getByText('"@id": "ada"').waitFor()
    await one.part('user-said').getByText('called /demo/me as the user: 200').waitFor()
    await one.click('expire')
    await one.part('user-said').getByText('takes the token for expired').waitFor()
    await one.click('me')
    await one.part('user-said').getByText('called /demo/me as the user: 200').waitFor()
    const renewed = await one.text('token')
    expect(renewed).not.toBe(before)
    await one.click('refresh')
    await one.part('user-said').getByText('new tokens').waitFor()
    expect(await one.text('token')).not.toBe(renewed)
    await one.click('me')
    await one.part('me-data').getByText('"@id": "ada"').waitFor()
    await one.page.reload()
    await one.says('user', 'ada')

    await one.click('logout')
    await one.says('user-state', 'nobody')
    expect(new URL(one.page.url()).hash).toBe('#prism')
    expect(await one.part('me').isVisible()).toBe(false)
    // Nobody is remembered: the form asks again.
    await logIn(one, 'bob')
    await one.says('user', 'bob')
  })

  test('says why a login did not work', async () => {
    const one = await enter()
    await one.click('login')
    await one.page.getByRole('button', { name: 'Deny' }).click()
    await one.part('user-said').getByText('the login was refused (access_denied)').waitFor()
    await one.says('user-state', 'nobody')
    await one.page.reload()
    await one.says('user-state', 'nobody')
    await one.says('user-said', '')
    const { origin } = new URL(one.page.url())
    await one.page.goto(`${origin}/prism-demo/${one.room}/login?code=stolen&state=guessed`)
    await one.part('user-said').getByText('belongs to no login that this browser began').waitFor()
    await one.says('user-state', 'nobody')
  })
})
