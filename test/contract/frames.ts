import { afterEach, describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection, until } from '../support/events.ts'
import type { FakeSocket } from '../support/socket.ts'
import { acksOf, benchOf, connected } from './harness.ts'
import type { ContractPlug } from './plug.ts'

/** Ways in which runtimes hand over the same bytes. */
const SHAPES: readonly ((bytes: Uint8Array<ArrayBuffer>) => unknown)[] = [
  (bytes) => bytes.slice().buffer,
  (bytes) => new Blob([bytes]),
  (bytes) => bytes,
  (bytes) => {
    const larger = new Uint8Array(bytes.length + 7)
    larger.set(bytes, 5)
    return larger.subarray(5, 5 + bytes.length)
  },
  (bytes) => new DataView(bytes.slice().buffer),
]

/** Makes a socket hand over every frame in another shape; text, too, goes as text only in its turn. */
function shapeshift(socket: FakeSocket): void {
  const { message } = socket
  let turn = 0
  socket.message = (data) => {
    const isText = typeof data === 'string'
    const bytes = isText ? new TextEncoder().encode(data) : new Uint8Array(data as ArrayBuffer)
    const shapes = isText ? [() => data, ...SHAPES] : SHAPES
    message.call(socket, shapes[turn++ % shapes.length]!(bytes))
  }
}

/** Makes a socket hand over every frame as a Blob. */
function blobs(socket: FakeSocket): void {
  const { message } = socket
  socket.message = (data) => message.call(socket, new Blob([data as ArrayBuffer | string]))
}

export function frames(plug: ContractPlug): void {
  const bench = benchOf(plug)
  const acked = acksOf(plug)

  describe('A18 · frames and classes', () => {
    test('A18 · ArrayBuffers, Blobs and views decode alike and keep their order', async () => {
      const b = bench()
      const seen: string[] = []
      b.client.on('message', ({ id }) => seen.push(id))
      await flush()
      shapeshift(b.network.last)
      const server = await b.signIn()
      await until(() => b.client.state === 'open')
      server.deliver(...Array.from({ length: 50 }, (_, i) => i + 1))
      await until(() => seen.length === 50)
      expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => String(i + 1)))
      expect(b.client.stats().malformed).toBe(0)
    })

    test('A18 · a close that comes behind a Blob is heard after its message', async () => {
      const b = bench()
      const told: string[] = []
      b.client.on('message', ({ id }) => told.push(id))
      const server = await connected(b)
      b.client.on('state', ({ to }) => told.push(to))
      blobs(server.socket)
      server.deliver(1, 2)
      server.socket.drop()
      await until(() => b.client.state === 'reconnecting')
      expect(told).toEqual(['1', '2', 'reconnecting'])
    })

    if (plug.traits.acks) {
      test('A18 · an ack that comes behind such a close is no success, and the rest comes again', async () => {
        const b = bench()
        const seen: string[] = []
        b.client.on('message', ({ id }) => seen.push(id))
        const first = await connected(b)
        blobs(first.socket)
        first.deliver(1, 2)
        first.socket.drop()
        await until(() => b.client.state === 'reconnecting')
        expect([first.acked, b.client.stats().acked]).toEqual([[], 0])
        await b.redial()
        const second = await b.signIn()
        second.deliver(1, 2)
        await flush()
        expect([seen.slice(-2), second.acked]).toEqual([
          ['1', '2'],
          ['1', '2'],
        ])
      })
    }

    test('A18 · a frame that cannot be read ends the line, and nothing hangs', async () => {
      for (const data of [{ arrayBuffer: () => Promise.reject(new Error('gone')) }, { odd: 1 }, null]) {
        const b = bench()
        const server = await connected(b)
        server.socket.message(data)
        await until(() => b.client.state === 'reconnecting')
        expect(b.errors[0]).toMatchObject({ code: 'CONNECTION_LOST' })
      }
    })

    test('A18 · binaryType asks for ArrayBuffers', async () => {
      const b = bench()
      const { socket } = await connected(b)
      expect(socket.binaryType).toBe('arraybuffer')
    })

    const CLASSES = ['Event', 'MessageEvent', 'CloseEvent'] as const
    const kept = CLASSES.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const)
    afterEach(() => {
      for (const [name, descriptor] of kept)
        if (descriptor) Object.defineProperty(globalThis, name, descriptor)
    })

    test('A18 · works where there is no Event, MessageEvent or CloseEvent', async () => {
      for (const name of CLASSES) Reflect.deleteProperty(globalThis, name)
      const b = bench()
      b.client.on('message', () => {})
      const server = await connected(b)
      server.deliver(1)
      server.socket.drop()
      await flush()
      await b.redial()
      await b.signIn()
      await b.client.close()
      expect(server.acked).toEqual(acked('1'))
    })
  })

  describe('A21 · malformed frames', () => {
    if (plug.traits.framed) toldAndCounted()
    else replaced()

    if (!plug.traits.handshake) return

    test('A21 · in the handshake they fail the attempt, which is made again', async () => {
      const b = bench()
      const connecting = b.client.connect()
      await flush()
      b.network.last.open()
      b.network.last.bytes(b.server.garbage())
      await flush()
      expect(b.network.last.isOver).toBe(true)
      expect(b.errors[0]).toMatchObject({ code: 'PROTOCOL' })
      await b.redial()
      await b.signIn()
      await connecting
    })

    test('A21 · in the handshake they end a client that may not try again', async () => {
      const b = bench({ reconnect: false })
      const connecting = rejection(b.client.connect())
      await flush()
      b.network.last.open()
      b.network.last.bytes(b.server.garbage())
      expect(await connecting).toMatchObject({ code: 'PROTOCOL' })
    })
  })

  function toldAndCounted(): void {
    test('A21 · are told and counted, and the connection goes on', async () => {
      const b = bench()
      const seen: string[] = []
      b.client.on('message', ({ id }) => seen.push(id))
      const server = await connected(b)
      server.deliver(1)
      server.socket.bytes(server.garbage())
      server.socket.bytes(new Uint8Array(0))
      server.deliver(2)
      await flush()
      expect([seen, b.client.state, b.client.stats().malformed]).toEqual([['1', '2'], 'open', 2])
      const told = b.statuses.flatMap((status) => (status.type === 'malformed' ? [status.error.code] : []))
      expect(told).toEqual(['PROTOCOL', 'PROTOCOL'])
    })
  }

  function replaced(): void {
    test('A21 · end the line, which is replaced; what came before them counts', async () => {
      const b = bench()
      const seen: string[] = []
      b.client.on('message', ({ id }) => seen.push(id))
      const first = await connected(b)
      first.deliver(1)
      first.socket.bytes(new Uint8Array(0))
      first.deliver(2)
      first.socket.bytes(first.garbage())
      expect([b.client.state, first.socket.isOver]).toEqual(['reconnecting', true])
      expect(b.errors).toMatchObject([{ code: 'PROTOCOL' }])
      await b.redial()
      const second = await b.signIn()
      second.deliver(3)
      expect(seen).toEqual(['1', '2', '3'])
    })
  }
}
