// What only Node tells: its warnings, and what a WebSocket meets on its way.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createWampSession } from 'isomq/webmq'
import { expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { bench2 } from './bench.ts'

test('a session of many topics warns of nothing, at first and when they are restored', async () => {
  const warnings: Error[] = []
  const listen = (warning: Error) => warnings.push(warning)
  process.on('warning', listen)
  try {
    const b = bench2()
    await b.open()
    const all = Array.from({ length: 50 }, (_, n) => b.session.subscribe(`topic${n}`))
    await flush()
    b.script.grant()
    await Promise.all(all)
    const script = await b.again()
    // Warnings are told a turn later.
    await new Promise(setImmediate)
    expect([script.subscribes.length, warnings]).toEqual([50, []])
  } finally {
    process.off('warning', listen)
  }
})

test.each([301, 302, 307, 308, 401, 200])(
  'a server that answers the upgrade with %d is not followed',
  async (status) => {
    const asked: (string | undefined)[] = []
    const server = createServer((request, response) => {
      asked.push(request.url)
      response.writeHead(status, { location: '/elsewhere' }).end('no WebSocket here')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    try {
      const url = `ws://127.0.0.1:${port}/ws?token=MARKER`
      const error = await rejection(createWampSession({ url, reconnect: false }).connect())
      expect(error).toMatchObject({ code: 'CONNECT_FAILED', provider: 'webmq' })
      expect(asked).toEqual(['/ws?token=MARKER'])
      expect(`${error.stack} ${(error.cause as Error | undefined)?.stack}`).not.toContain('MARKER')
    } finally {
      server.close()
    }
  },
)
