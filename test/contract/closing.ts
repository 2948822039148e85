import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { benchOf, connected } from './harness.ts'
import type { ContractPlug } from './plug.ts'

export function closing(plug: ContractPlug): void {
  const bench = benchOf(plug)

  describe('A11 · close() stops everything, in every state', () => {
    const settled = async (b: ReturnType<typeof bench>) => {
      await b.client.close()
      const sockets = b.network.sockets.length
      expect([b.client.state, b.clock.timers]).toEqual(['closed', 0])
      await b.clock.advance(3_600_000)
      expect(b.network.sockets).toHaveLength(sockets)
      expect(b.network.sockets.every(({ isOver }) => isOver)).toBe(true)
    }

    test('A11 · idle', () => settled(bench()))

    if (plug.traits.signs) {
      test('A11 · while credentials are made', async () => {
        let signed: (signature: string) => void = () => {}
        const b = bench({ sign: () => new Promise((resolve) => (signed = resolve)) })
        const connecting = rejection(b.client.connect())
        await flush()
        if (plug.traits.challenges) b.server.accept()
        await flush()
        await settled(b)
        const sent = b.network.sockets.map((socket) => socket.sent.length)
        signed('too late')
        await flush()
        expect(b.network.sockets).toHaveLength(plug.traits.challenges ? 1 : 0)
        expect(b.network.sockets.map((socket) => socket.sent.length)).toEqual(sent)
        expect(await connecting).toMatchObject({ code: 'CLOSED' })
      })
    }

    test('A11 · while the socket opens', async () => {
      const b = bench()
      const connecting = rejection(b.client.connect())
      await flush()
      await settled(b)
      expect(await connecting).toMatchObject({ code: 'CLOSED' })
    })

    if (plug.traits.handshake) {
      test('A11 · while it signs in', async () => {
        const b = bench()
        const connecting = rejection(b.client.connect())
        await flush()
        b.network.last.open()
        await settled(b)
        expect(await connecting).toMatchObject({ code: 'CLOSED' })
      })
    }

    test('A11 · while calls wait for a connection: they end, and are never sent', async () => {
      const b = bench()
      const waiting = ['a', 'b'].map((text) => rejection(plug.call(b.client, text)))
      await flush()
      await settled(b)
      for (const error of await Promise.all(waiting)) expect(error).toMatchObject({ code: 'CLOSED' })
      const server = await connected(b)
      await b.clock.advance(5_000)
      expect(server.calls).toEqual([])
    })

    test('A11 · open, reconnecting with a retry due, and reconnecting with a socket under way', async () => {
      const open = bench()
      await connected(open)
      await settled(open)
      const waiting = bench()
      ;(await connected(waiting)).socket.drop()
      await flush()
      expect(waiting.client.state).toBe('reconnecting')
      await settled(waiting)
      const dialling = bench()
      ;(await connected(dialling)).socket.drop()
      await dialling.redial()
      await settled(dialling)
    })

    test('A11 · a server that never answers the close is left after half a second', async () => {
      const b = bench()
      const { socket } = await connected(b)
      socket.answersClose = false
      const closed = b.client.close()
      await b.clock.advance(500)
      await closed
      expect([b.clock.timers, socket.handlers]).toEqual([0, 0])
    })

    test('A11 · closing inside a handler of any event', async () => {
      for (const type of ['message', 'state', 'status', 'debug'] as const) {
        const b = bench()
        b.client.on(type, () => void b.client.close({ timeout: 1 }))
        b.client.connect().catch(() => {})
        await flush()
        b.network.sockets.at(-1) && (await b.signIn())
        if (type === 'message') b.server.deliver(1)
        await b.clock.advance(2_000)
        await settled(b)
      }
    })
  })
}
