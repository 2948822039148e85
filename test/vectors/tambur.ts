import { grantText, modeToken, oauth1Text, signPublish, type TamburMode } from 'isomq/tambur'
import { type Differences, type Fields, isFields, text } from './compare.ts'
import type { Judge } from './run.ts'

const FORM = 'application/x-www-form-urlencoded'
const optional = (fields: Fields, name: string): string | undefined =>
  fields[name] === undefined || fields[name] === null ? undefined : text(fields, name)

const token: Judge = async (input, expected, differences) => {
  differences.knownFields('expected', expected, ['message', 'token'])
  const grant = {
    apiKey: text(input, 'api_key'),
    appId: text(input, 'app_id'),
    secret: text(input, 'secret'),
    mode: text(input, 'mode') as TamburMode,
    stream: text(input, 'stream'),
    userId: optional(input, 'user_id'),
    subscriberId: text(input, 'subscriber_id'),
  }
  if (expected.message !== undefined) differences.same('message', grantText(grant), expected.message)
  if (expected.token !== undefined) differences.same('token', await modeToken(grant), expected.token)
}

const PUBLISH = ['url', 'content_type', 'base_string', 'signature', 'body_params', 'body']

const publish: Judge = async (input, expected, differences) => {
  differences.knownFields('expected', expected, PUBLISH)
  const { timestamp } = input
  const request = await signPublish({
    apiKey: text(input, 'api_key'),
    appId: text(input, 'app_id'),
    secret: text(input, 'secret'),
    apiHost: optional(input, 'api_host'),
    stream: text(input, 'stream'),
    message: text(input, 'message'),
    nonce: text(input, 'nonce'),
    timestamp: typeof timestamp === 'number' ? timestamp : text(input, 'timestamp'),
    ssl: typeof expected.url === 'string' && expected.url.startsWith('https:'),
  })
  const { url } = request
  const signature = request.params.find(([name]) => name === 'oauth_signature')?.[1] ?? null
  const params = request.params.filter(([name]) => name !== 'oauth_signature')
  const actual: Fields = {
    url,
    content_type: FORM,
    base_string: oauth1Text({ method: 'POST', url, params }),
    signature,
  }
  for (const [name, value] of Object.entries(actual)) {
    if (expected[name] !== undefined) differences.same(name, value, expected[name])
  }
  compareForm(request.body, expected, differences)
}

/** The order of a form's parameters and how a blank is written are free. */
function compareForm(body: string, expected: Fields, differences: Differences): void {
  const actual = sorted([...new URLSearchParams(body)])
  if (isFields(expected.body_params)) {
    differences.same(
      'body_params',
      actual,
      sorted(Object.entries(expected.body_params) as [string, string][]),
    )
  }
  if (typeof expected.body === 'string') {
    differences.same('body', actual, sorted([...new URLSearchParams(expected.body)]))
  }
}

const sorted = (pairs: [string, string][]): [string, string][] =>
  pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))

/** By `op`. */
export const tambur: Readonly<Record<string, Judge>> = { token, publish }
