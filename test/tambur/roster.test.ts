// Presence: who is there, and that a page shows no ghosts.
import type { TamburPresence } from 'isomq/tambur'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { bench } from './bench.ts'

const told = ({ kind, ...rest }: TamburPresence) =>
  ['userId' in rest ? rest.userId : '', kind].join(' ').trim()

describe('the roster of a stream', () => {
  test('has who came up and not who went down', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'presence')
    const events: string[] = []
    news.on('presence', (event) => events.push(told(event)))
    script.up('news', 'me', 'her', 'him', 'her')
    script.down('news', 'him', 'nobody')
    expect([...news.present]).toEqual(['me', 'her'])
    expect(events).toEqual(['me up', 'her up', 'him up', 'her up', 'him down', 'nobody down'])
  })

  test('is up to date when its event is told', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'presence')
    const rosters: string[][] = []
    news.on('presence', () => rosters.push([...news.present]))
    script.up('news', 'a', 'b')
    script.down('news', 'a')
    await news.disablePresence()
    expect(rosters).toEqual([['a'], ['a', 'b'], ['b'], []])
  })

  test('takes who is there before the ack of the mode', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open()
    script.socket.send = (data) => void script.socket.sent.push(data)
    const enabling = news.enablePresence('me')
    await flush()
    script.up('news', 'her')
    script.answer('set_mode')
    await enabling
    expect([...news.present]).toEqual(['her'])
  })

  test('is emptied with a reset when the connection is lost, and filled again on the next', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'presence')
    script.up('news', 'me', 'her', 'him')
    const events: string[] = []
    news.on('presence', (event) => events.push(told(event)))
    script.socket.drop()
    await flush()
    expect([[...news.present], events]).toEqual([[], ['reset']])
    const next = await b.redial()
    next.accept()
    await flush()
    next.up('news', 'me', 'her')
    expect([[...news.present], events]).toEqual([
      ['me', 'her'],
      ['reset', 'me up', 'her up'],
    ])
  })

  test.each(['disablePresence', 'close'] as const)(
    'is emptied with a reset by %s(), and stays empty',
    async (how) => {
      const b = bench()
      const script = await b.obeyed()
      const news = await b.open('news', 'presence')
      script.up('news', 'me', 'her')
      const events: string[] = []
      news.on('presence', (event) => events.push(told(event)))
      const ending = news[how]()
      // On its way already: a ghost, if it were taken.
      script.up('news', 'him')
      await ending
      script.up('news', 'him')
      expect([[...news.present], events]).toEqual([[], ['reset']])
    },
  )

  test('is emptied with a reset when the client is closed', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'presence')
    script.up('news', 'me', 'her')
    const events: string[] = []
    news.on('presence', (event) => events.push(told(event)))
    await b.client.close()
    expect([[...news.present], events]).toEqual([[], ['reset']])
  })

  test('is emptied with a reset when the mode or the stream is refused on the next connection', async () => {
    for (const command of ['subscribe', 'set_mode']) {
      const b = bench()
      const script = await b.obeyed()
      const news = await b.open('news', 'presence')
      script.up('news', 'her')
      b.network.onDial = undefined
      script.socket.drop()
      await b.redial()
      b.script.obey(({ name }) => (name === command ? 'no' : undefined)).accept()
      await flush()
      b.script.up('news', 'ghost')
      expect([...news.present]).toEqual([])
    }
  })

  test('is empty without the mode, whatever arrives', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'auth')
    const events: unknown[] = []
    news.on('presence', (event) => events.push(event))
    script.up('news', 'her')
    await b.again()
    expect([[...news.present], events]).toEqual([[], []])
  })

  test('is the same set all along: who has kept it sees no ghosts either', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'presence')
    const { present } = news
    script.up('news', 'me', 'her')
    expect([...present]).toEqual(['me', 'her'])
    const next = await b.again()
    expect([...present]).toEqual([])
    next.up('news', 'him')
    expect([...present]).toEqual(['him'])
  })

  test('belongs to one stream', async () => {
    const b = bench()
    const script = await b.obeyed()
    const [one, two] = [await b.open('one', 'presence'), await b.open('two', 'presence')]
    script.up('one', 'her')
    script.up('two', 'him')
    expect([[...one.present], [...two.present]]).toEqual([['her'], ['him']])
    await one.close()
    expect([[...one.present], [...two.present]]).toEqual([[], ['him']])
  })

  test('knows users of any name', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = await b.open('news', 'presence')
    const users = ['__proto__', 'constructor', '', 'a:b', 'Zoë 王', '0']
    script.up('news', ...users)
    expect([...news.present]).toEqual(users)
    expect(({} as { up?: unknown }).up).toBeUndefined()
  })
})
