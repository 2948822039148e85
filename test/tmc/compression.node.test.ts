import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createTmcClient } from 'isomq/tmc'
import { expect, onTestFinished, test } from 'vitest'

// Newer Nodes have a WebSocket of their own, which nobody can ask this of.
const ownsNone = (globalThis as { WebSocket?: unknown }).WebSocket === undefined

if (ownsNone) {
  test('small frames are not compressed one by one: the client does not offer it', async () => {
    const server = createServer()
    const upgrade = new Promise<IncomingMessage>((resolve) =>
      server.on('upgrade', (request, socket) => {
        socket.destroy()
        resolve(request)
      }),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const client = createTmcClient({ url: `ws://127.0.0.1:${port}/`, appKey: '1', appSecret: 's' })
    onTestFinished(async () => {
      await client.close()
      server.close()
    })
    client.connect().catch(() => {})
    expect((await upgrade).headers['sec-websocket-extensions']).toBeUndefined()
  })
} else {
  test('the runtime has a WebSocket of its own', () => expect(ownsNone).toBe(false))
}
