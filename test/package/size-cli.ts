// npm run size: minified and gzipped bytes of what a user imports, beside the peers'.
import { join } from 'node:path'
import type { BuildOptions } from 'esbuild'
import { peers, wampPeers } from '../bench/peers.ts'
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

/** The peers' counterparts: of ali-topsdk only the TMC half. Some for Node, since they run nowhere else. */
async function peerSizes(): Promise<string[][]> {
  const [folder, wamp] = [peers(), wampPeers()]
  const measure = async (name: string, from: string, file: string, options: BuildOptions) => {
    const code = `module.exports = require(${JSON.stringify(join(from, 'node_modules', file))})`
    return [name, bytes(gzipSize(await bundle(code, { format: 'cjs', ...options })))]
  }
  const node = (...external: string[]): BuildOptions => ({ conditions: [], external, platform: 'node' })
  const client = 'ali-topsdk/lib/tmc/tmcClient.js'
  return Promise.all([
    ...(folder === undefined
      ? []
      : [
          measure('ali-topsdk, TMC client with ws', folder, client, node('bufferutil', 'utf-8-validate')),
          measure('ali-topsdk, TMC client without ws', folder, client, node('ws')),
          measure('js-md5', folder, 'js-md5/build/md5.mjs', node()),
          measure('prism-js, signed calls only, with MD5', folder, 'prism-js/index.js', node()),
          measure('oauth-1.0a, without HMAC-SHA1', folder, 'oauth-1.0a/oauth-1.0a.js', {}),
        ]),
    ...(wamp === undefined
      ? []
      : [
          measure('wampy, for browsers, all serializers', wamp, 'wampy/dist/esm/wampy.js', {}),
          measure(
            'autobahn, for Node, all serializers',
            wamp,
            'autobahn/index.js',
            node('bufferutil', 'utf-8-validate'),
          ),
        ]),
  ])
}

const others = await peerSizes()
if (others.length > 0) {
  console.log('\npeers, min+gzip')
  table(['what', 'bytes'], others)
}
process.exitCode = sizes.some(({ over }) => over) ? 1 : 0
