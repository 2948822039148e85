import { createHmac, webcrypto } from 'node:crypto'
import { grantText, modeToken, oauth1Text, signOAuth1, signPublish, type TamburGrant } from 'isomq/tambur'

import { compareAsync } from './measure.ts'
import { requirePeer } from './peers.ts'
import { nanoseconds, type Row } from './report.ts'

type Fields = Readonly<Record<string, string>>
interface Request {
  readonly method: string
  readonly url: string
  data: Fields
}
interface Peer {
  getNonce(): string
  getTimeStamp(): number
  getBaseString(request: Request, oauth: Fields): string
  getSignature(request: Request, tokenSecret: undefined, oauth: Fields): string
  authorize(request: Request): Fields
}
type PeerClass = new (options: object) => Peer

const account = { apiKey: '30af96de47e3c58329045ff136a4a3ea', appId: 'ws-bot-1', secret: 'wsbot' }
const { apiKey, appId, secret } = account
const TIME = 1_400_567_172
/** Calls that are under way at once, where a server signs for many. */
const AT_ONCE = 32

const digest = (key: string, text: string, as: 'hex' | 'base64'): string =>
  createHmac('sha1', key).update(text).digest(as)

/** Differing, so that nothing can be remembered; a few of their characters need an escape. */
const every = Array.from({ length: 64 }, (_, i) => i)
const grants = every.map(
  (i): TamburGrant => ({
    ...account,
    mode: 'presence',
    stream: `room-${i}`,
    userId: `user-${i}`,
    subscriberId: `a0629978-28d8-4fd4-b862-f67e9b6dfd${10 + i}`,
  }),
)
const publications = every.map((i) => ({
  ...account,
  stream: 'orders',
  message: JSON.stringify({ tid: 56876327000000 + i, payment: '1299.00', buyer: `沙箱买家${i} (neu!)` }),
  nonce: `${i}`.padStart(32, 'n'),
  timestamp: TIME,
}))
const url = `https://api.tambur.io/app/${appId}/stream/orders`
const requests = publications.map(({ message, nonce }) => ({
  method: 'POST',
  url,
  data: { api_version: '1.0', message },
  oauth: {
    oauth_consumer_key: apiKey,
    oauth_nonce: nonce,
    oauth_signature_method: 'HMAC-SHA1',
    oauth_timestamp: String(TIME),
    oauth_version: '1.0',
  },
}))

/**
 * Mode tokens and OAuth signatures, against oauth-1.0a with node:crypto on the same. WebCrypto, which is what there is
 * everywhere, signs on another thread: what it costs to wait for that is shown, and has no target.
 */
export async function tamburSign(peers: string): Promise<Row[]> {
  const Peer = requirePeer<PeerClass>(peers, 'oauth-1.0a', 'oauth-1.0a')
  const peer = new Peer({
    consumer: { key: apiKey, secret },
    signature_method: 'HMAC-SHA1',
    hash_function: (text: string, key: string) => digest(key, text, 'base64'),
  })
  let asked = 0
  peer.getNonce = () => publications[asked]!.nonce
  peer.getTimeStamp = () => TIME

  const signed = requests.map(({ method, data, oauth }) => ({
    method,
    url,
    params: [...Object.entries(data), ...Object.entries(oauth)],
  }))
  const isomq: Works = {
    'mode token': (i) => modeToken(grants[i]!),
    'base string': (i) => oauth1Text(signed[i]!),
    'OAuth signature': (i) => signOAuth1({ ...signed[i]!, secret }),
    'signed form': async (i) => (await signPublish(publications[i]!)).body,
  }
  const others: Works = {
    'mode token': (i) => digest(secret, grantText(grants[i]!), 'hex'),
    'base string': (i) => peer.getBaseString(requests[i]!, requests[i]!.oauth),
    'OAuth signature': (i) => peer.getSignature(requests[i]!, undefined, requests[i]!.oauth),
    'signed form'(i) {
      asked = i
      const { data } = requests[i]!
      return formOf({ ...data, ...peer.authorize({ method: 'POST', url, data }) })
    },
  }
  for (const [what, work] of Object.entries(isomq)) {
    for (const i of every)
      if ((await work(i)) !== others[what]!(i)) throw new Error(`${what}: the results differ`)
  }
  const parts = await webCrypto(signed.map(oauth1Text))
  const { results, ratio } = await compareAsync({
    ...named('isomq', isomq),
    ...named('other', others),
    ...named('at once', atOnce(isomq)),
    ...named('of', { ...parts, 'token text': (i) => grantText(grants[i]!) }),
  })
  const result = (name: string, as: string, calls = 1) => ({
    name: as,
    ns: results.find((one) => one.name === name)!.ns / calls,
  })
  const share = (own: string, part: string, as: string) =>
    `${as} ${(100 / ratio(part, `isomq ${own}`)).toFixed(0)} %`
  const rows = (what: string, other: string, text: string, textAs: string): Row[] => {
    const [own, many] = [`isomq ${what}`, `at once ${what}`]
    const shares = [share(what, text, textAs), share(what, 'of sign', 'WebCrypto')]
    return [
      {
        what: `${what}, one by one`,
        ratio: ratio(own, `other ${what}`),
        figures: `${nanoseconds([result(own, 'isomq'), result(`other ${what}`, other)])}; of isomq: ${shares.join(', ')}`,
      },
      {
        what: `${what}, ${AT_ONCE} at once`,
        ratio: AT_ONCE * ratio(many, `other ${what}`),
        figures: nanoseconds([result(many, 'isomq', AT_ONCE)]),
      },
    ]
  }
  const base = ['isomq base string', 'base string'] as const
  const library = 'oauth-1.0a'
  return [
    {
      what: 'base string, which waits for nothing',
      ratio: ratio('isomq base string', 'other base string'),
      target: 1,
      figures: nanoseconds([result('isomq base string', 'isomq'), result('other base string', library)]),
    },
    ...rows('mode token', 'node:crypto', 'of token text', 'its text'),
    ...rows('OAuth signature', library, ...base),
    ...rows('signed form', library, ...base),
    {
      what: 'WebCrypto alone: a signature by a key that was imported before',
      ratio: ratio('of sign', 'of node:crypto'),
      figures: nanoseconds([
        result('of sign', 'WebCrypto'),
        result('of node:crypto', 'node:crypto'),
        result('of importKey', 'importKey'),
      ]),
    },
  ]
}

/** What there is no way around, on the same texts. */
async function webCrypto(all: readonly string[]): Promise<Works> {
  const { subtle } = webcrypto
  const keyText = `${secret}&`
  const [keyBytes = new Uint8Array(), ...texts] = [keyText, ...all].map((text) =>
    new TextEncoder().encode(text),
  )
  const importKey = () => subtle.importKey('raw', keyBytes, { name: 'HMAC', hash: 'SHA-1' }, false, ['sign'])
  const key = await importKey()
  return {
    importKey,
    sign: (i) => subtle.sign('HMAC', key, texts[i]!),
    'node:crypto': (i) => digest(keyText, all[i]!, 'base64'),
  }
}

const named = (who: string, works: Works): Works =>
  Object.fromEntries(Object.entries(works).map(([what, work]) => [`${who} ${what}`, (i) => work(i & 63)]))

const atOnce = (works: Works): Works =>
  Object.fromEntries(
    Object.entries(works).map(([what, work]) => [
      what,
      (from) => Promise.all(Array.from({ length: AT_ONCE }, (_, i) => work((from + i) & 63))),
    ]),
  )

type Works = Readonly<Record<string, (i: number) => unknown>>

const escaped = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (unit) => `%${unit.charCodeAt(0).toString(16).toUpperCase()}`)

/** The form as isomq orders it, of what a user of the peer sends. */
const formOf = (fields: Fields): string =>
  Object.entries(fields)
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
    .join('&')
