import { expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { TmcScript } from '../support/tmc.ts'
import { bench } from './bench.ts'

/** A client whose connections are all signed in, and their servers. */
async function three() {
  const b = bench({ connections: 3, reconnect: { minDelay: 1_000, stableAfter: 0 } })
  b.network.onDial = (socket) =>
    queueMicrotask(() => new TmcScript(socket).accept(`T${b.network.sockets.length}`))
  await b.client.connect()
  return { ...b, scripts: b.network.sockets.map((socket) => new TmcScript(socket)) }
}

test('all of them sign in before connect() resolves; each acks what it brought', async () => {
  const { client, scripts } = await three()
  client.on('message', () => {})
  for (const [i, script] of scripts.entries()) script.deliver(i + 1)
  await flush()
  expect(client.stats().connections).toBe(3)
  expect(scripts.map(({ confirmed }) => confirmed)).toEqual([['1'], ['2'], ['3']])
})

test('produced messages take turns over them', async () => {
  const { client, scripts } = await three()
  const all = Array.from({ length: 6 }, (_, n) => client.produce({ topic: 't', content: `${n}` }))
  await flush()
  expect(scripts.map(({ produced }) => produced.length)).toEqual([2, 2, 2])
  for (const script of scripts) for (const { flag } of script.produced) script.answer(flag)
  await Promise.all(all)
})

test('the client is open while any of them is; only what the lost one brought is lost', async () => {
  const { client, scripts, clock, statuses } = await three()
  const messages = client.messages()
  const taken = [messages.next(), messages.next()]
  scripts[0]!.deliver(1)
  scripts[1]!.deliver(2)
  const [one, two] = (await Promise.all(taken)).map(({ value }) => value)
  scripts[0]!.socket.drop()
  await flush()
  expect([client.state, client.stats().connections]).toEqual(['open', 2])
  expect(await rejection(one.ack())).toMatchObject({ code: 'CONNECTION_LOST' })
  await two.ack()
  expect(scripts[1]!.confirmed).toEqual(['2'])
  expect(statuses.findLast(({ type }) => type === 'disconnected')).toMatchObject({ connection: 1 })
  await clock.advance(30_000)
  expect(client.stats()).toMatchObject({ connections: 3, reconnects: 1 })
})

test('one that is refused ends them all', async () => {
  const b = bench({ connections: 2 })
  const connecting = rejection(b.client.connect())
  await flush()
  const [first, second] = b.network.sockets.map((socket) => new TmcScript(socket))
  first!.accept()
  second!.refuse(7, 'too many connections')
  expect(await connecting).toMatchObject({ code: 'AUTH_REJECTED', details: { code: 7 } })
  await flush()
  expect([b.client.state, b.network.sockets.every(({ isOver }) => isOver)]).toEqual(['closed', true])
})
