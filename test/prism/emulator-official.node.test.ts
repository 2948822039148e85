// The vendor's JavaScript client, as it is on npm, and signatures that the vendor's clients made, against the
// emulator: the proof that it does not merely agree with our own client. Both know no room and ask at the root, so
// they get a playground of their own.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Playground, startPlayground } from '../../playground/host.mjs'
import { peers, requirePeer } from '../bench/peers.ts'
import { PRISM } from '../support/room.ts'

type Answer = { readonly code?: number; readonly request_id?: string; readonly data?: unknown }
type OfficialClient = {
  rpc(
    api: string,
    options: {
      type: string
      params: Record<string, string>
      success(answer: Answer): void
      error(answer: Answer): void
    },
  ): void
}

const CLIENT = 'umjj5xj6'
let playground: Playground
beforeAll(async () => {
  // The signatures are of 2014.
  playground = await startPlayground({ prism: { signWindow: 1e9 } })
})
afterAll(() => playground.stop())

const folder = peers()

describe.skipIf(folder === undefined)('prism-js', () => {
  const call = (type: string, api: string, params: Record<string, string>, secret: string = PRISM.secret) => {
    const create = requirePeer<(url: string, key: string, secret: string) => OfficialClient>(
      folder!,
      'prism-js',
      './index.js',
    )
    const client = create(`${playground.url}/api`, PRISM.key, secret)
    return new Promise<Answer>((success) => client.rpc(api, { type, params, success, error: success }))
  }

  test('makes signed calls', async () => {
    const written = await call('POST', 'platform/notify/write', { data: 'hello 世界', key: 'a.b' })
    expect(written).toMatchObject({ data: { result: true, error: null } })
    expect(written.request_id).toMatch(/^[\da-f]{32}$/)
    const echoed = await call('GET', 'demo/echo', { name: '商派 a&b=c' })
    expect(echoed).toMatchObject({ data: { result: { query: [['name', '商派 a&b=c']] } } })
  })

  test('is refused with a wrong secret', async () => {
    expect(await call('POST', 'platform/notify/write', { data: 'x' }, 'wrong')).toMatchObject({ code: 401 })
  })
})

type Pairs = [name: string, value: string][]
interface SignCase {
  readonly name: string
  readonly input: {
    readonly op: string
    readonly method: string
    readonly path: string
    readonly headers: Pairs
    readonly query: Pairs
    readonly body: Pairs
    readonly secret: string
  }
  readonly expected: { readonly sign: string }
}

const { cases } = JSON.parse(readFileSync(new URL('../vectors/prism.json', import.meta.url), 'utf8')) as {
  cases: SignCase[]
}

const signed = cases.filter(({ input: { op, query = [], body = [] } }) => {
  return op === 'sign' && [...query, ...body].some(([name]) => name === 'client_id')
})

describe('signatures of the Go, PHP, Java and JavaScript clients', () => {
  beforeAll(async () => {
    const body = JSON.stringify({ op: 'app', key: CLIENT, secret: signed[0]!.input.secret })
    await fetch(`${playground.url}/prism/control`, { method: 'POST', body })
  })

  const send = (
    { method, path, headers, query, body }: SignCase['input'],
    sign: string,
  ): Promise<Response> => {
    const url = new URL(path, playground.url)
    url.search = new URLSearchParams([...query, ['sign', sign]]).toString()
    const form = body.length > 0 ? new URLSearchParams(body) : undefined
    return fetch(url, {
      method,
      headers: form ? headers.filter(([name]) => name !== 'Content-Type') : headers,
      body: form,
    })
  }

  test.each(signed.map((one) => [one.name, one] as const))('%s', async (_, { input, expected }) => {
    // Their APIs and tokens are not here, so past the signature some go no further.
    expect(await (await send(input, expected.sign)).text()).not.toContain('sign')
    const other = expected.sign.startsWith('0') ? '1' : '0'
    expect(await (await send(input, other + expected.sign.slice(1))).text()).toContain('"invalid_signature"')
  })
})
