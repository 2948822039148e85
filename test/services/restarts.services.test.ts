// The servers are killed and come back while messages are sent: what resolved is there and went out, and what did not
// says what is there.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../support/events.ts'
import { idOf, type Row } from './gateway.ts'
import { lacking, servers } from './services.ts'
import { BROKERS, type BrokerName, openWorld, type World } from './world.ts'

/** What became of one send; each has a user of its own. */
interface Outcome {
  readonly user: string
  /** Of a send that resolved. */
  readonly id?: string
  /** Of one that did not. */
  readonly details?: { readonly row?: unknown; readonly messageId?: string }
}

describe.skipIf(lacking)('on real servers', () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld()
  })
  afterEach(() => world.reset())
  afterAll(() => world.close())

  /** Sends by one of the brokers, 8 messages at a time, for as long as it is told to. */
  async function sendWhile(
    going: () => boolean,
    name: BrokerName,
    prefix: string,
    outcomes: Outcome[],
  ): Promise<void> {
    const broker = world.broker(name, name === 'stomp' ? { reconnect: { maxDelay: 500 } } : {})
    const client = world.client(name, { broker, stepTimeout: 2_000 })
    let count = 0
    const worker = async (): Promise<void> => {
      while (going()) {
        const user = `${prefix}-${name}-${++count}`
        try {
          outcomes.push({ user, id: await client.sendReliable(user, user) })
        } catch (error) {
          expect(error).toMatchObject({ code: 'PROVIDER', provider: 'tamar' })
          outcomes.push({ user, details: (error as { details: object }).details })
          // A server that is down refuses faster than is of use.
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
      }
    }
    await Promise.all(Array.from({ length: 8 }, worker))
  }

  /** Sends by both brokers while something happens, which may wait until so many more sends have resolved. */
  async function sendDuring(
    prefix: string,
    event: (resolved: (count: number) => Promise<void>) => Promise<unknown>,
  ): Promise<Outcome[]> {
    const outcomes: Outcome[] = []
    const count = (): number => outcomes.filter(({ id }) => id !== undefined).length
    let going = true
    const sending = Promise.all(BROKERS.map((name) => sendWhile(() => going, name, prefix, outcomes)))
    const resolved = (more: number): Promise<void> => {
      const enough = count() + more
      return until(() => count() >= enough)
    }
    try {
      await Promise.race([event(resolved), sending])
    } finally {
      going = false
      await sending
    }
    return outcomes
  }

  /** Holds what is there against what the callers were told. */
  async function judge(outcomes: readonly Outcome[], prefix: string): Promise<void> {
    const idsOf = new Map<string, string[]>()
    for (const row of await world.gateway.rows('target_user_id LIKE ?', `${prefix}-%`)) {
      const { id, target_user_id: user } = row as Row & { id: string; target_user_id: string }
      idsOf.set(user, [...(idsOf.get(user) ?? []), id])
    }
    const client = world.client('stomp')
    for (const { user, details } of outcomes) {
      // What may not have gone out goes out now.
      if (details?.messageId !== undefined && idsOf.has(user)) await client.dispatch(details.messageId)
    }
    await world.gateway.rabbit.settle()
    const dispatched = new Set(world.gateway.rabbit.dispatches.map(idOf))
    for (const { user, id, details } of outcomes) {
      const ids = idsOf.get(user) ?? []
      if (id !== undefined) expect(ids, user).toEqual([id])
      else if (details?.row === true) expect(ids, user).toEqual([details.messageId])
      else if (details?.row === false) expect(ids, user).toEqual([])
      else {
        expect(details, user).toMatchObject({ row: 'unknown', messageId: expect.any(String) })
        expect([[], [details!.messageId]], user).toContainEqual(ids)
      }
      for (const one of ids) expect(dispatched.has(one), `${user} was dispatched`).toBe(true)
    }
  }

  test.each(['redis', 'mysql', 'rabbit'] as const)(
    '%s is killed and comes back: no send is lost or doubled in silence',
    async (server) => {
      const outcomes = await sendDuring(server, async (resolved) => {
        await resolved(30)
        await servers()[server].kill()
        await servers()[server].restart()
        await world.gateway.rabbit.ready
        await resolved(30)
      })
      await judge(outcomes, server)
    },
  )

  test('sockets are cut again and again: no send is lost or doubled in silence', async () => {
    const outcomes = await sendDuring('cut', async (resolved) => {
      for (let cuts = 0; cuts < 10; cuts++) {
        await resolved(10)
        for (const relay of Object.values(world.relays)) relay.cut()
      }
    })
    await judge(outcomes, 'cut')
  })

  test('the sequence of a user goes on after a restart of Redis', async () => {
    const client = world.client('stomp')
    await client.sendReliable('steady', 1)
    await servers().redis.restart()
    const again = (): Promise<string> => client.sendReliable('steady', 2).then(() => 'sent', String)
    await expect.poll(again, { timeout: 30_000 }).toBe('sent')
    expect((await world.gateway.rows('target_user_id = "steady"')).map(({ seq }) => seq)).toEqual(['1', '2'])
  })

  test('commands that wait outlive a restart of RabbitMQ', async () => {
    const answers = BROKERS.map((name) => world.client(name).sendCommand(`patient-${name}`, { type: 'ask' }))
    const commands = [await world.gateway.next(), await world.gateway.next()]
    await servers().rabbit.kill()
    for (const { row } of commands) await world.gateway.store(row.id!, `to ${row.target_user_id}`)
    await servers().rabbit.restart()
    await world.gateway.rabbit.ready
    expect(await Promise.all(answers)).toEqual(BROKERS.map((name) => `to patient-${name}`))
  })
})
