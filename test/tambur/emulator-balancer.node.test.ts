import { describe, expect, test } from 'vitest'
import { TAMBUR, tamburRoom } from '../support/emulator.ts'
import type { TamburRoom } from '../support/room.ts'
import { subscribed } from './raw.ts'

const ask = (
  { host, appId }: Pick<TamburRoom, 'host' | 'appId'>,
  query = '?instance=3&callback=cb',
  key: string = TAMBUR.apiKey,
) => fetch(`http://${host}/${key}/${appId}${query}`, { redirect: 'manual' })

describe('the balancer', () => {
  test('gives the address of the socket on the host that was asked, as a call', async () => {
    const room = tamburRoom()
    const response = await ask(room, '?instance=3&callback=tambur.Utils.connect_callback')
    const address = room.url.replace('ws://', '')
    expect(await response.text()).toBe(`tambur.Utils.connect_callback(3, "${address}");`)
    expect(response.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(Math.abs(Date.parse(response.headers.get('date')!) - Date.now())).toBeLessThan(5000)
    expect((await subscribed(room, [], `ws://${address}`)).id).not.toBe('')
    expect(await room.stats()).toMatchObject({ balancerCalls: 1, connections: 1 })
  })

  test('is below the room, too; a wire that is asked gives a wire', async () => {
    const room = tamburRoom()
    const path = `balancer/${TAMBUR.apiKey}/${room.appId}?instance=1&callback=f`
    const text = async (url: string) => (await fetch(url)).text()
    expect(await text(`${room.site}/${path}`)).toBe(`f(1, "${room.url.replace('ws://', '')}");`)
    const wire = `f(1, "${room.wire.replace('ws://', '')}");`
    expect(await text(`${room.site}/wire/${path}`)).toBe(wire)
    await room.control('settings', { wired: true })
    expect(await text(`${room.site}/${path}`)).toBe(wire)
  })

  test('of the app isomq-app has the room "default"', async () => {
    const { host } = tamburRoom()
    expect(await (await ask({ host, appId: 'isomq-app' })).text()).toBe(
      `cb(3, "${host}/tambur/default/socket");`,
    )
  })

  test('of the app isomq-app is the same by every address', async () => {
    const { host } = tamburRoom()
    const subscriber = await subscribed({ appId: 'isomq-app', url: `ws://${host}/tambur/isomq-app/socket` })
    const command = JSON.stringify({ op: 'stats' })
    for (const address of ['/tambur', '/tambur/default', '/tambur/isomq-app']) {
      const response = await fetch(`http://${host}${address}/control`, { method: 'POST', body: command })
      const { peers } = (await response.json()) as { peers: { subscriber: string }[] }
      expect(peers.map((peer) => peer.subscriber)).toContain(subscriber.id)
    }
    subscriber.close()
  })

  test.each<[string, { appId?: string; query?: string; key?: string }, unknown[]]>([
    ['an unknown key', { key: 'f'.repeat(32) }, [401, 'unknown_key']],
    ['an app that has another name', { appId: 'default' }, [404, 'unknown_app']],
    ['an app that is no room', { appId: 'control' }, [404, 'not found']],
    ['no app', { appId: '' }, [404, 'not found']],
    ['an app below an app', { appId: 'a/b' }, [404, 'not_found']],
    ['no query', { query: '' }, [400, 'missing_parameter']],
    ['no callback', { query: '?instance=1' }, [400, 'missing_parameter']],
    ['no instance', { query: '?callback=cb' }, [400, 'missing_parameter']],
    ['an instance that is no number', { query: '?instance=a&callback=cb' }, [400, 'invalid_parameter']],
    [
      'a callback that is a program',
      { query: '?instance=1&callback=alert(1);cb' },
      [400, 'invalid_parameter'],
    ],
    ['a callback without a name', { query: '?instance=1&callback=' }, [400, 'invalid_parameter']],
  ])('refuses %s', async (_, { appId, query, key }, expected) => {
    const room = tamburRoom()
    const response = await ask({ host: room.host, appId: appId ?? room.appId }, query, key)
    const { error } = (await response.json()) as { error: string }
    expect([response.status, error]).toEqual(expected)
  })

  test('refuses what is no GET', async () => {
    const { host, appId } = tamburRoom()
    expect(
      (await fetch(`http://${host}/${TAMBUR.apiKey}/${appId}`, { method: 'POST', body: 'x' })).status,
    ).toBe(405)
  })
})

describe('its answer can be set', () => {
  const address = 'ADDRESS'
  test.each([
    ['jsonp', [200, 'text/javascript', `cb(3, "${address}");`]],
    ['spaced', [200, 'text/javascript', `\ncb(\n  3 ,\n  "${address}"\n)\n`]],
    ['json', [200, 'application/json', `"${address}"`]],
    ['text', [200, 'text/plain', address]],
    ['empty', [200, 'text/javascript', '']],
    ['html', [200, 'text/html', expect.stringContaining('<!doctype html>')]],
    ['error', [500, 'text/html', expect.stringContaining('Internal Server Error')]],
    ['redirect', [302, null, '']],
    ['object', [200, 'text/javascript', `cb(3, {"address": "${address}"});`]],
    ['number', [200, 'text/javascript', 'cb(3, 42);']],
    ['instance', [200, 'text/javascript', 'cb(3);']],
    ['function', [200, 'text/javascript', 'somebody.else(3, "another.example/socket");']],
    ['code', [200, 'text/javascript', `cb(3, (globalThis.tamburWasRun = true, "${address}"));`]],
    ['cut', [200, 'text/javascript', expect.stringMatching(/^cb\(3, "[^"]*$/)]],
    ['list', [200, 'application/json', `[1,"${address}"]`]],
    ['scheme', [200, 'text/javascript', 'cb(3, "javascript:alert(1)");']],
  ])('to %s', async (answer, expected) => {
    const room = tamburRoom()
    await room.control('settings', { answer })
    const response = await ask(room)
    const text = (await response.text())
      .replaceAll('\\/', '/')
      .replace(room.url.replace('ws://', ''), address)
    expect([response.status, response.headers.get('content-type')?.split(';')[0] ?? null, text]).toEqual(
      expected,
    )
  })

  test('to nothing else', async () => {
    await expect(tamburRoom().control('settings', { answer: 'xml' })).rejects.toThrow('answer')
  })

  test('to a redirect that has no end', async () => {
    const room = tamburRoom()
    await room.control('settings', { answer: 'redirect' })
    const response = await ask(room)
    expect(response.headers.get('location')).toBe(response.url)
    await expect(fetch(response.url)).rejects.toThrow()
  })
})
