// npm run bench: isomq beside its peers, in one run, as ratios. `npm run bench -- md5 codec` runs these parts only.
import { codec } from './codec.ts'
import { e2e } from './e2e.ts'
import { emulator } from './emulator.ts'
import { md5 } from './md5.ts'
import { memory } from './memory.ts'
import { peers, wampPeers } from './peers.ts'
import { prismNotify } from './prism-notify.ts'
import { prismSign } from './prism-sign.ts'
import { report } from './report.ts'
import { tamar } from './tamar.ts'
import { tamburSign } from './tambur-sign.ts'
import { tamburStreams } from './tambur-streams.ts'
import { wamp } from './wamp.ts'

const parts = process.argv.slice(2)
const PARTS = [
  ...['md5', 'codec', 'e2e', 'emulator', 'memory'],
  ...['prism-sign', 'prism-notify', 'tambur-sign', 'tambur-streams', 'wamp', 'tamar'],
]
if (!parts.every((part) => PARTS.includes(part))) {
  console.error(`The parts are ${PARTS.join(', ')}`)
  process.exit(2)
}
const wanted = (part: string): boolean => parts.length === 0 || parts.includes(part)
const folder = peers()

console.log(`Node ${process.version}, ${process.arch}; a ratio of 2 x means twice as fast as the other`)
if (folder !== undefined && wanted('md5')) report('MD5, text to hexadecimal digits', await md5(folder))
if (folder !== undefined && wanted('codec')) report('TMC codec', codec(folder))
if (wanted('e2e'))
  report('TMC end to end: loopback, one connection, 400-byte messages, each confirmed', await e2e(folder))
if (folder !== undefined && wanted('emulator'))
  report('The same as clients of the emulator, which stores each message', await emulator(folder))
if (wanted('memory')) await memory()
if (folder !== undefined && wanted('prism-sign')) report('Prism signatures', prismSign(folder))
if (wanted('prism-notify')) {
  const { deliveries, roundTrips } = await prismNotify()
  report('Prism notify: loopback, one connection, 400-byte deliveries, each acked', deliveries)
  report('Prism notify: published, echoed, received and acked, 32 in flight', roundTrips)
  console.log(`
  The bare WebSocket (of ws) runs JSON.parse over each delivery, cuts the tag's text from where it knows it to be
  and acks with that. The one that writes in one piece also holds its frames back until a burst of messages is
  read, as isomq does. The one that parses nothing sends ready-made frames, whose acks name no message.`)
}
if (folder !== undefined && wanted('tambur-sign')) report('Tambur signatures', await tamburSign(folder))
if (wanted('tambur-streams'))
  report(
    'Tambur streams: loopback, one connection, 400-byte messages, stream by stream',
    await tamburStreams(),
  )
if (wanted('tamar')) await tamar()
const wampFolder = wanted('wamp') ? wampPeers() : undefined
if (wampFolder !== undefined) {
  const { alone, through } = await wamp(wampFolder)
  report('WAMP 2: per second that the client itself works; the router is not waited for', alone)
  report('WAMP 2: as the router passes it on, 64 calls in flight', through)
  console.log(`
  The router is fox-wamp. It is slower than all clients, so that the second table shows its speed more than theirs.
  The bare WebSocket (of ws) runs JSON.parse over each message.`)
}
