import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileFunction } from 'node:vm'
import { canonicalRequest, signRequest } from 'isomq/prism'
import { md5Hex } from '../../src/core/md5.ts'
import { type PrismPairs, pairsOf } from '../../src/prism/params.ts'
import { compare } from './measure.ts'
import { requirePeer } from './peers.ts'
import { nanoseconds, type Row } from './report.ts'

type Params = Readonly<Record<string, string>>
type PeerSign = (
  method: string,
  path: string,
  headers: Params,
  get: Params,
  post: Params,
  secret: string,
) => string

const request = { method: 'POST', path: '/api/trade/create', secret: 'xa4k7gzyemzjkscapdjb' }
const { method, path, secret } = request

/** Ten parameters and the three of the protocol, in no order; differing, so that nothing can be remembered. */
const calls: readonly Params[] = Array.from({ length: 64 }, (_, i) => ({
  tid: String(56876327000000 + i),
  status: 'WAIT_SELLER_SEND_GOODS',
  created: '2014-05-20 14:26:12',
  buyer_nick: `沙箱买家${i}`,
  payment: '1299.00',
  title: '羊毛围巾 秋冬 加厚',
  receiver_address: 'Wensan Road 391, Floor 8',
  fields: 'tid,status,payment,orders.oid',
  page_no: '1',
  page_size: '40',
  client_id: 'umjj5xj6',
  sign_method: 'md5',
  sign_time: String(1400567172 + i),
}))

/** What `rpc` of prism-js calls, which the package keeps to itself; with another MD5 than its own, if given. */
function loadPeer(peers: string, md5?: (text: string) => string): PeerSign {
  const source = readFileSync(join(peers, 'node_modules', 'prism-js', 'lib', 'prism.js'), 'utf8')
  const load = (name: string) => (name === 'MD5' && md5) || requirePeer(peers, 'prism-js', name)
  return compileFunction(`${source}\nreturn sign`, ['require', 'module'])(load, {})
}

const nativeMd5 = (text: string): string => createHash('md5').update(text).digest('hex')

/** Signing a call with 10 parameters, against what prism-js does with the same. */
export function prismSign(peers: string): Row[] {
  const pairs: PrismPairs[] = calls.map((params) => Object.entries(params))
  const texts = pairs.map((body) => canonicalRequest({ ...request, body }))
  const peer = (sign: PeerSign) => (i: number) => sign(method, path, {}, {}, calls[i & 63]!, secret)
  const candidates = {
    isomq: (i: number) => signRequest({ method, path, body: pairs[i & 63]!, secret }),
    'prism-js': peer(loadPeer(peers)),
    'with node:crypto': peer(loadPeer(peers, nativeMd5)),
    'from an object': (i: number) => signRequest({ method, path, body: pairsOf(calls[i & 63]), secret }),
  }
  for (const sign of Object.values(candidates)) {
    if (calls.some((_, i) => sign(i) !== candidates.isomq(i))) throw new Error('the signatures differ')
  }
  const parts = {
    'canonical text': (i: number) => canonicalRequest({ method, path, body: pairs[i & 63]!, secret }),
    MD5: (i: number) => md5Hex(texts[i & 63]!),
  }
  const all = Object.entries({ ...candidates, ...parts }).map(
    // Reading a digit makes the text of the digest; some engines put that off until somebody looks.
    ([name, work]) => [name, (i: number) => work(i).charCodeAt(31)] as const,
  )
  const { results, ratio } = compare(Object.fromEntries(all))
  const row = (what: string, ours: string, theirs: string, target?: number): Row => {
    const figures = nanoseconds(results.filter(({ name }) => name === ours || name === theirs))
    return { what, ratio: ratio(ours, theirs), ...(target !== undefined && { target }), figures }
  }
  const shares = Object.keys(parts).map((name) => `${name} ${(100 / ratio(name, 'isomq')).toFixed(0)} %`)
  const first = row('sign a call with 10 parameters', 'isomq', 'prism-js', 1)
  return [
    { ...first, figures: `${first.figures}; of isomq: ${shares.join(', ')}` },
    row('the same, from an object to pairs as the client does', 'from an object', 'prism-js', 1),
    row('against prism-js with a native MD5 in place of its own', 'isomq', 'with node:crypto'),
  ]
}
