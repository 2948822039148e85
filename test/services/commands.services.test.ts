// Answers to commands: in every order, doubled, late, of others, spoilt; and while the way back is broken.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { rejection, until } from '../support/events.ts'
import type { Dispatch } from './amqp.ts'
import { idOf } from './gateway.ts'
import { GUEST } from './rabbitmq.ts'
import { lacking, servers } from './services.ts'
import { BROKERS, type BrokerName, openWorld, type World } from './world.ts'

const COMMAND = { type: 'ask', data: null } as const

describe.skipIf(lacking)('on real servers', () => {
  let world: World
  beforeAll(async () => {
    world = await openWorld()
  })
  afterEach(() => world.reset())
  afterAll(() => world.close())

  const next = (): Promise<Dispatch> => world.gateway.rabbit.inbox.next()

  /** Takes the queue of the answers away, or the socket that it lives with. */
  async function loseQueue(name: BrokerName, { properties }: Dispatch): Promise<void> {
    if (name === 'stomp') return void world.relays.stomp.cut()
    const queue = encodeURIComponent(properties.replyTo!)
    const url = `http://127.0.0.1:${servers().rabbit.ports.management}/api/queues/%2F/${queue}`
    const authorization = `Basic ${btoa(`${GUEST.username}:${GUEST.password}`)}`
    const { status } = await fetch(url, { method: 'DELETE', headers: { authorization } })
    expect(status).toBe(204)
  }

  describe.each(BROKERS)('%s', (name) => {
    // The HTTP API gives away a few messages at a time.
    const count = name === 'stomp' ? 1_000 : 200
    test(`${count} commands in flight get their own answers, in whatever order they come`, async () => {
      const client = world.client(name, { stepTimeout: 0 })
      const commands: Dispatch[] = []
      const answers: Promise<unknown>[] = []
      while (answers.length < count) {
        for (let i = 0; i < 50; i++) answers.push(client.sendCommand(`u${answers.length}`, COMMAND))
        // That one fails is not waited for.
        const sent = async (): Promise<void> => {
          while (commands.length < answers.length) commands.push(await next())
        }
        await Promise.race([sent(), Promise.all(answers)])
      }
      expect(client.stats().waiting).toBe(count)
      const users = new Map(
        (await world.gateway.rows('push_type = 2 AND status = "PENDING"')).map((row) => [row.id, row]),
      )
      // Ids are random: their order is not that of the commands.
      const turned = commands.toSorted((a, b) => (idOf(a) < idOf(b) ? -1 : 1))
      for (const command of turned) {
        const user = users.get(idOf(command))!.target_user_id
        await world.gateway.rabbit.answer(command, JSON.stringify({ user }))
      }
      expect(await Promise.all(answers)).toEqual(answers.map((_, i) => ({ user: `u${i}` })))
      expect(client.stats()).toMatchObject({ answered: count, found: 0, unclaimed: 0, waiting: 0 })
      await world.gateway.sql('UPDATE push_messages SET status = "FINISHED" WHERE status = "PENDING"')
    })

    test('a doubled answer and the answer to a command of another are dropped', async () => {
      const client = world.client(name)
      const first = client.sendCommand('u', COMMAND)
      const command = await next()
      const { rabbit } = world.gateway
      await rabbit.answer(command, '"not yours"', '11111111-1111-4111-8111-111111111111')
      await rabbit.answer(command, '"first"')
      await rabbit.answer(command, '"second"')
      expect(await first).toBe('first')
      const second = client.sendCommand('u', COMMAND)
      await rabbit.answer(await next(), '"third"')
      expect(await second).toBe('third')
      expect(client.stats()).toMatchObject({ answered: 2, unclaimed: 2, waiting: 0 })
    })

    test('an answer without a correlation id harms nobody', async () => {
      const client = world.client(name)
      const answer = client.sendCommand('u', COMMAND)
      const command = await next()
      const { replyTo } = command.properties
      world.gateway.rabbit.channel.publish('', replyTo!, Buffer.from('"whose?"'), {})
      await world.gateway.rabbit.answer(command, '"mine"')
      expect(await answer).toBe('mine')
    })

    test('an answer that comes too late is dropped', async () => {
      const client = world.client(name)
      const late = await rejection(client.sendCommand('u', { ...COMMAND, timeout: 300 }))
      const command = await next()
      expect(late).toMatchObject({ code: 'TIMEOUT', details: { messageId: idOf(command), row: true } })
      await world.gateway.rabbit.answer(command, '"late"')
      const answer = client.sendCommand('u', COMMAND)
      await world.gateway.rabbit.answer(await next(), '"in time"')
      expect(await answer).toBe('in time')
      await until(() => client.stats().unclaimed === 1)
    })

    test.each([
      ['half of JSON', '{"a":'],
      ['nothing', ''],
      ['a text', 'done'],
      ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x80])],
    ])('an answer that is %s fails that one command', async (_, body) => {
      const client = world.client(name)
      const failing = rejection(client.sendCommand('u', COMMAND))
      const bad = await next()
      const answer = client.sendCommand('u', COMMAND)
      const good = await next()
      await world.gateway.rabbit.answer(bad, body)
      await world.gateway.rabbit.answer(good, '{"fine":true}')
      expect(await failing).toMatchObject({ code: 'PROTOCOL', details: { messageId: idOf(bad), row: true } })
      expect(await answer).toEqual({ fine: true })
    })

    test('an answer of MBytes with every sign arrives', async () => {
      const client = world.client(name)
      const text = Array.from({ length: 0x3_000 }, (_, i) => String.fromCodePoint(i)).join('')
      const response = Array.from({ length: 40 }, () => text)
      const answer = client.sendCommand('u', COMMAND)
      await world.gateway.rabbit.answer(await next(), JSON.stringify(response))
      expect(await answer).toEqual(response)
    })

    test('the answer that came before the queue was lost is found in the table', async () => {
      const client = world.client(name)
      const answer = client.sendCommand('u', COMMAND)
      const command = await next()
      await world.gateway.store(idOf(command), { from: 'table' })
      await loseQueue(name, command)
      expect(await answer).toEqual({ from: 'table' })
      expect(client.stats()).toMatchObject({ answered: 1, found: 1 })
    })

    test('answers that come while the queue is gone are found, and new ones come over a new queue', async () => {
      const client = world.client(name)
      const answers = Promise.all(Array.from({ length: 100 }, (_, i) => client.sendCommand(`u${i}`, COMMAND)))
      const commands: Dispatch[] = []
      while (commands.length < 100) commands.push(await next())
      for (const command of commands.slice(0, 30)) await world.gateway.respond(command, idOf(command))
      await loseQueue(name, commands[0]!)
      for (const command of commands.slice(30)) await world.gateway.respond(command, idOf(command))
      expect((await answers).toSorted()).toEqual(commands.map(idOf).toSorted())
      const fresh = client.sendCommand('u', COMMAND)
      const command = await next()
      expect(command.properties.replyTo).toMatch(/./)
      await world.gateway.rabbit.answer(command, '"fresh"')
      expect(await fresh).toBe('fresh')
    })

    test('a command that the gateway gave up is a timeout as soon as that is seen', async () => {
      const client = world.client(name)
      const failing = rejection(client.sendCommand('u', COMMAND))
      const command = await next()
      await world.gateway.store(idOf(command), null, 'TIMED_OUT')
      await world.gateway.sql('UPDATE push_messages SET command_response = NULL WHERE id = ?', idOf(command))
      await loseQueue(name, command)
      expect(await failing).toMatchObject({
        code: 'TIMEOUT',
        details: { messageId: idOf(command), row: true },
      })
    })

    test('the caller ends the wait, and not the command', async () => {
      const client = world.client(name)
      const caller = new AbortController()
      const left = rejection(client.sendCommand('u', { ...COMMAND, signal: caller.signal }))
      const command = await next()
      caller.abort()
      expect(await left).toMatchObject({ code: 'ABORTED', details: { messageId: idOf(command), row: true } })
      await world.gateway.respond(command, 'after all')
      expect(await client.result(idOf(command))).toMatchObject({ status: 'FINISHED', response: 'after all' })
    })
  })
})
