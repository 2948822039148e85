// The client against the emulator, in every runtime.
import { createTmcClient, IsomqError, type TmcClientOptions } from 'isomq/tmc'
import { expect, inject, test } from 'vitest'

const COUNT = 20

/** A room of the emulator that no other test uses. */
function createRoom() {
  const url = `${inject('playground')}/tmc/live-${crypto.randomUUID()}`
  return {
    client: (options: Partial<TmcClientOptions> = {}) =>
      createTmcClient({
        url: `${url.replace('http', 'ws')}/`,
        appKey: '12345678',
        appSecret: 'isomq-secret',
        connectTimeout: 20_000,
        answerTimeout: 20_000,
        ...options,
      }),
    async control(op: string, args: object = {}): Promise<Record<string, unknown>> {
      const response = await fetch(`${url}/control`, {
        method: 'POST',
        body: JSON.stringify({ op, ...args }),
      })
      expect(response.ok).toBe(true)
      return (await response.json()) as Record<string, unknown>
    },
  }
}

const NUMBERS = Array.from({ length: COUNT }, (_, n) => n + 1)

test('receives messages with `on`, and confirms each', async () => {
  const room = createRoom()
  await using client = room.client()
  const seen: number[] = []
  const all = new Promise<void>((resolve) => {
    client.on('message', (message) => {
      seen.push(message.json<{ tid: number }>().tid)
      if (seen.length === COUNT) resolve()
    })
  })
  await client.connect()
  expect(client.state).toBe('open')
  await room.control('produce', { count: COUNT })
  await all
  await client.close()
  expect(seen.sort((a, b) => a - b)).toEqual(NUMBERS)
  expect(client.stats()).toMatchObject({ received: COUNT, acked: COUNT, nacked: 0, malformed: 0 })
})

test('receives messages with `for await`, and confirms each', async () => {
  const room = createRoom()
  await using client = room.client()
  await client.connect()
  await room.control('produce', { count: COUNT, size: 5000 })
  const seen: number[] = []
  for await (const message of client.messages()) {
    expect(message.content).toHaveLength(5000)
    seen.push(message.json<{ tid: number }>().tid)
    await message.ack()
    if (seen.length === COUNT) break
  }
  expect(seen.sort((a, b) => a - b)).toEqual(NUMBERS)
  expect(client.stats().acked).toBe(COUNT)
})

test('produces messages, which arrive', async () => {
  const room = createRoom()
  await using client = room.client()
  await client.connect()
  const first = client.messages()[Symbol.asyncIterator]().next()
  await client.produce({ topic: 'taobao_jindou_MessagePush', content: { greeting: '你好 🚀' } })
  const { value: message } = await first
  expect(message?.topic).toBe('taobao_jindou_MessagePush')
  expect(message?.json()).toEqual({ greeting: '你好 🚀' })
  await message?.ack()
  expect(client.stats().produced).toBe(1)
})

test('a refused sign-in is AUTH_REJECTED with what the server said', async () => {
  await using client = createRoom().client({ appSecret: 'wrong' })
  const error = await client.connect().then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(IsomqError)
  expect(error).toMatchObject({ code: 'AUTH_REJECTED', provider: 'tmc', retryable: false })
  expect((error as IsomqError).message).toContain('invalid signature')
  expect(client.state).toBe('closed')
})

test('closes from every state, and stays closed', async () => {
  const idle = createRoom().client()
  await idle.close()
  expect(idle.state).toBe('closed')
  const connecting = createRoom().client()
  const refused = expect(connecting.connect()).rejects.toMatchObject({ code: 'CLOSED' })
  await connecting.close()
  await refused
  const open = createRoom().client()
  await open.connect()
  await Promise.all([open.close(), open.close()])
  expect(open.state).toBe('closed')
  await expect(open.produce({ topic: 't', content: '' })).rejects.toMatchObject({ code: 'CLOSED' })
})
