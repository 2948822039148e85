import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { signTop, type TopSignMethod } from 'isomq/tmc'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { type Playground, startPlayground } from '../../playground/host.mjs'
import { APP, byte, type Peer, Room, text } from './peer.ts'

let playground: Playground
let rooms = 0
const newRoom = () => new Room(playground.url, `room-${++rooms}`)

beforeAll(async () => {
  playground = await startPlayground()
})
afterAll(() => playground?.stop())

const status = (answer: { statusCode?: number; statusPhrase?: string }) => [
  answer.statusCode,
  answer.statusPhrase,
]

describe('sign-in', () => {
  test('is acknowledged with the same flag and a token', async () => {
    const peer = newRoom().peer()
    const ack = await peer.connect({ intranet_ip: '127.0.0.1', minor_group: 'x' }, 42)
    expect(ack).toMatchObject({ type: 'connectack', flag: 42, statusCode: undefined })
    expect(ack.token).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/)
  })

  test('without a flag is acknowledged without one, at the root of the server too', async () => {
    const room = newRoom()
    expect((await room.peer().connect({}, 0)).flag).toBeUndefined()
    const socket = new WebSocket(`${playground.url.replace('http', 'ws')}/`)
    await new Promise((resolve) => socket.on('open', resolve))
    socket.close()
  })

  test.each([
    ['a wrong signature', { sign: 'F'.repeat(32) }, [25, 'invalid signature']],
    ['an unknown app', { app_key: '1' }, [29, 'invalid app key: 1']],
    ['a clock that is off', { timestamp: '1700000000000' }, [31, 'invalid timestamp: 1700000000000']],
    ['no group', { group_name: '' }, [40, 'missing required arguments']],
  ])('with %s is refused', async (_, headers, expected) => {
    const answer = await newRoom().peer().connect(headers)
    expect(answer).toMatchObject({ type: 'connectack', flag: 7, token: undefined })
    expect(status(answer)).toEqual(expected)
  })

  test('to an unknown group is refused in a strict room; to a full group always', async () => {
    const room = newRoom()
    await room.control('settings', { strict: true, maxConnections: 1 })
    expect((await room.peer().connect({ group_name: 'new' })).statusCode).toBe(41)
    await room.control('app', { groups: ['new'] })
    expect((await room.peer().connect({ group_name: 'new' })).statusCode).toBeUndefined()
    expect((await room.peer().connect({ group_name: 'new' })).statusCode).toBe(7)
  })

  test('comes first, and its token goes with every frame', async () => {
    const room = newRoom()
    const peer = room.peer()
    await peer.request(1)
    expect(status(await peer.frames.next())).toEqual([26, 'not signed in'])
    await peer.connect()
    await peer.send({ type: 'send', token: 'stale', flag: 9, headers: [['__kind', byte(1)]] })
    expect(await peer.frames.next()).toMatchObject({ type: 'sendack', flag: 9, statusCode: 27 })
    expect(await room.stats()).toMatchObject({ unauthorized: 2, pulls: 0 })
  })

  test('malformed frames are reported and counted, text is counted; the connection goes on', async () => {
    const room = newRoom()
    const peer = await room.signedIn()
    await peer.raw('hello')
    await peer.raw(Uint8Array.of(2, 2, 1))
    const notice = await peer.frames.next()
    expect([notice.statusCode, notice.flag]).toEqual([43, undefined])
    expect(await room.stats()).toMatchObject({ malformed: 1, textFrames: 1, connections: 1 })
  })
})

describe('delivery', () => {
  test('has the headers of the production service, in its order', async () => {
    const room = newRoom()
    const peer = await room.signedIn()
    await room.control('produce', { content: '{"n":"中"}', userId: '720999999' })
    const frame = await peer.frames.next()
    const shape = Array.from(frame.headers, ([key, { type }]) => `${key} ${type}`)
    expect(shape.join(', ')).toBe(
      'topic string, userid int64, __kind byte, publisher string, retried byte, content string, id int64, ' +
        'data_id int64, time date, nick string, dataid int64, born_time int64, outtime date',
    )
    expect([frame.type, frame.flag, frame.token]).toEqual(['send', undefined, peer.token])
    expect(frame.headers.get('id')!.value).toBeGreaterThan(2n ** 53n)
    expect(frame.headers.get('content')!.value).toBe('{"n":"中"}')
  })

  test('of long content is a gzip byte[]', async () => {
    const room = newRoom()
    const peer = await room.signedIn()
    await room.control('produce', { size: 5000, content: '{"a":"中"}' })
    const content = (await peer.frames.next()).headers.get('content')!
    expect(gunzipSync(content.value as Uint8Array).toString()).toBe('{"a":"中"}'.padEnd(5000))
  })

  test('a confirmed message is gone, a failed one comes again with its tries', async () => {
    const room = newRoom()
    await room.control('settings', { redeliverAfter: 20 })
    const peer = await room.signedIn()
    await room.control('produce', { count: 2 })
    const [a, b] = [await peer.nextId(), await peer.nextId()]
    await peer.confirm(a)
    await peer.fail(b, 'no')
    const again = await peer.frames.next()
    expect(again.headers.get('id')!.value).toBe(b)
    expect(again.headers.get('retried')!.value).toBe(1)
    await peer.confirm(b)
    await settled(peer)
    expect(await room.stats()).toMatchObject({
      confirmed: 2,
      failed: 1,
      redelivered: 1,
      waiting: 0,
      unconfirmed: 0,
    })
  })

  test('an unconfirmed message comes again after the timeout, and after its connection is lost', async () => {
    const room = newRoom()
    await room.control('settings', { confirmTimeout: 30, redeliverAfter: 10 })
    const first = await room.signedIn()
    await room.control('produce')
    const id = await first.nextId()
    expect(await first.nextId()).toBe(id)
    first.break()
    const second = await room.signedIn()
    expect(await second.nextId()).toBe(id)
  })

  test('several connections share the messages; a message goes to one of them', async () => {
    const room = newRoom()
    const peers = [await room.signedIn(), await room.signedIn()]
    const other = await room.signedIn('other')
    await room.control('produce', { count: 10, group: 'default' })
    const ids = await Promise.all(peers.flatMap((peer) => Array.from({ length: 5 }, () => peer.nextId())))
    expect(new Set(ids).size).toBe(10)
    await Promise.all([...peers, other].map(settled))
    expect([...peers, other].map((peer) => peer.frames.rest.length)).toEqual([0, 0, 0])
  })

  test('stops at the window; a pull request or a confirm brings more', async () => {
    const room = newRoom()
    await room.control('settings', { window: 2, pullBatch: 3 })
    const peer = await room.signedIn()
    await room.control('produce', { count: 10 })
    const id = await peer.nextId()
    await peer.nextId()
    await settled(peer)
    expect(peer.frames.rest.length).toBe(0)
    await peer.request(1)
    for (let i = 0; i < 3; i++) await peer.nextId()
    expect(await room.stats()).toMatchObject({ pulls: 1, unconfirmed: 5, waiting: 5 })
    await peer.confirm(id)
    await settled(peer)
    expect(peer.frames.rest.length).toBe(0)
  })

  test('ids of any integer width are understood', async () => {
    const room = newRoom()
    await room.control('settings', { idBase: '0' })
    const peer = await room.signedIn()
    await room.control('produce', { count: 4 })
    const types = ['byte', 'int16', 'int32'] as const
    for (const type of types) await peer.request(2, [['id', { type, value: Number(await peer.nextId()) }]])
    await peer.confirm(await peer.nextId())
    await settled(peer)
    expect(await room.stats()).toMatchObject({ confirmed: 4, confirmsUnknown: 0 })
  })

  test('a queue longer than what is held in memory is delivered whole, and only in its room', async () => {
    const room = newRoom()
    await room.control('produce', { count: 1200 })
    const peer = await room.signedIn()
    for (let i = 0; i < 1200; i++) await peer.confirm(await peer.nextId())
    await settled(peer)
    expect(await room.stats()).toMatchObject({ confirmed: 1200, waiting: 0 })
    expect(await newRoom().stats()).toMatchObject({ published: 0 })
  })

  test('messages survive a crash of the server', async () => {
    const room = newRoom()
    await room.control('produce', { count: 3 })
    const peer = await room.signedIn()
    const ids = [await peer.nextId(), await peer.nextId(), await peer.nextId()]
    await room.control('crash')
    expect(await peer.closed).toBe(1006)
    const next = await room.signedIn()
    expect([await next.nextId(), await next.nextId(), await next.nextId()]).toEqual(ids)
  })
})

describe('produce', () => {
  test('is answered with its flag and delivered to every group', async () => {
    const room = newRoom()
    const peers = [await room.signedIn('a'), await room.signedIn('b')]
    const fields = [['topic', text('t')] as const, ['content', text('{}')] as const]
    await peers[0]!.request(
      3,
      fields.map(([key, value]) => [key, value]),
      11,
    )
    const answers = [await peers[0]!.frames.next(), await peers[0]!.frames.next()]
    expect(answers.find(({ type }) => type === 'sendack')).toMatchObject({ flag: 11, statusCode: undefined })
    expect((await peers[1]!.frames.next()).headers.get('topic')!.value).toBe('t')
  })

  test('without a topic, or with one that is not allowed, is an error with its flag', async () => {
    const room = newRoom()
    await room.control('settings', { topics: ['allowed'] })
    const peer = await room.signedIn()
    await peer.request(3, [['content', text('{}')]], 3)
    expect(await peer.frames.next()).toMatchObject({ type: 'sendack', flag: 3, statusCode: 40 })
    await peer.request(3, [['topic', text('t')]], 4)
    expect(await peer.frames.next()).toMatchObject({ type: 'sendack', flag: 4, statusCode: 11 })
  })
})

/** Waits until the room has dealt with all that the peer sent: it answers the last with an error. */
async function settled(peer: Peer): Promise<void> {
  await peer.request(99, [], 1_000_000)
  for (;;) {
    const frame = await peer.frames.next()
    if (frame.flag === 1_000_000) return
  }
}

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

test('the event stream tells what happens', async () => {
  const room = newRoom()
  const socket = new WebSocket(`${room.url.replace('http', 'ws')}/events`)
  const types: string[] = []
  const confirmed = new Promise<void>((resolve) => {
    socket.on('message', (data) => {
      for (const { type } of JSON.parse(String(data)) as { type: string }[]) types.push(type)
      if (types.includes('confirmed')) resolve()
    })
  })
  await new Promise((resolve) => socket.on('open', resolve))
  const peer = await room.signedIn()
  await room.control('produce')
  await peer.confirm(await peer.nextId())
  await confirmed
  socket.close()
  expect(types).toEqual(['hello', 'connected', 'signedIn', 'produced', 'delivered', 'confirmed'])
})

describe('HTTP gateway', () => {
  const chinaTime = (at = Date.now()) =>
    new Date(at + 28_800_000).toISOString().slice(0, 19).replace('T', ' ')

  async function call(
    room: Room,
    method: string,
    extra: Record<string, string> = {},
    by: TopSignMethod = 'md5',
  ) {
    const params: Record<string, string> = {
      method,
      app_key: APP.appKey,
      timestamp: chinaTime(),
      format: 'json',
      v: '2.0',
      sign_method: by,
      ...extra,
    }
    params.sign ??= await signTop(params, APP.appSecret, by)
    const response = await fetch(`${room.url}/router/rest`, {
      method: 'POST',
      body: new URLSearchParams(params),
    })
    expect(response.status).toBe(200)
    return response.text()
  }

  test.each(['md5', 'hmac', 'hmac-sha256'] as const)('consume and confirm, signed by %s', async (by) => {
    const room = newRoom()
    await room.control('produce', { count: 3, userId: '9007199254740993' })
    const answer = await call(room, 'taobao.tmc.messages.consume', { quantity: '10' }, by)
    const ids = [...answer.matchAll(/"id":(\d{19}),"user_id":9007199254740993,"topic"/g)].map(
      (match) => match[1]!,
    )
    expect(new Set(ids).size).toBe(3)
    expect(Object.keys(JSON.parse(answer).tmc_messages_consume_response)).toEqual(['messages', 'request_id'])
    const confirmed = await call(room, 'taobao.tmc.messages.confirm', { s_message_ids: ids.join(',') }, by)
    expect(JSON.parse(confirmed).tmc_messages_confirm_response).toMatchObject({ is_success: true })
    expect(await room.stats()).toMatchObject({ confirmed: 3, waiting: 0, unconfirmed: 0 })
    const empty = JSON.parse(await call(room, 'taobao.tmc.messages.consume', {}, by))
    expect(empty.tmc_messages_consume_response.messages).toEqual({})
  })

  test('produce one, produce many, groups, permit, cancel', async () => {
    const room = newRoom()
    const one = { topic: 't', content: '{}' }
    expect(await call(room, 'taobao.tmc.message.produce', one)).toContain('"is_success":true')
    const many = await call(room, 'taobao.tmc.messages.produce', {
      messages: JSON.stringify([one, { topic: 't' }]),
    })
    expect(JSON.parse(many).tmc_messages_produce_response).toMatchObject({
      is_all_success: false,
      results: {
        tmc_produce_result: [
          { is_success: true },
          { is_success: false, error_code: 'isv.missing-parameter' },
        ],
      },
    })
    const groups = JSON.parse(await call(room, 'taobao.tmc.groups.get'))
    expect(groups.tmc_groups_get_response).toMatchObject({
      total_results: 1,
      groups: { tmc_group: [{ name: 'default' }] },
    })
    expect(await call(room, 'taobao.tmc.user.permit', { topics: 't', session: 's' })).toContain(
      '"is_success":true',
    )
    expect(await call(room, 'taobao.tmc.user.cancel', { nick: 's' })).toContain('"is_success":true')
    expect(await room.stats()).toMatchObject({ produced: 2, waiting: 2 })
  })

  test.each([
    ['an unknown method', 'taobao.no', {}, 22],
    ['a wrong signature', 'taobao.tmc.groups.get', { sign: 'X' }, 25],
    ['an unknown app', 'taobao.tmc.groups.get', { app_key: '1' }, 29],
    ['an old timestamp', 'taobao.tmc.groups.get', { timestamp: chinaTime(Date.now() - 700_000) }, 31],
    ['a missing argument', 'taobao.tmc.messages.confirm', {}, 40],
    ['a wrong argument', 'taobao.tmc.messages.consume', { quantity: '5' }, 41],
    ['no session', 'taobao.tmc.user.permit', { topics: 't' }, 26],
  ])('%s is an error in HTTP 200', async (_, method, extra, code) => {
    const { error_response: error } = JSON.parse(await call(newRoom(), method, extra))
    expect(error).toMatchObject({ code, msg: expect.any(String), request_id: expect.any(String) })
  })

  test('httpError answers with a status and body of choice', async () => {
    const room = newRoom()
    await room.control('httpError', { status: 503, body: '<html>' })
    const response = await fetch(`${room.url}/router/rest`, { method: 'POST' })
    expect([response.status, await response.text()]).toEqual([503, '<html>'])
  })
})

const python = spawnSync('python3', ['--version']).status === 0

test.skipIf(!python)(
  'a Python client with the habits of the seed signs in, receives and confirms',
  async () => {
    const room = newRoom()
    await room.control('settings', { window: 3 })
    await room.control('produce', { count: 5, content: '{"n":{n}}' })
    const script = fileURLToPath(new URL('./seed_peer.py', import.meta.url))
    const child = spawn('python3', [script, String(playground.port), `/tmc/${room.name}/`, '5'])
    let output = ''
    child.stdout.on('data', (data) => {
      output += data
    })
    child.stderr.on('data', (data) => {
      output += data
    })
    const exit = await new Promise((resolve) => child.on('close', resolve))
    expect([exit, output.trim().split('\n').at(-1)]).toEqual([0, 'confirmed 5'])
    expect(await room.stats()).toMatchObject({ confirmed: 5, confirmsUnknown: 0, waiting: 0, unconfirmed: 0 })
  },
)
