// What the service's own browser client was tested for, scenario by scenario, with a client of its habits.
import { expect, onTestFinished, test } from 'vitest'
import { tamburRoom } from '../support/emulator.ts'
import type { TamburRoom } from '../support/room.ts'
import { OldConnection, type OldStream } from './old.ts'
import { publish } from './publisher.ts'

type Settable<Name extends string> = { [key in Name]: (value: never) => void }

/** Waits for a callback to be called. */
const called = <Name extends string>(target: Settable<Name>, name: Name): Promise<unknown> =>
  new Promise((resolve) => {
    target[name] = resolve
  })

function connection(room: TamburRoom): OldConnection {
  const made = new OldConnection(room)
  onTestFinished(() => made.close())
  return made
}

/** A stream that is subscribed. */
async function active(connection: OldConnection, name: string): Promise<OldStream> {
  const stream = connection.stream(name)
  await called(stream, 'ready')
  return stream
}

async function enabled(stream: OldStream, ...mode: Parameters<OldStream['enable']>): Promise<void> {
  const done = called(stream, 'onenabled')
  stream.enable(...mode)
  expect(await done).toBe(mode[0])
}

async function ready(room: TamburRoom): Promise<OldConnection> {
  const made = connection(room)
  await called(made, 'ready')
  return made
}

const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

test('a connection finds its socket through the balancer and gets an id', async () => {
  const { subscriberId } = await ready(tamburRoom())
  expect(subscriberId).toMatch(uuid)
})

test('connections of one page ask by their number, and each gets an id of its own', async () => {
  const room = tamburRoom()
  const all = await Promise.all([ready(room), ready(room), ready(room)])
  expect(new Set(all.map(({ subscriberId }) => subscriberId)).size).toBe(3)
  expect(await room.stats()).toMatchObject({ balancerCalls: 3, connections: 3, commands: 0 })
})

test('connections of two apps know nothing of each other', async () => {
  const [room, other] = [tamburRoom(), tamburRoom()]
  const [one, two] = [await active(await ready(room), 'test'), await active(await ready(other), 'test')]
  two.on.message = () => expect.fail('it was for the other app')
  const message = called(one.on, 'message')
  await publish(room, 'test', 'for one app')
  expect(await message).toBe('for one app')
  expect(await other.stats()).toMatchObject({ delivered: 0, connections: 1 })
})

test('close and reopen', async () => {
  const made = await ready(tamburRoom())
  const closed = called(made, 'onclose')
  made.close()
  await closed
  const opened = called(made, 'ready')
  made.reopen()
  await opened
  expect(made.subscriberId).toMatch(uuid)
})

test('commands that were given before the handshake wait', async () => {
  const room = tamburRoom()
  const made = connection(room)
  const [first, second] = [made.stream('test'), made.stream('second')]
  expect(made.subscriberId).toBeUndefined()
  await Promise.all([called(first, 'ready'), called(second, 'ready')])
  expect(await room.stats()).toMatchObject({ commands: 2, refusedCommands: 0 })
})

test('commands that are given after the handshake do not', async () => {
  const made = await ready(tamburRoom())
  expect((await active(made, 'test')).active).toBe(true)
})

test('a stream cannot be opened twice, nor closed twice', async () => {
  const room = tamburRoom()
  const stream = await active(await ready(room), 'test')
  expect(() => stream.reopen()).toThrow('already active')
  stream.close()
  await expect.poll(() => stream.active).toBe(false)
  expect(() => stream.close()).toThrow('inactive')
  expect(await room.stats()).toMatchObject({ streams: [], connections: 1 })
})

test('after a reconnect streams are subscribed again, under another id', async () => {
  const room = tamburRoom()
  const made = await ready(room)
  const stream = await active(made, 'test')
  const before = made.subscriberId
  const closed = called(made, 'onclose')
  made.close()
  await closed
  made.reopen()
  await called(stream, 'ready')
  expect(made.subscriberId).not.toBe(before)
  const message = called(stream.on, 'message')
  await publish(room, 'test', 'again')
  expect(await message).toBe('again')
})

test('a common stream receives', async () => {
  const room = tamburRoom()
  const stream = await active(await ready(room), 'common_test')
  const message = called(stream.on, 'message')
  const text = JSON.stringify({ handle: 'ABC123', emoji: '😀 & "quotes"' })
  expect((await publish(room, 'common_test', text)).status).toBe(204)
  expect(await message).toBe(text)
})

test('the private stream receives, without being subscribed', async () => {
  const room = tamburRoom()
  const [made, other] = [await ready(room), await ready(room)]
  const message = called(made.stream('private').on, 'message')
  other.stream('private').on.message = () => expect.fail('it was for another')
  expect((await publish(room, `private:${made.subscriberId}`, 'for you')).status).toBe(204)
  expect(await message).toBe('for you')
  expect(await room.stats()).toMatchObject({ commands: 0, delivered: 1 })
})

test('auth messages', async () => {
  const room = tamburRoom()
  const stream = await active(await ready(room), 'auth_test')
  await enabled(stream, 'auth')
  const message = called(stream.on, 'auth')
  await publish(room, 'auth:auth_test', 'secret')
  expect(await message).toBe('secret')
})

test('presence of two users: up and down', async () => {
  const room = tamburRoom()
  const first = await active(await ready(room), 'presence_test')
  await enabled(first, 'presence', 'test_user1')
  const up = called(first.on, 'presence')
  const second = await active(await ready(room), 'presence_test')
  const present = called(second.on, 'presence')
  await enabled(second, 'presence', 'test_user2')
  expect(await up).toEqual(['test_user2', 'up'])
  expect(await present).toEqual(['test_user1', 'up'])
  const down = called(second.on, 'presence')
  first.disable('presence')
  expect(await down).toEqual(['test_user1', 'down'])
})

test('direct messages', async () => {
  const room = tamburRoom()
  const first = await active(await ready(room), 'direct_test')
  await enabled(first, 'direct', 'test_user1')
  const message = called(first.on, 'direct')
  const second = await active(await ready(room), 'direct_test')
  await enabled(second, 'direct', 'test_user2')
  second.direct('test_user1', 'hello')
  expect(await message).toEqual(['test_user2', 'hello'])
})

test('a mode cannot be enabled twice, nor disabled twice', async () => {
  const room = tamburRoom()
  const stream = await active(await ready(room), 'exceptions_test')
  const modes: Parameters<OldStream['enable']>[] = [
    ['auth'],
    ['presence', 'exception_tester'],
    ['direct', 'exception_tester'],
  ]
  expect(() => stream.direct('exception_tester', 'x')).toThrow('Direct Mode is not enabled')
  for (const mode of modes) await enabled(stream, ...mode)
  for (const mode of modes) expect(() => stream.enable(...mode)).toThrow('already enabled')
  for (const [mode] of modes) {
    const disabled = called(stream, 'ondisabled')
    stream.disable(mode)
    expect(await disabled).toBe(mode)
  }
  for (const [mode] of modes) expect(() => stream.disable(mode)).toThrow('not enabled')
  expect(await room.stats()).toMatchObject({ commands: 7, refusedCommands: 0 })
})
