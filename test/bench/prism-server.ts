// A server of Prism's notify: started by the bench as a process of its own, so that it takes no time from the
// clients. It streams messages as fast as they are acked, or echoes what is published, and ends when an ack is not
// the one that is due.
import { Buffer } from 'node:buffer'
import { WebSocketServer } from 'ws'
import {
  ACK,
  ackFrame,
  BLIND_ACK,
  bodyOf,
  CONSUME,
  consumeFrame,
  delivery,
  ECHO,
  KEY,
  PUBLISH,
  readPublish,
  TYPE,
  tagOf,
} from './prism-wire.ts'
import { done, holder, ready, WINDOW } from './stream.ts'

// Far more of them than are ever under way, so that no two in flight have the same tag.
const MANY = WINDOW * 4
const every = Array.from({ length: MANY }, (_, i) => i)
const frames = every.map((i) => Buffer.from(delivery(tagOf(i), KEY, bodyOf(i), TYPE)))
const tags = every.map(tagOf)
const acks = tags.map(ackFrame)

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
server.on('connection', (socket, request) => {
  const total = Number(new URL(request.url!, 'ws://localhost').searchParams.get('count'))
  let echoes = false
  let sent = 0
  let acked = 0
  let startedAt = 0n

  const next = () => socket.send(frames[sent++ % MANY]!, { binary: false })
  function consume(frame: Buffer): void {
    echoes = frame.equals(consumeFrame(ECHO))
    startedAt = process.hrtime.bigint()
    while (!echoes && sent < Math.min(total, WINDOW)) next()
  }
  function ack(frame: Buffer): void {
    if (!frame.equals(acks[acked % MANY]!) && !frame.equals(BLIND_ACK)) {
      console.error(`not the ack that is due: ${frame.toString('hex')}`)
      process.exit(1)
    }
    acked++
    if (acked === total) done(startedAt)
    else if (!echoes && sent < total) next()
  }
  const hold = holder(request.socket)
  socket.on('message', (frame: Buffer) => {
    hold()
    if (frame[0] === ACK) ack(frame)
    else if (frame[0] === PUBLISH) socket.send(delivery(tags[sent++ % MANY]!, ...readPublish(frame)))
    else if (frame[0] === CONSUME) consume(frame)
  })
})
server.on('listening', () => ready((server.address() as { port: number }).port))
process.on('disconnect', () => process.exit())
