// npm run bench: isomq beside its peers, in one run, as ratios. `npm run bench -- md5 codec` runs these parts only.
import { codec } from './codec.ts'
import { e2e } from './e2e.ts'
import { emulator } from './emulator.ts'
import { md5 } from './md5.ts'
import { memory } from './memory.ts'
import { peers } from './peers.ts'
import { report } from './report.ts'

const parts = process.argv.slice(2)
const PARTS = ['md5', 'codec', 'e2e', 'emulator', 'memory']
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
