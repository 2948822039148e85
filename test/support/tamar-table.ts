import type { TamarRow } from 'isomq/tamar'
import { type PlanetscaleStoreOptions, planetscaleStore } from 'isomq/tamar/planetscale'
import { FakeClock } from './clock.ts'
import { seeded } from './random.ts'
import { driven, fakeFetch, type Given, status } from './tamar-http.ts'

// MySQL over HTTP, as far as a test sees it: the driver over a fake fetch, and answers as the API gives them.
export const NO_LIMIT = { timeout: 0 }
export const password = 'MARKER:p@ss/"w\\rd'

export const ROW: TamarRow = {
  id: '6b3f6b3c-1111-4111-8111-111111111111',
  senderType: 'server',
  senderId: null,
  targetUserId: 'u1',
  pushType: 1,
  seq: '7',
  payload: '{"a":1}',
  status: 'PENDING',
  commandRequestId: null,
  nonce: '6b3f6b3c-2222-4222-8222-222222222222',
  expiresAt: null,
  retryInterval: null,
}
export const COLUMNS =
  '(id, sender_type, sender_id, target_user_id, push_type, seq, payload, status,' +
  ' command_request_id, nonce, expired_at, retry_interval)'

export function storeOver(answers: Given[], options: Partial<PlanetscaleStoreOptions> = {}) {
  const clock = new FakeClock()
  const net = fakeFetch(...answers)
  const store = planetscaleStore({
    url: 'https://db.test',
    username: 'me',
    password,
    clock,
    random: seeded(1),
    fetch: net.fetch,
    ...options,
  })
  const insert = (row: Partial<TamarRow> = {}) => driven(clock, store.insert({ ...ROW, ...row }, NO_LIMIT))
  const select = (...ids: string[]) => driven(clock, store.select(ids, NO_LIMIT))
  return { clock, store, asked: net.asked, insert, select }
}

export const sqlOf = ({ body }: { body: string }): string => JSON.parse(body).query

export const DONE = { session: { id: 's' }, result: { rowsAffected: '1', insertId: '0' }, timing: 0.001 }
export const failed = (message: string, code = 'UNKNOWN') => ({ error: { code, message } })
export const errno = (number: number, text = 'it failed') =>
  failed(
    `target: db.-.primary: vttablet: rpc error: code = X desc = ${text} (errno ${number}) (sqlstate 23000)`,
  )
export const DUPLICATE = status(
  400,
  errno(1062, `Duplicate entry '${ROW.id}' for key 'push_messages.PRIMARY'`),
)

/** Rows as the HTTP API gives them: lengths, and all values in one piece. */
export function rows(...given: (readonly (string | null)[])[]) {
  const bytes = (value: string) => new TextEncoder().encode(value)
  const fields = ['id', 'status', 'command_request_id', 'command_response'].map((name) => ({
    name,
    type: name === 'command_response' ? 'JSON' : 'VARCHAR',
  }))
  return {
    session: null,
    result: {
      fields,
      rows: given.map((values) => ({
        lengths: values.map((value) => String(value === null ? -1 : bytes(value).length)),
        values: btoa(values.map((value) => String.fromCharCode(...bytes(value ?? ''))).join('')),
      })),
    },
  }
}
