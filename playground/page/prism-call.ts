import { IsomqError, type PrismSigned } from 'isomq/prism'
import type { Controls } from './controls.ts'
import { duration, element, part, plural, setText, textOf } from './dom.ts'
import { createSigningClient, type PrismApi } from './prism-api.ts'
import { showCanonical } from './prism-canonical.ts'

interface Example {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly params: object
}

const EXAMPLES: readonly Example[] = [
  {
    name: 'Echo: what arrived',
    method: 'GET',
    path: '/demo/echo?from=path',
    params: { text: 'Ünïcode & (signs)!', list: [2, 1], flag: true },
  },
  {
    name: 'Echo of a form',
    method: 'POST',
    path: '/demo/echo?from=path',
    params: { text: 'a b+c=d', nested: { b: 2, a: '<1>' } },
  },
  { name: 'Status of the queues', method: 'GET', path: '/platform/notify/status', params: {} },
  {
    name: 'Write a message',
    method: 'POST',
    path: '/platform/notify/write',
    params: { key: 'order.new', data: '{"order":"by a call"}', type: 'application/json' },
  },
  { name: 'An error in the answer', method: 'GET', path: '/demo/status', params: { code: 422 } },
  { name: 'A server in trouble: tried 3 times', method: 'GET', path: '/demo/status', params: { code: 503 } },
  { name: 'An API that does not exist', method: 'GET', path: '/demo/nothing', params: {} },
]

const AHEAD = 600

/** The part of the section that calls APIs. */
export function createCalling(section: HTMLElement, api: PrismApi, controls: Controls, refresh: () => void) {
  let isCalling = false
  let attempts = 0
  let signed: PrismSigned | undefined
  let refusals = 0
  const client = createSigningClient(api.baseUrl, (request) => {
    attempts++
    signed = request
  })
  const field = (name: string) => part<HTMLInputElement>(section, name)

  function choose({ method, path, params }: Example): void {
    field('method').value = method
    field('path').value = path
    field('params').value = jsonLines(params)
  }

  async function call(): Promise<void> {
    if (isCalling) return
    isCalling = true
    attempts = 0
    signed = undefined
    show('connecting', 'calling …', '', '')
    const startedAt = performance.now()
    const took = () => {
      const tries = attempts > 1 ? `, ${plural(attempts, 'attempt')}, each signed anew` : ''
      return `${duration(performance.now() - startedAt)}${tries}`
    }
    try {
      const method = field('method').value
      const answer = await client.request(method, field('path').value, params(), {
        headers: headers(),
        exact: true,
      })
      show(
        'open',
        String(answer.status),
        facts(took(), answer.requestId),
        JSON.stringify(answer.data, null, 2) ?? '',
      )
    } catch (thrown) {
      if (!(thrown instanceof IsomqError)) throw thrown
      const { code, message, details } = thrown
      show('closed', code, facts(took(), details?.requestId), `${code}: ${message}`)
    } finally {
      isCalling = false
    }
    if (signed !== undefined) showCanonical(section, signed)
    refresh()
  }

  function params(): Record<string, unknown> {
    const text = field('params').value.trim()
    let value: unknown
    try {
      value = JSON.parse(text === '' ? '{}' : text)
    } catch (cause) {
      throw new IsomqError('prism', 'CONFIG', `the parameters are not JSON (${textOf(cause)})`)
    }
    return value as Record<string, unknown>
  }

  function headers(): Record<string, string> {
    const name = field('header-name').value.trim()
    return name === '' ? {} : { [name]: field('header-value').value }
  }

  function show(state: string, badge: string, facts: string, data: string): void {
    const shown = part(section, 'call-state')
    shown.dataset.state = state
    setText(shown, badge)
    setText(part(section, 'call-facts'), facts)
    const told = part(section, 'call-data')
    if (state === 'closed') told.setAttribute('role', 'alert')
    else told.removeAttribute('role')
    setText(told, data)
  }

  const select = part<HTMLSelectElement>(section, 'example')
  select.append(...EXAMPLES.map(({ name }) => element('option', '', name)))
  select.addEventListener('change', () => choose(EXAMPLES[select.selectedIndex]!))
  choose(EXAMPLES[0]!)
  controls.submit('call-form', call)
  controls.click('refuse', async () => {
    // Counted before it is armed: a client may run into it at once.
    controls.armed('refuse', ++refusals)
    try {
      await api.control('refuse', { count: 1 })
    } catch (thrown) {
      controls.armed('refuse', --refusals)
      throw thrown
    }
  })
  const showSkew = controls.kept('skew', async (on) => {
    await api.control('skew', { seconds: on ? AHEAD : 0 })
    refresh()
  })

  return {
    /** The server refused a call, as it was told to. */
    refused(): void {
      refusals = Math.max(0, refusals - 1)
      controls.armed('refuse', refusals)
    },
    told: (skew: number, askedAt: number) => showSkew(skew !== 0, askedAt),
    reset(): void {
      refusals = 0
      controls.armed('refuse', 0)
    },
  }
}

/** An object as JSON, with a line for each of its fields. */
function jsonLines(object: object): string {
  const fields = Object.entries(object).map(
    ([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`,
  )
  return fields.length === 0 ? '{}' : `{\n${fields.join(',\n')}\n}`
}

const facts = (took: string, requestId: unknown): string =>
  [took, requestId === undefined ? '' : `request ${requestId}`].filter((text) => text !== '').join(' · ')
