// npm run size: minified and gzipped bytes of what a user imports, beside the peers'.
import { join } from 'node:path'
import { peers } from '../bench/peers.ts'
import { table } from '../bench/table.ts'
import { bundle, gzipSize } from './bundle.ts'
import { measureAll } from './size.ts'
import { createProject } from './tarball.ts'

const bytes = (count: number): string => (Number.isNaN(count) ? '?' : count.toLocaleString('en-US'))

console.log('Building and packing …')
const project = createProject()
const sizes = await measureAll(project.folder).finally(project.remove)
console.log('\nisomq, min+gzip, browser condition, ES2022')
table(
  ['what', 'bytes', 'without third party', 'budget', ''],
  sizes.map(({ name, size, own, most, over }) => [
    name,
    bytes(size),
    bytes(own),
    most === undefined ? '' : bytes(most),
    over ? 'OVER' : most === undefined ? '' : 'within',
  ]),
)

/** The peer's TMC client and codec, without its HTTP half; for Node, since it runs nowhere else. */
async function peerSizes(): Promise<string[][]> {
  const folder = peers()
  if (folder === undefined) return []
  const measure = async (name: string, file: string, external: string[]) => {
    const code = `module.exports = require(${JSON.stringify(join(folder, 'node_modules', file))})`
    const text = await bundle(code, { conditions: [], external, format: 'cjs', platform: 'node' })
    return [name, bytes(gzipSize(text))]
  }
  const client = 'ali-topsdk/lib/tmc/tmcClient.js'
  return Promise.all([
    measure('ali-topsdk, TMC client with ws', client, ['bufferutil', 'utf-8-validate']),
    measure('ali-topsdk, TMC client without ws', client, ['ws']),
    measure('js-md5', 'js-md5/build/md5.mjs', []),
  ])
}

const others = await peerSizes()
if (others.length > 0) {
  console.log('\npeers, min+gzip')
  table(['what', 'bytes'], others)
}
process.exitCode = sizes.some(({ over }) => over) ? 1 : 0
