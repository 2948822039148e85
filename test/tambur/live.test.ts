// Both clients against the emulator, in every runtime: what the service's own browser client was tested for, and more.
import { fetchToken } from 'isomq/tambur'
import { expect, test } from 'vitest'
import { once, rejection, until } from '../support/events.ts'
import { back, collect, createRoom } from '../support/tambur-live.ts'
import { CONFIG } from './bench.ts'

test('a connection finds its socket through the balancer, and gets an id', async () => {
  const client = createRoom().client()
  await client.connect()
  expect(client.subscriberId).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/)
})

test('a connection by a given url needs no balancer', async () => {
  const room = createRoom()
  const client = room.client({ url: room.url })
  await client.connect()
  expect([(await room.stats()).balancerCalls, (await room.stats()).accepted]).toEqual([0, 1])
})

test('commands given before the handshake wait', async () => {
  const room = createRoom()
  const client = room.client()
  const seen = collect(client, 'news', 'message')
  await Promise.all([client.stream('news').open(), client.stream('sports').open()])
  await room.publish('news', 'hello')
  await until(() => seen.length === 1)
})

test('messages of all kinds of text come through as they were', async () => {
  const room = createRoom()
  const client = room.client()
  const texts = [
    '',
    'some text',
    'Zoë 王 🎈',
    '"\\\u0000\n\t',
    "a&b=c+d e%20f!*'()",
    '{"n":1}',
    'x'.repeat(50_000),
  ]
  const names = ['news', 'a b', 'ünïcode', 'a@b+c;d', "$&'()*,=!", '100%']
  for (const name of names) {
    const seen = collect(client, name, 'message')
    await client.stream(name).open()
    for (const text of texts) await room.publish(name, text)
    await until(() => seen.length === texts.length)
    expect([name, seen]).toEqual([name, texts])
  }
  await room.publish('news', { json: [1, null] })
  expect((await room.stats()).refused).toBe(0)
})

test('a private message reaches one subscriber alone', async () => {
  const room = createRoom()
  const [one, two] = [room.client(), room.client()]
  const seen = [one, two].map((client) => collect(client, 'private', 'message'))
  await Promise.all([one.connect(), two.connect()])
  await room.publish(`private:${one.subscriberId}`, 'for one')
  await room.publish(`private:${two.subscriberId}`, 'for two')
  await until(() => seen.every(({ length }) => length === 1))
  expect(seen).toEqual([['for one'], ['for two']])
})

test('auth messages reach those with auth mode alone', async () => {
  const room = createRoom()
  const [one, two] = [room.client(), room.client()]
  const seen = [one, two].map((client) => collect(client, 'news', 'message', 'auth'))
  await Promise.all([one.stream('news').open(), two.stream('news').open()])
  await one.stream('news').enableAuth()
  await room.publish('auth:news', 'secret')
  await room.publish('news', 'public')
  await until(() => seen.every((texts) => texts.includes('public')))
  expect(seen).toEqual([['secret', 'public'], ['public']])
  await one.stream('news').disableAuth()
  await room.publish('auth:news', 'secret')
  await room.publish('news', 'again')
  await until(() => seen.every((texts) => texts.includes('again')))
  expect(seen[0]).toEqual(['secret', 'public', 'again'])
})

test('two users see each other come and go', async () => {
  const room = createRoom()
  const [one, two] = [room.client().stream('news'), room.client().stream('news')]
  await Promise.all([one.open(), two.open()])
  await one.enablePresence('ann')
  await two.enablePresence('bob')
  await until(() => one.present.has('bob') && two.present.has('ann'))
  await two.disablePresence()
  await until(() => !one.present.has('bob'))
  expect([...two.present]).toEqual([])
  await two.enablePresence('bob')
  await until(() => one.present.has('bob'))
  await two.close()
  await until(() => !one.present.has('bob'))
})

test('a roster shows no ghosts after a lost connection', async () => {
  const room = createRoom()
  const clients = ['ann', 'bob', 'carl'].map(() => room.client())
  const [ann, bob, carl] = clients.map((client) => client.stream('news'))
  for (const [user, stream] of [
    ['ann', ann!],
    ['bob', bob!],
    ['carl', carl!],
  ] as const) {
    await stream.open()
    await stream.enablePresence(user)
  }
  await until(() => ann!.present.has('bob') && ann!.present.has('carl'))
  const kinds: string[] = []
  ann!.on('presence', ({ kind }) => kinds.push(kind))
  const returned = back(clients[0]!)
  await room.control('drop')
  clients[1]!.close()
  await returned
  await until(() => [...ann!.present].join() === 'carl')
  expect(kinds).toContain('reset')
})

test('a roster shows no ghosts after its stream was closed and opened in one breath', async () => {
  const room = createRoom()
  const [ann, bob, carl] = ['ann', 'bob', 'carl'].map(() => room.client().stream('news'))
  for (const [user, stream] of Object.entries({ ann, bob, carl })) {
    await stream!.open()
    await stream!.enablePresence(user)
  }
  await until(() => ann!.present.has('bob') && ann!.present.has('carl'))
  const leaving = bob!.disablePresence()
  await Promise.all([ann!.close(), ann!.open(), ann!.enablePresence('ann'), leaving])
  await until(() => [...ann!.present].join() === 'carl')
})

test('a stream tells that it and its modes are back, when they are', async () => {
  const room = createRoom()
  const client = room.client()
  const news = client.stream('news')
  await news.open()
  await news.enableAuth()
  await news.enablePresence('ann')
  const told: string[] = []
  news.on('status', ({ type, mode = 'stream' }) => told.push(`${mode} ${type}`))
  await room.control('drop')
  await until(() => told.length === 3)
  expect(told[0]).toBe('stream restored')
  expect(told.sort()).toEqual(['auth restored', 'presence restored', 'stream restored'])
  const [stream] = (await room.control('stats')).streams as unknown as { auth: number; present: string[] }[]
  expect(stream).toMatchObject({ subscribers: 1, auth: 1, present: ['ann'] })
})

test('direct messages go from user to user', async () => {
  const room = createRoom()
  const [one, two] = [room.client().stream('news'), room.client().stream('news')]
  await Promise.all([one.open(), two.open()])
  await one.enableDirect('ann')
  await two.enableDirect('bob:b')
  const next = two.messages({ kind: 'direct' }).next()
  await one.direct('bob:b', 'hello bob 👋')
  expect((await next).value).toMatchObject({ from: 'ann', text: 'hello bob 👋', stream: 'news' })
  const answer = once<{ from: string; text: string }>(one, 'direct')
  await two.direct('ann', 'hello ann')
  expect(await answer).toMatchObject({ from: 'bob:b', text: 'hello ann' })
  expect(await rejection(one.direct('nobody', 'hello?'))).toMatchObject({ code: 'PROVIDER' })
  await one.disableDirect()
  await expect(one.direct('bob:b', 'too late')).rejects.toEqual(CONFIG)
  expect(await rejection(two.direct('ann', 'gone'))).toMatchObject({ code: 'PROVIDER' })
})

test('tokens come from a server’s handler, which decides who the user is', async () => {
  const room = createRoom()
  const handler = room.publisher().tokenHandler(async (request, ask) => {
    const user = request.headers.get('x-user')
    return user !== null && (ask.mode === 'auth' || user)
  })
  const token = (user?: string) =>
    fetchToken('https://page.test/token', {
      headers: user === undefined ? {} : { 'x-user': user },
      fetch: async (url, init) => handler(new Request(url, init)),
    })
  const ann = room.client({ token: token('ann') }).stream('news')
  await ann.open()
  await ann.enablePresence('ann')
  await ann.enableAuth()
  // The token is for ann, whoever the page says that it is.
  expect(await rejection(ann.enableDirect('bob'))).toMatchObject({ code: 'PROVIDER' })
  const stranger = room.client({ token: token() }).stream('news')
  await stranger.open()
  expect(await rejection(stranger.enableAuth())).toMatchObject({ code: 'AUTH_REJECTED' })
})

test('1,000 messages come in order, by handler and by loop', async () => {
  const room = createRoom()
  const client = room.client()
  const seen = collect(client, 'news', 'message')
  const loop = client.stream('news').messages()
  await until(() => client.stream('news').state === 'open')
  await room.control('publish', { stream: 'news', message: '{n}', count: 1_000 })
  const looped: string[] = []
  for await (const { text } of loop) if (looped.push(text) === 1_000) break
  const expected = Array.from({ length: 1_000 }, (_, n) => `${n + 1}`)
  expect([seen, looped]).toEqual([expected, expected])
})
