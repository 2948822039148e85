import { describe, expect, test } from 'vitest'
import { tamburRoom } from '../support/emulator.ts'
import type { TamburRoom } from '../support/room.ts'
import { publish } from './publisher.ts'
import { type Subscriber, subscribed } from './raw.ts'

/** Asks each whether anything came that was not asked for. */
async function quiet(...peers: Subscriber[]): Promise<void> {
  for (const peer of peers) {
    await peer.settled()
    expect(peer.messages.rest).toEqual([])
  }
}

/** A subscriber of "s" that is present as a user. */
async function present(room: TamburRoom, user: string): Promise<Subscriber> {
  const peer = await subscribed(room, ['s'])
  expect(await peer.setMode('presence', 's', user)).toBe('ok')
  return peer
}

describe('a message', () => {
  test('goes to all that are subscribed to its stream, in order, once', async () => {
    const { control, ...room } = tamburRoom()
    const peers = [await subscribed(room, ['a', 'b']), await subscribed(room, ['a'])]
    const other = await subscribed(room, ['b'])
    expect(await control('publish', { stream: 'a', count: 300, message: 'm{n}' })).toMatchObject({
      produced: 300,
      first: 1,
      last: 300,
    })
    const expected = Array.from({ length: 300 }, (_, n) => `m${n + 1}`)
    for (const peer of peers) expect(await peer.texts(300)).toEqual(expected)
    await quiet(...peers, other)
  })

  test('is gone when nobody is subscribed', async () => {
    const room = tamburRoom()
    const peer = await subscribed(room, ['a'])
    await peer.command('unsubscribe', 'a')
    expect((await publish(room, 'a', 'x')).status).toBe(204)
    expect(await peer.command('subscribe', 'a')).toBe('ok')
    await quiet(peer)
    expect(await room.stats()).toMatchObject({ published: 1, delivered: 0 })
  })

  test('of auth: goes to those alone that have the mode, and they get the others, too', async () => {
    const { control, ...room } = tamburRoom()
    const [peer, other] = [await subscribed(room, ['s', 't']), await subscribed(room, ['s', 't'])]
    expect(await peer.setMode('auth', 's')).toBe('ok')
    await control('publish', { stream: 'auth:s', message: 'secret' })
    await control('publish', { stream: 'auth:t', message: 'nobody may' })
    await control('publish', { stream: 's', message: 'open' })
    expect([await peer.messages.next(), await peer.messages.next()]).toEqual([
      ['s', 'auth', 'secret'],
      ['s', 'message', 'open'],
    ])
    expect(await other.messages.next()).toEqual(['s', 'message', 'open'])
    await peer.command('unset_mode', 'auth', 's')
    await control('publish', { stream: 'auth:s', message: 'no more' })
    await quiet(peer, other)
  })

  test('of private: goes to one subscriber, or to nobody', async () => {
    const room = tamburRoom()
    const [peer, other] = [await subscribed(room), await subscribed(room)]
    expect((await publish(room, `private:${peer.id}`, 'for you')).status).toBe(204)
    expect((await publish(room, `private:${crypto.randomUUID()}`, 'x')).status).toBe(204)
    expect(await peer.messages.next()).toEqual(['private', 'message', 'for you'])
    await quiet(peer, other)
  })

  test('has any kind that is no mode', async () => {
    const { control, ...room } = tamburRoom()
    const peer = await subscribed(room, ['s'])
    await control('settings', { kind: '' })
    await control('publish', { stream: 's', message: 'x' })
    expect(await peer.messages.next()).toEqual(['s', '', 'x'])
    await expect(control('settings', { kind: 'auth' })).rejects.toThrow('kind')
  })
})

describe('presence', () => {
  test('tells others who comes and goes, and a newcomer who is there', async () => {
    const room = tamburRoom()
    const [first, bystander] = [await present(room, 'a'), await subscribed(room, ['s'])]
    const second = await present(room, 'b')
    const third = await present(room, 'c')
    expect(await first.texts(2)).toEqual([
      ['b', 'up'],
      ['c', 'up'],
    ])
    expect(await second.texts(2)).toEqual([
      ['a', 'up'],
      ['c', 'up'],
    ])
    expect(await third.texts(2)).toEqual([
      ['a', 'up'],
      ['b', 'up'],
    ])
    await quiet(first, second, third, bystander)
  })

  test.each<[string, (peer: Subscriber) => unknown]>([
    ['unset_mode', (peer) => peer.command('unset_mode', 'presence', 's')],
    ['unsubscribe', (peer) => peer.command('unsubscribe', 's')],
    ['a goodbye', (peer) => peer.close()],
    ['the loss of the connection', (peer) => peer.break()],
  ])('ends by %s', async (_, end) => {
    const room = tamburRoom()
    const watcher = await present(room, 'watcher')
    const peer = await present(room, 'a')
    await end(peer)
    expect(await watcher.texts(2)).toEqual([
      ['a', 'up'],
      ['a', 'down'],
    ])
  })

  test('of a user with several connections ends with the last of them', async () => {
    const room = tamburRoom()
    const watcher = await present(room, 'watcher')
    const [first, second] = [await present(room, 'a'), await present(room, 'a')]
    expect(await watcher.texts(1)).toEqual([['a', 'up']])
    await first.command('unset_mode', 'presence', 's')
    await quiet(watcher)
    await second.command('unset_mode', 'presence', 's')
    expect(await watcher.texts(1)).toEqual([['a', 'down']])
    await first.texts(1)
    await second.texts(1)
    // Nobody hears of himself, and who is not present hears of nobody.
    await quiet(watcher, first, second)
  })

  test('is of its stream alone, and is counted', async () => {
    const room = tamburRoom()
    const watcher = await present(room, 'watcher')
    const peer = await subscribed(room, ['t'])
    await peer.setMode('presence', 't', 'a')
    await quiet(watcher, peer)
    expect(await room.stats()).toMatchObject({
      presences: 0,
      streams: [
        { stream: 's', subscribers: 1, auth: 0, present: ['watcher'], direct: [] },
        { stream: 't', subscribers: 1, auth: 0, present: ['a'], direct: [] },
      ],
    })
  })
})

describe('a direct message', () => {
  test('goes to every connection of the user in that stream', async () => {
    const room = tamburRoom()
    const [sender, first, second] = [
      await subscribed(room, ['s']),
      await subscribed(room, ['s']),
      await subscribed(room, ['s', 't']),
    ]
    const other = await subscribed(room, ['s', 't'])
    await sender.setMode('direct', 's', 'me')
    for (const peer of [first, second]) await peer.setMode('direct', 's', 'you')
    await second.setMode('direct', 't', 'you')
    await other.setMode('direct', 's', 'somebody')
    await other.setMode('direct', 't', 'you')
    expect(await sender.command('direct', 's', 'you', 'hello 😀')).toBe('ok')
    for (const peer of [first, second]) {
      expect(await peer.messages.next()).toEqual(['s', 'direct', ['me', 'hello 😀']])
    }
    await quiet(sender, first, second, other)
    expect(await room.stats()).toMatchObject({ directs: 1, directsDelivered: 2, delivered: 0 })
  })

  test('to a user that is not there, or no longer, is refused', async () => {
    const room = tamburRoom()
    const [sender, peer] = [await subscribed(room, ['s']), await subscribed(room, ['s'])]
    await sender.setMode('direct', 's', 'me')
    expect(await sender.command('direct', 's', 'you', 'x')).toBe('user_unknown')
    await peer.setMode('direct', 's', 'you')
    await peer.command('unset_mode', 'direct', 's', 'you')
    expect(await sender.command('direct', 's', 'you', 'x')).toBe('user_unknown')
    await peer.setMode('direct', 's', 'you')
    await peer.command('unsubscribe', 's')
    expect(await sender.command('direct', 's', 'you', 'x')).toBe('user_unknown')
    await quiet(peer)
  })
})

test('modes end with the subscription', async () => {
  const { control, ...room } = tamburRoom()
  const peer = await subscribed(room, ['s'])
  await peer.setMode('auth', 's')
  await peer.setMode('direct', 's', 'me')
  await peer.command('unsubscribe', 's')
  await peer.command('subscribe', 's')
  await control('publish', { stream: 'auth:s' })
  expect(await peer.command('direct', 's', 'me', 'x')).toBe('no_direct_mode')
  await quiet(peer)
  expect(await room.stats()).toMatchObject({
    streams: [{ stream: 's', auth: 0, direct: [] }],
    peers: [{ subscriber: peer.id, streams: [{ stream: 's', auth: false }] }],
  })
})

test('a thousand streams on one socket', async () => {
  const { control, ...room } = tamburRoom()
  const names = Array.from({ length: 1000 }, (_, n) => `stream-${n}`)
  const peer = await subscribed(room)
  const answers = await Promise.all(names.map((name) => peer.command('subscribe', name)))
  expect(new Set(answers)).toEqual(new Set(['ok']))
  await control('publish', { stream: 'stream-999', message: 'last' })
  expect(await peer.messages.next()).toEqual(['stream-999', 'message', 'last'])
})
