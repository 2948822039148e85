import { describe, expect, test } from 'vitest'
import { text } from './peer.ts'
import { newRoom, settled, status } from './rooms.ts'

describe('faults', () => {
  test('drop with a code, and abruptly on a wire', async () => {
    const room = newRoom()
    const peer = await room.signedIn()
    expect(await room.control('drop', { code: 1012 })).toMatchObject({ dropped: 1 })
    expect(await peer.closed).toBe(1012)
    const wired = await room.signedIn('default', 'wire')
    await room.control('drop', { abrupt: true })
    expect(await wired.closed).toBe(1006)
  })

  test('an abrupt drop of a bare socket falls silent and breaks at the next frame', async () => {
    const room = newRoom()
    const peer = await room.signedIn()
    await room.control('drop', { connection: 'random', abrupt: true })
    await peer.request(1)
    expect(await peer.closed).toBe(1006)
  })

  test('dropAfter drops in the middle of a batch; what was under way comes again', async () => {
    const room = newRoom()
    await room.control('settings', { redeliverAfter: 1 })
    const peer = await room.signedIn('default', 'wire')
    await room.control('dropAfter', { frames: 3 })
    await room.control('produce', { count: 5, content: 'x' })
    expect(await peer.closed).toBe(1006)
    const next = await room.signedIn()
    const ids = await Promise.all(Array.from({ length: 5 }, () => next.nextId()))
    expect(new Set(ids).size).toBe(5)
  })

  test('killEvery kills as often as it should and loses nothing', async () => {
    const room = newRoom()
    await room.control('settings', { redeliverAfter: 1, window: 20 })
    await room.control('killEvery', { frames: 10, seed: 7, kills: 10 })
    await room.control('produce', { count: 300 })
    const seen = new Set<bigint>()
    while (seen.size < 300) {
      const peer = await room.signedIn('default', 'wire')
      let open = true
      const closed = peer.closed.then(() => {
        open = false
        return undefined
      })
      while (open && seen.size < 300) {
        const id = await Promise.race([peer.nextId(), closed])
        if (id === undefined) break
        seen.add(id)
        await peer.confirm(id)
      }
    }
    const { dropped, killsLeft } = await room.stats()
    expect(Number(dropped) + Number(killsLeft)).toBe(10)
  })

  test('refuse, duplicate, truncate, corrupt, garbage, notice', async () => {
    const room = newRoom()
    await room.control('refuse', { code: 7, phrase: 'too many' })
    expect(status(await room.peer().connect())).toEqual([7, 'too many'])
    const peer = await room.signedIn()
    await room.control('duplicate')
    await room.control('produce')
    expect(await peer.nextId()).toBe(await peer.nextId())
    await room.control('truncate')
    await room.control('produce')
    expect(await peer.odd.next()).toBeInstanceOf(Uint8Array)
    await room.control('garbage', { text: 'hi' })
    expect(await peer.odd.next()).toBe('hi')
    await room.control('garbage', { hex: '0207ff' })
    expect(await peer.odd.next()).toEqual(Uint8Array.of(2, 7, 255))
    await room.control('notice', { code: 9, phrase: 'soon away' })
    expect(status(await peer.frames.next())).toEqual([9, 'soon away'])
    await room.control('corrupt')
    await room.control('produce')
    await room.control('produce')
    await expect(Promise.race([peer.frames.next(), peer.odd.next()])).resolves.toBeDefined()
  })

  test('mute stops everything but the socket; unmute goes on', async () => {
    const room = newRoom()
    const peer = await room.signedIn()
    await room.control('mute')
    await room.control('produce')
    await peer.request(99, [], 5)
    expect(await room.stats()).toMatchObject({ delivered: 0, connections: 1 })
    await room.control('unmute')
    expect(await peer.nextId()).toBeTypeOf('bigint')
    expect(peer.frames.rest.length).toBe(0)
  })

  test('noAck keeps back the answer to produce, delay keeps back everything, skew moves the clock', async () => {
    const room = newRoom()
    const peer = await room.signedIn('default')
    await room.control('noAck')
    await peer.request(3, [['topic', text('t')]], 8)
    expect((await peer.frames.next()).headers.get('topic')!.value).toBe('t')
    await settled(peer)
    await room.control('delay', { ms: 40 })
    const before = performance.now()
    await settled(peer)
    expect(performance.now() - before).toBeGreaterThan(30)
    await room.control('skew', { ms: 3_600_000 })
    expect((await room.peer().connect()).statusCode).toBe(31)
  })

  test('an idle peer is closed with 1011', async () => {
    const room = newRoom()
    await room.control('settings', { idleAfter: 30 })
    expect(await (await room.signedIn()).closed).toBe(1011)
    expect(await room.stats()).toMatchObject({ idled: 1 })
  })

  test('reset forgets messages, counters, settings and connections', async () => {
    const room = newRoom()
    const peer = await room.signedIn()
    await room.control('settings', { window: 3 })
    await room.control('produce', { count: 5 })
    await room.control('reset')
    expect(await peer.closed).toBe(1012)
    expect(await room.stats()).toMatchObject({
      published: 0,
      waiting: 0,
      connections: 0,
      settings: { window: 1000 },
    })
  })

  test('nonsense is refused with what is wrong', async () => {
    await expect(newRoom().control('explode')).rejects.toThrow('unknown op "explode"')
    await expect(newRoom().control('settings', { window: '1' })).rejects.toThrow('window')
    await expect(newRoom().control('delay', { ms: 'x' })).rejects.toThrow('"ms" must be a number')
  })
})
