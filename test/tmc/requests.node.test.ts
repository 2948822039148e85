// One client of a module, used by several requests of a Worker: a socket belongs to the request that opened it.
import { Miniflare } from 'miniflare'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { room } from '../support/emulator.ts'
import { workerScript } from '../support/worker.ts'

const WORKER = `
import { createTmcClient } from 'isomq/tmc'

let client

export default {
  async fetch(request) {
    const { url, content } = await request.json()
    client ??= createTmcClient({
      url,
      appKey: '12345678',
      appSecret: 'isomq-secret',
      reconnect: { minDelay: 10, maxDelay: 10 },
    })
    try {
      await client.produce({ topic: 'requests', content }, { timeout: 3000 })
      return new Response('taken')
    } catch (error) {
      return new Response(error.code ?? String(error))
    }
  },
}`

const ENDINGS = ['taken', 'CONNECTION_LOST', 'TIMEOUT', 'CONNECT_FAILED', 'CONNECT_TIMEOUT']

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

test('A20 · two overlapping requests on one client both end, and later ones get through', async () => {
  const { url, control, stats } = room()
  const request = async (content: string) => {
    const response = await worker.dispatchFetch('http://localhost/', {
      method: 'POST',
      body: JSON.stringify({ url, content }),
    })
    return await response.text()
  }
  // The answers take a while, so that the requests overlap.
  await control('delay', { ms: 100 })
  const together = await Promise.all([request('a'), request('b')])
  for (const ending of together) expect(ENDINGS).toContain(ending)
  await control('delay', { ms: 0 })
  const later: string[] = []
  while (later.length < 10 && later.at(-1) !== 'taken') later.push(await request('later'))
  expect(later.at(-1)).toBe('taken')
  expect((await stats()).produced).toBeGreaterThanOrEqual(1)
}, 60_000)
