import { deriveKey, encodePush, signChallenge, signPush, type WampSalt } from 'isomq/webmq'
import {
  BadCase,
  type Differences,
  type Fields,
  isFields,
  type Json,
  number,
  text,
  toHex,
  utf8,
} from './compare.ts'
import type { Judge } from './run.ts'

const optional = (fields: Fields, name: string): string | undefined =>
  fields[name] === undefined || fields[name] === null ? undefined : text(fields, name)

function texts(fields: Fields, name: string): string[] | undefined {
  const given = fields[name]
  if (given === undefined || given === null) return undefined
  if (Array.isArray(given) && given.every((one) => typeof one === 'string')) return given as string[]
  throw new BadCase(`"${name}" must be a list of texts`)
}

const PUSH = ['method', 'content_type', 'url_base', 'query', 'signature', 'signed_bytes_hex', 'body', 'php']

const push: Judge = async (input, expected, differences) => {
  differences.knownFields('expected', expected, PUSH)
  if (input.event === undefined) throw new BadCase('"event" is missing')
  const key = optional(input, 'authkey')
  const timestamp = optional(input, 'timestamp')
  const topic = text(input, 'topic')
  const secret = optional(input, 'secret')
  const made = await encodePush({
    endpoint: text(input, 'endpoint'),
    topic,
    event: input.event,
    key,
    secret,
    timestamp,
    eligible: texts(input, 'eligible'),
    exclude: texts(input, 'exclude'),
  })
  const { origin, pathname, searchParams } = new URL(made.url)
  const { signature, ...query } = Object.fromEntries(searchParams)
  differences.same('the signature in the query', signature ?? null, made.signature ?? null)
  const signed = key === undefined ? undefined : topic + key + timestamp + made.body
  const actual: Record<string, Json> = {
    method: 'POST',
    content_type: 'application/x-www-form-urlencoded',
    url_base: origin + pathname,
    query,
    signature: made.signature ?? null,
    signed_bytes_hex: signed === undefined ? null : toHex(utf8(signed)),
    body: made.body,
  }
  for (const [name, value] of Object.entries(actual)) {
    if (expected[name] !== undefined) differences.same(name, value, expected[name])
  }
  if (isFields(expected.php)) {
    differences.same('php: event', JSON.parse(text(expected.php, 'body')) as Json, input.event)
    await comparePhp({ topic, key, timestamp, secret }, query, expected.php, differences)
  }
}

interface Signer {
  readonly topic: string
  readonly key: string | undefined
  readonly timestamp: string | undefined
  readonly secret: string | undefined
}

/** The PHP client writes the same event in other bytes: what it signs is signed alike, its query says the same. */
async function comparePhp(
  { topic, key, timestamp, secret }: Signer,
  ours: Record<string, string>,
  php: Fields,
  differences: Differences,
): Promise<void> {
  differences.knownFields('php', php, ['body', 'signature', 'url'])
  const body = text(php, 'body')
  if (php.url !== undefined) {
    const { signature, ...query } = Object.fromEntries(new URL(text(php, 'url')).searchParams)
    differences.same('php: query', query, ours)
    differences.same('php: signature in the query', signature ?? null, php.signature ?? null)
  }
  if (php.signature === undefined) return
  const signed = await signPush({ topic, key: key ?? '', timestamp: timestamp ?? '', body }, secret ?? '')
  differences.same('php: signature', signed, php.signature)
}

const wampcra: Judge = async (input, expected, differences) => {
  differences.knownFields('expected', expected, ['key', 'signature'])
  const secret = text(input, 'secret')
  const salt = optional(input, 'salt')
  const salted: WampSalt | undefined =
    salt === undefined
      ? undefined
      : {
          salt,
          iterations: input.iterations === undefined ? undefined : number(input, 'iterations'),
          keylen: input.keylen === undefined ? undefined : number(input, 'keylen'),
        }
  if (expected.key !== undefined)
    differences.same('key', salted ? await deriveKey(secret, salted) : secret, expected.key)
  if (expected.signature !== undefined)
    differences.same(
      'signature',
      await signChallenge(text(input, 'challenge'), secret, salted),
      expected.signature,
    )
}

/** By `op`. */
export const webmq: Readonly<Record<string, Judge>> = { push, wampcra }
