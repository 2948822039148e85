// What the projects for workerd cannot ask: their pool always switches nodejs_compat on.
import { Miniflare } from 'miniflare'
import { expect, inject, test } from 'vitest'
import { workerScript } from '../support/worker.ts'

const WORKER = `
import * as everything from 'isomq'
import { createTmcClient, IsomqError } from 'isomq/tmc'

export default {
  async fetch(request) {
    const url = await request.text()
    await using client = createTmcClient({ url, appKey: '12345678', appSecret: 'isomq-secret' })
    const contents = []
    for await (const message of client.messages({ signal: AbortSignal.timeout(20000) })) {
      contents.push(message.json().n)
      await message.ack()
      if (contents.length === 3) break
    }
    const same = everything.IsomqError === IsomqError
    return Response.json({ same, contents: contents.sort(), node: 'process' in globalThis })
  },
}`

const script = await workerScript(WORKER)

// From 2026-03-17 on, binary frames are Blobs by default.
test.each([
  ['2026-03-16', []],
  ['2026-03-16', ['nodejs_compat']],
  ['2026-04-01', []],
  ['2026-04-01', ['nodejs_compat']],
])('a Worker of compatibility date %s with the flags %j receives and confirms', async (date, flags) => {
  const room = `${inject('playground')}/tmc/worker-${crypto.randomUUID()}`
  const produce = { op: 'produce', count: 3, content: '{"n":{n}}', size: 5000 }
  await fetch(`${room}/control`, { method: 'POST', body: JSON.stringify(produce) })
  const worker = new Miniflare({
    cf: false,
    compatibilityDate: date,
    compatibilityFlags: flags,
    modules: true,
    script: script,
  })
  try {
    const url = `${room.replace('http', 'ws')}/`
    const response = await worker.dispatchFetch('http://localhost/', { method: 'POST', body: url })
    const node = flags.includes('nodejs_compat')
    expect(await response.json()).toEqual({ same: true, contents: [1, 2, 3], node })
    const stats = async () => (await fetch(`${room}/control`)).json()
    // The last confirm may still be on its way.
    await expect.poll(stats).toMatchObject({ confirmed: 3, waiting: 0, unconfirmed: 0 })
  } finally {
    await worker.dispose()
  }
})
