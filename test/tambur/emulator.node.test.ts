import { describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { tamburRoom } from '../support/emulator.ts'
import { publish } from './publisher.ts'
import { Subscriber, subscribed } from './raw.ts'

describe('a socket', () => {
  test('begins with an id, another for each connection', async () => {
    const room = tamburRoom()
    const [first, second] = [await subscribed(room), await subscribed(room, [], room.wire)]
    const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/
    expect([first.id, second.id]).toEqual([expect.stringMatching(uuid), expect.stringMatching(uuid)])
    expect(first.id).not.toBe(second.id)
  })

  test('takes the same commands in binary frames', async () => {
    const room = tamburRoom()
    const peer = await subscribed(room)
    peer.send(Buffer.from('["subscribe",7,"Zoë 王"]'))
    expect(await peer.notices.next()).toEqual([7, 'ok'])
    await publish(room, encodeURIComponent('Zoë 王'), 'hi')
    expect(await peer.messages.next()).toEqual(['Zoë 王', 'message', 'hi'])
    expect(await room.stats()).toMatchObject({ binaryFrames: 1, malformed: 0 })
  })

  test.each([
    ['', 'not_json'],
    ['subscribe:1:demo', 'not_json'],
    ['{}', 'not_an_array'],
    ['null', 'not_an_array'],
    ['[]', 'invalid_command'],
    ['[1,1,"x"]', 'invalid_command'],
    ['["subscribe"]', 'invalid_handle'],
    ['["subscribe",0,"x"]', 'invalid_handle'],
    ['["subscribe",-1,"x"]', 'invalid_handle'],
    ['["subscribe","1","x"]', 'invalid_handle'],
    ['["subscribe",1.5,"x"]', 'invalid_handle'],
  ])('reports the frame %s as an error of no command', async (frame, reason) => {
    const room = tamburRoom()
    const peer = await subscribed(room)
    peer.send(frame)
    expect(await peer.notices.next()).toEqual([0, reason])
    expect(await peer.command('subscribe', 'demo')).toBe('ok')
    expect(await room.stats()).toMatchObject({ malformed: 1, commands: 1 })
  })

  test('reports bytes that are no UTF-8', async () => {
    const peer = await subscribed(tamburRoom())
    peer.send(Buffer.of(0x5b, 0xff))
    expect(await peer.notices.next()).toEqual([0, 'not_utf8'])
  })

  test('is nothing to be asked over HTTP, and below a room there is nothing else', async () => {
    const { site } = tamburRoom()
    const response = await fetch(`${site}/socket`)
    expect([response.status, await response.json()]).toEqual([426, { error: 'upgrade_required' }])
    expect((await fetch(`${site}/none`)).status).toBe(404)
  })

  test('of an address without a room is in the room "default"', async () => {
    const { host } = tamburRoom()
    const peer = await subscribed({ appId: 'isomq-app', url: `ws://${host}/tambur/socket` })
    expect(await peer.setMode('auth', 'demo')).toBe('not_subscribed')
    peer.close()
  })
})

describe('a command is refused', () => {
  test.each<[string, unknown[], string]>([
    ['explode', [], 'unknown_command'],
    ['toString', [], 'unknown_command'],
    ['subscribe', [], 'invalid_arguments'],
    ['subscribe', ['a', 'b'], 'invalid_arguments'],
    ['subscribe', [1], 'invalid_arguments'],
    ['subscribe', [''], 'invalid_stream'],
    ['subscribe', ['private'], 'invalid_stream'],
    ['subscribe', ['private:x'], 'invalid_stream'],
    ['subscribe', ['auth:x'], 'invalid_stream'],
    ['subscribe', ['open'], 'already_subscribed'],
    ['unsubscribe', ['other'], 'not_subscribed'],
    ['unsubscribe', ['constructor'], 'not_subscribed'],
    ['set_mode', ['loud', 'open', 'x'], 'unknown_mode'],
    ['set_mode', [], 'unknown_mode'],
    ['set_mode', ['auth', 'open'], 'invalid_arguments'],
    ['set_mode', ['auth', 'open', 'user', 'x'], 'invalid_arguments'],
    ['set_mode', ['presence', 'open', 'x'], 'invalid_arguments'],
    ['set_mode', ['presence', 'open', '', 'x'], 'invalid_user'],
    ['set_mode', ['direct', 'other', 'user', 'x'], 'not_subscribed'],
    ['set_mode', ['direct', 'open', 'user', 'x'], 'invalid_token'],
    ['unset_mode', ['loud', 'open'], 'unknown_mode'],
    ['unset_mode', ['auth', 'other'], 'not_subscribed'],
    ['unset_mode', ['auth', 'open'], 'not_set'],
    ['unset_mode', ['presence', 'open'], 'not_set'],
    ['unset_mode', ['presence', 'open', 'user'], 'invalid_arguments'],
    ['unset_mode', ['direct', 'open'], 'invalid_arguments'],
    ['unset_mode', ['direct', 'open', 'user'], 'not_set'],
    ['direct', ['open', 'user'], 'invalid_arguments'],
    ['direct', ['open', 'user', { a: 1 }], 'invalid_arguments'],
    ['direct', ['other', 'user', 'x'], 'not_subscribed'],
    ['direct', ['open', 'user', 'x'], 'no_direct_mode'],
  ])('%s %j: %s', async (name, args, reason) => {
    const room = tamburRoom()
    const peer = await subscribed(room, ['open'])
    expect(await peer.command(name, ...args)).toBe(reason)
    expect(await room.stats()).toMatchObject({ refusedCommands: 1, acks: 2 })
  })

  test('when it was done already', async () => {
    const peer = await subscribed(tamburRoom(), ['open'])
    const modes = [['auth'], ['presence', 'zoë'], ['direct', 'a:b']] as const
    for (const [mode, ...user] of modes) {
      expect(await peer.setMode(mode, 'open', ...user)).toBe('ok')
      expect(await peer.setMode(mode, 'open', ...user)).toBe('already_set')
    }
    expect(await peer.command('unset_mode', 'direct', 'open', 'b')).toBe('not_set')
    for (const [mode, ...user] of [['auth'], ['presence'], ['direct', 'a:b']]) {
      expect(await peer.command('unset_mode', mode, 'open', ...user)).toBe('ok')
      expect(await peer.command('unset_mode', mode, 'open', ...user)).toBe('not_set')
    }
  })

  test('with the token of another subscriber, stream, user, mode or app', async () => {
    const room = tamburRoom()
    const peer = await subscribed(room, ['open', 'other'])
    const stranger = await subscribed(room)
    const elsewhere = await subscribed(tamburRoom())
    const set = (token: string) => peer.command('set_mode', 'presence', 'open', 'a', token)
    elsewhere.id = peer.id
    for (const token of [
      stranger.token('presence', 'open', 'a'),
      elsewhere.token('presence', 'open', 'a'),
      peer.token('presence', 'other', 'a'),
      peer.token('presence', 'open', 'b'),
      peer.token('direct', 'open', 'a'),
      peer.token('presence', 'open', 'a').toUpperCase(),
      '',
    ]) {
      expect(await set(token)).toBe('invalid_token')
    }
    expect(await set(peer.token('presence', 'open', 'a'))).toBe('ok')
  })
})

test('tokens are those of the control API, by a secret that can be changed', async () => {
  const { control, ...room } = tamburRoom()
  const peer = await subscribed(room, ['demo'])
  const ask = async (mode: string) => (await control('token', { mode, subscriberId: peer.id })).token
  expect(await ask('auth')).toBe(peer.token('auth', 'demo'))
  expect(await ask('presence')).toBe(peer.token('presence', 'demo', 'isomq'))
  await control('app', { secret: 'another' })
  expect(await peer.setMode('auth', 'demo')).toBe('invalid_token')
  expect(await peer.command('set_mode', 'auth', 'demo', await ask('auth'))).toBe('ok')
})

test('commands are carried out one after the other, however long a token takes to check', async () => {
  const peer = await subscribed(tamburRoom())
  const answers = [
    peer.command('subscribe', 'a'),
    peer.setMode('direct', 'a', 'me'),
    peer.command('direct', 'a', 'me', 'to myself'),
    peer.command('unsubscribe', 'a'),
    peer.command('direct', 'a', 'me', 'x'),
  ]
  expect(await Promise.all(answers)).toEqual(['ok', 'ok', 'ok', 'ok', 'not_subscribed'])
  expect(await peer.messages.next()).toEqual(['a', 'direct', ['me', 'to myself']])
})

test('the event stream tells what happens, and no token', async () => {
  const room = tamburRoom()
  const socket = new WebSocket(room.events)
  const events: Record<string, unknown>[] = []
  const over = new Promise<void>((resolve) => {
    socket.on('message', (data) => {
      events.push(...JSON.parse(String(data)))
      if (events.some(({ type }) => type === 'disconnected')) resolve()
    })
  })
  await new Promise((resolve) => socket.on('open', resolve))
  const peer = await subscribed(room, ['demo'])
  await peer.setMode('presence', 'demo', 'zoë')
  await peer.setMode('direct', 'demo', 'zoë')
  await peer.command('direct', 'demo', 'zoë', 'hush')
  await publish(room, 'demo', 'text')
  await publish(room, 'demo', 'text', { secret: 'wrong' })
  await peer.settled()
  peer.close()
  await over
  socket.close()
  const who = { connection: 1, subscriber: peer.id }
  expect(events.map(({ at: _, ...event }) => event)).toEqual([
    { type: 'hello', settings: expect.any(Object), counters: expect.any(Object) },
    { type: 'connected', ...who },
    { type: 'command', ...who, command: 'subscribe', handle: 1, stream: 'demo', response: 'ok' },
    expect.objectContaining({ command: 'set_mode', mode: 'presence', user: 'zoë', response: 'ok' }),
    { type: 'presence', stream: 'demo', user: 'zoë', state: 'up' },
    expect.objectContaining({ command: 'set_mode', mode: 'direct', user: 'zoë', response: 'ok' }),
    { type: 'direct', stream: 'demo', from: 'zoë', to: 'zoë', receivers: 1 },
    { type: 'command', ...who, command: 'direct', handle: 4, stream: 'demo', response: 'ok' },
    { type: 'published', message: 1, is: 'stream', stream: 'demo', receivers: 1 },
    { type: 'delivered', message: 1, stream: 'demo', ...who },
    { type: 'call', what: 'rest', method: 'POST', status: 204 },
    expect.objectContaining({ type: 'refused', what: 'rest', status: 401, code: 'invalid_signature' }),
    { type: 'malformed', ...who, reason: 'not_an_array' },
    { type: 'disconnected', ...who, code: 1005 },
    { type: 'presence', stream: 'demo', user: 'zoë', state: 'down' },
  ])
  expect(JSON.stringify(events)).not.toContain(peer.token('presence', 'demo', 'zoë'))
})

test('a room knows nothing of another', async () => {
  const [room, other] = [tamburRoom(), tamburRoom()]
  const peers = [await subscribed(room, ['demo']), await subscribed(other, ['demo'])]
  await publish(other, 'demo', 'x')
  expect(await peers[1]!.texts(1)).toEqual(['x'])
  await peers[0]!.settled()
  expect(peers[0]!.messages.rest).toEqual([])
  expect((await new Subscriber(room).first).slice(0, 3)).toBe('id:')
})
