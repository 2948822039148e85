import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { decodeFrame, encodeFrame } from 'isomq/tmc'
import { afterEach, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { room } from '../support/emulator.ts'

const cleanups: (() => unknown)[] = []
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean()
})

/** Milliseconds from the end of `close()` to the end of the process. */
async function exit(state: string, url: string): Promise<number> {
  const child = spawn(process.execPath, ['test/tool.mjs', 'test/tmc/exit.ts', state, url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  cleanups.push(() => child.kill())
  const ended = once(child, 'exit')
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  expect(line).toBe(`closed from ${state}`)
  const closedAt = Date.now()
  expect(await ended).toEqual([0, null])
  return Date.now() - closedAt
}

async function listen(server: Server): Promise<string> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
  cleanups.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `ws://127.0.0.1:${(server.address() as { port: number }).port}/`
}

/** Acks every sign-in; `then` decides what becomes of the connection. */
async function acker(then: (end: { deaf(): void; hangUp(): void }) => void): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  cleanups.push(() => {
    for (const peer of server.clients) peer.terminate()
    server.close()
  })
  server.on('connection', (peer, { socket }) => {
    peer.once('message', (data: Buffer) => {
      const { flag } = decodeFrame(new Uint8Array(data))
      peer.send(encodeFrame({ type: 'connectack', flag, token: 'T' }))
      then({ deaf: () => socket.pause(), hangUp: () => peer.close(1001) })
    })
  })
  await once(server, 'listening')
  return `ws://127.0.0.1:${(server.address() as { port: number }).port}/`
}

test('A11 · a process with a client that was never used exits', async () => {
  expect(await exit('idle', 'ws://127.0.0.1:1/')).toBeLessThan(1_000)
})

test('A11 · a process whose client is open exits within a second of close()', async () => {
  expect(await exit('open', room().url)).toBeLessThan(1_000)
})

test('A11 · a process whose client still connects, to a server that says nothing, exits', async () => {
  expect(await exit('connecting', await listen(createServer(() => {})))).toBeLessThan(1_000)
})

test('A11 · a process whose client pauses before a retry exits', async () => {
  expect(await exit('reconnecting', await acker(({ hangUp }) => hangUp()))).toBeLessThan(1_000)
})

test('A11 · a process exits whose server never answers the close', async () => {
  expect(await exit('open', await acker(({ deaf }) => deaf()))).toBeLessThan(1_000)
})
