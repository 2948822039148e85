// What the state of a stream does not allow: opening and closing it twice, modes that it has or has not.
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { bench, CONFIG } from './bench.ts'

describe('what the old client refused', () => {
  test('to open a stream that is open, or about to be', async () => {
    const b = bench()
    const news = b.client.stream('news')
    const opening = news.open()
    await expect(news.open()).rejects.toEqual(CONFIG)
    const script = await b.obeyed()
    await opening
    await expect(news.open()).rejects.toEqual(CONFIG)
    script.socket.drop()
    await flush()
    await expect(news.open()).rejects.toEqual(CONFIG)
    await b.redial()
    b.script.accept()
    await flush()
    expect([news.state, b.script.lines]).toEqual(['open', ['subscribe news']])
  })

  test('to close a stream that is closed', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = b.client.stream('news')
    await expect(news.close()).rejects.toEqual(CONFIG)
    await news.open()
    await news.close()
    await expect(news.close()).rejects.toEqual(CONFIG)
    expect(script.lines).toEqual(['subscribe news', 'unsubscribe news'])
  })

  test('to switch a mode on twice, or off twice, or in a closed stream', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = b.client.stream('news')
    const on = {
      auth: () => news.enableAuth(),
      presence: () => news.enablePresence('me'),
      direct: () => news.enableDirect('me'),
    }
    const off = {
      auth: () => news.disableAuth(),
      presence: () => news.disablePresence(),
      direct: () => news.disableDirect(),
    }
    for (const mode of ['auth', 'presence', 'direct'] as const) {
      await expect(on[mode]()).rejects.toEqual(CONFIG)
      await expect(off[mode]()).rejects.toEqual(CONFIG)
      await news.open()
      await expect(off[mode]()).rejects.toEqual(CONFIG)
      const first = on[mode]()
      await expect(on[mode]()).rejects.toEqual(CONFIG)
      await first
      await expect(on[mode]()).rejects.toEqual(CONFIG)
      await off[mode]()
      await expect(off[mode]()).rejects.toEqual(CONFIG)
      await news.close()
    }
    expect(script.lines.filter((line) => !/^(un)?subscribe/.test(line))).toEqual([
      'set_mode auth news T1',
      'unset_mode auth news',
      'set_mode presence news me T2',
      'unset_mode presence news',
      'set_mode direct news me T3',
      'unset_mode direct news me',
    ])
  })

  test('a direct message without direct mode', async () => {
    const b = bench()
    const script = await b.obeyed()
    const news = b.client.stream('news')
    await expect(news.direct('her', 'hi')).rejects.toEqual(CONFIG)
    await news.open()
    await news.enablePresence('me')
    await expect(news.direct('her', 'hi')).rejects.toEqual(CONFIG)
    expect(script.lines.filter((line) => line.startsWith('direct'))).toEqual([])
  })
})
