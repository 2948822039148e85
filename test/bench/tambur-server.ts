// A server of Tambur's streams: started by the bench as a process of its own, so that it takes no time from the
// clients. Once a client has its streams, the messages come, as fast as it reads them; what it unsubscribes tells that
// it has them all.
import { Buffer } from 'node:buffer'
import { WebSocketServer } from 'ws'
import { done, ready } from './stream.ts'
import { messageFrame, START, SUBSCRIBER } from './tambur-wire.ts'

/** Written at once. */
const BURST = 1_000

const bursts = new Map<number, Buffer>()
function burst(streams: number): Buffer {
  const made =
    bursts.get(streams) ?? Buffer.concat(Array.from({ length: BURST }, (_, i) => messageFrame(i, streams)))
  bursts.set(streams, made)
  return made
}

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
server.on('connection', (socket, request) => {
  const { searchParams } = new URL(request.url!, 'ws://localhost')
  const streams = Number(searchParams.get('streams'))
  let bursts = Number(searchParams.get('count')) / BURST
  let startedAt = 0n

  function flow(): void {
    if (bursts-- > 0) request.socket.write(burst(streams), flow)
  }
  socket.on('message', (data) => {
    const [command, handle, stream] = JSON.parse(String(data)) as [string, number, string]
    socket.send(JSON.stringify(['ack', handle, 'ok']))
    if (command === 'unsubscribe') done(startedAt)
    else if (stream === START) {
      startedAt = process.hrtime.bigint()
      flow()
    }
  })
  socket.send(`id:${SUBSCRIBER}`)
})
server.on('listening', () => ready((server.address() as { port: number }).port))
process.on('disconnect', () => process.exit())
