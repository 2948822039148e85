// A server that streams messages as fast as they are confirmed: started by the bench as a process of its own, so
// that it takes no time from the clients. It answers a sign-in, and otherwise only counts.
import { decodeFrame, encodeFrame, type TmcValue } from 'isomq/tmc'
import { WebSocketServer } from 'ws'
import { done, FRAME_SIZE, ready, WINDOW } from './stream.ts'
import { CONFIRM_SIZE, TOKEN } from './tmc-wire.ts'

const text = (value: string): TmcValue => ({ type: 'string', value })
const FIRST_ID = 1384120100044242953n

function dataFrame(i: number, padding: number): Uint8Array {
  const content = JSON.stringify({ tid: 56876327000000 + i, payment: '1299.00', note: 'x'.repeat(padding) })
  const headers: [string, TmcValue][] = [
    ['__kind', { type: 'byte', value: 3 }],
    ['id', { type: 'int64', value: FIRST_ID + BigInt(i) }],
    ['topic', text('taobao_trade_TradeCreate')],
    ['content', text(content)],
    ['publisher', text('12497914')],
    ['time', { type: 'date', value: 1396000000000n }],
    ['outtime', { type: 'date', value: 1396000000500n }],
    ['userid', { type: 'int64', value: 2054718218n }],
    ['nick', text('sandbox_seller')],
  ]
  return encodeFrame({ type: 'send', token: TOKEN, headers })
}

// Far more of them than are ever under way, so that no two in flight have the same id.
const padding = FRAME_SIZE - dataFrame(0, 0).length
const frames = Array.from({ length: WINDOW * 4 }, (_, i) => dataFrame(i, padding))

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
server.on('connection', (socket, request) => {
  const total = Number(new URL(request.url!, 'ws://localhost').searchParams.get('count'))
  let sent = 0
  let confirmed = 0
  let startedAt = 0n

  const next = () => socket.send(frames[sent++ % frames.length]!)
  function start(hello: Uint8Array): void {
    if (hello.length > 2) {
      const { flag } = decodeFrame(hello)
      socket.send(encodeFrame({ type: 'connectack', flag, token: TOKEN }))
    }
    startedAt = process.hrtime.bigint()
    while (sent < Math.min(total, WINDOW)) next()
  }
  socket.on('message', (data: Buffer) => {
    if (startedAt === 0n) return start(data)
    // Anything shorter is a pull request, which asks for what is coming anyway.
    if (data.length < CONFIRM_SIZE) return
    confirmed++
    if (sent < total) next()
    else if (confirmed === total) done(startedAt)
  })
})
server.on('listening', () => ready((server.address() as { port: number }).port))
process.on('disconnect', () => process.exit())
