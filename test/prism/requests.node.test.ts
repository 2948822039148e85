// One notify of a module, used by several requests of a Worker: a socket belongs to the request that opened it.
import { Miniflare } from 'miniflare'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PRISM, prismRoom } from '../support/emulator.ts'
import { until } from '../support/events.ts'
import { workerScript } from '../support/worker.ts'

const WORKER = `
import { createPrismClient } from 'isomq/prism'

let notify

async function take() {
  const signal = AbortSignal.timeout(3000)
  const messages = notify.messages({ signal })
  try {
    const { value } = await messages.next()
    await value.ack()
    return 'acked'
  } finally {
    await messages.return()
  }
}

async function publish(body) {
  await notify.publish('requests', body, { timeout: 3000 })
  return 'handed over'
}

export default {
  async fetch(request) {
    const { baseUrl, key, secret, body } = await request.json()
    notify ??= createPrismClient({ baseUrl, key, secret })
      .notify({ reconnect: { minDelay: 10, maxDelay: 10 } })
    try {
      return new Response(await (body === undefined ? take() : publish(body)))
    } catch (error) {
      return new Response(error.code ?? String(error))
    }
  },
}`

const ENDINGS = [
  'handed over',
  'acked',
  'ABORTED',
  'CONNECTION_LOST',
  'TIMEOUT',
  'CONNECT_FAILED',
  'CONNECT_TIMEOUT',
]

let worker: Miniflare

beforeAll(async () => {
  worker = new Miniflare({
    cf: false,
    compatibilityDate: '2026-04-01',
    modules: true,
    script: await workerScript(WORKER),
  })
  await worker.ready
})
afterAll(() => worker?.dispose())

test('A20 · overlapping requests on one notify all end, and what later ones publish arrives', async () => {
  const { baseUrl, stats } = prismRoom()
  const request = async (body?: string) => {
    const response = await worker.dispatchFetch('http://localhost/', {
      method: 'POST',
      body: JSON.stringify({ baseUrl, ...PRISM, body }),
    })
    return await response.text()
  }
  const together = await Promise.all([request('a'), request(), request('b'), request()])
  for (const ending of together) expect(ENDINGS).toContain(ending)
  const taken = async () => (await stats()).publishesTaken!
  const before = await taken()
  const later: string[] = []
  while (later.length < 10 && later.at(-1) !== 'handed over') later.push(await request('later'))
  expect(later.at(-1)).toBe('handed over')
  await until(async () => (await taken()) > before)
}, 60_000)
