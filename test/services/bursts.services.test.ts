// Very many messages at once. RabbitMQ gives up a socket of Web STOMP that is 400 confirmations ahead of it.
import type { StompBroker } from 'isomq/tamar/rabbitmq'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lacking } from './services.ts'
import { BROKERS, openWorld, type World } from './world.ts'

const ROUNDS = 3
const AT_ONCE = 2_000

describe.skipIf(lacking)('a burst', () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld()
  })
  afterAll(() => world.close())

  test('of messages goes through one socket: each is confirmed, and arrives once', async () => {
    const broker = world.broker('stomp') as StompBroker
    broker.listen({ waiting: false, reply() {}, lost() {} })
    const lines: string[] = []
    broker.on('status', ({ type }) => lines.push(type))
    const { dispatches } = world.gateway.rabbit
    for (let round = 0; round < ROUNDS; round++) {
      const before = dispatches.length
      const bodies = Array.from({ length: AT_ONCE }, (_, n) => `{"message_id": "${round}-${n}"}`)
      await Promise.all(bodies.map((body) => broker.publish({ body }, { timeout: 60_000 })))
      await world.gateway.rabbit.settle()
      expect(dispatches.slice(before).map(({ body }) => body)).toEqual(bodies)
    }
    expect(lines).toEqual(['connected'])
    await broker.close()
  })

  test.each(BROKERS)('of commands over %s: each gets its own answer', async (name) => {
    const broker = world.broker(name)
    const answers = new Map<string, (body: string) => void>()
    broker.listen({
      waiting: true,
      lost() {},
      reply: (correlationId, body) => answers.get(correlationId)?.(body),
    })
    const count = name === 'stomp' ? AT_ONCE : 200
    const all = Array.from({ length: count }, async (_, n) => {
      const correlationId = `burst-${name}-${n}`
      const answered = new Promise<string>((resolve) => answers.set(correlationId, resolve))
      await broker.publish({ body: `{"message_id": "${n}"}`, correlationId }, { timeout: 60_000 })
      return { answered, correlationId }
    })
    const sent = await Promise.all(all)
    await world.gateway.rabbit.settle()
    const mine = world.gateway.rabbit.dispatches.filter(({ properties }) =>
      answers.has(properties.correlationId ?? ''),
    )
    expect(mine).toHaveLength(count)
    for (const dispatch of mine)
      await world.gateway.rabbit.answer(dispatch, `"${dispatch.properties.correlationId}"`)
    for (const { answered, correlationId } of sent) expect(await answered).toBe(`"${correlationId}"`)
    await broker.close()
  })
})
