/**
 * MySQL for Tamar over the HTTP API of PlanetScale, or of what speaks it before any other MySQL.
 *
 * @module
 */
import { decodeText, encodeText } from '../core/bytes.ts'
import { base64 } from '../core/encoding.ts'
import type { IsomqError } from '../core/errors.ts'
import { type Fetch, send } from '../core/http.ts'
import * as o from '../core/options.ts'
import { retryWithin } from '../core/retry.ts'
import { createGate } from './gate.ts'
import { notInstalled } from './missing.ts'
import { errorOf, isOwn, isPassing, isTaken, isUndone, readable, strange } from './mysql.ts'
import type { TamarRecord, TamarRow, TamarStore } from './ports.ts'
import { retold } from './step.ts'
import { tellRetries } from './telling.ts'
import { provider, wrong } from './wrong.ts'

export type { TamarStore } from './ports.ts'

/** Options of `planetscaleStore`. */
export interface PlanetscaleStoreOptions extends o.Injected {
  /** The database's host, reached over TLS; or `url`. */
  host?: string | undefined
  /** The API's URL, where it is not that of a host. */
  url?: string | undefined
  username: string
  password: string
  /** How often a query is tried again that failed in passing. Default 2. */
  retries?: number | undefined
  /** Queries that may be under way at once; others wait. Default 50. */
  concurrency?: number | undefined
  /** Default: the runtime's, looked up at every call. */
  fetch?: Fetch | undefined
}

type Optional = 'host' | 'url' | 'fetch' | 'logger'
type Settings = Required<Omit<PlanetscaleStoreOptions, Optional>> & Pick<PlanetscaleStoreOptions, Optional>
type Config = Parameters<typeof import('@planetscale/database').connect>[0]
type Columns = Record<string, string | null>
type Executed = Awaited<ReturnType<import('@planetscale/database').Connection['execute']>>

// FROM_UNIXTIME gives the instant whatever the session's time zone is; a literal would be read in that zone.
const INSERT =
  'INSERT INTO push_messages (id, sender_type, sender_id, target_user_id, push_type, seq, payload, status,' +
  ' command_request_id, nonce, expired_at, retry_interval) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, FROM_UNIXTIME(?), ?)'
const SELECT = 'SELECT id, status, command_request_id, command_response FROM push_messages WHERE id IN (?)'

/**
 * One INSERT and one SELECT by `@planetscale/database`, which has to be installed. Both may be tried again: a row whose
 * id is taken was written by an attempt whose answer got lost.
 *
 * @throws IsomqError `CONFIG` when an option is wrong; the text names it
 */
export function planetscaleStore(options: PlanetscaleStoreOptions): TamarStore {
  const settings = o.parseOptions<Settings>(
    provider,
    {
      ...o.injected(),
      host: o.host<string | undefined>(),
      url: o.optionalSite(),
      username: o.filled(),
      password: o.filled(),
      retries: o.count(2, 0),
      concurrency: o.count(50),
      fetch: o.callback(),
    },
    options,
  )
  const { host } = settings
  if ((host === undefined) === (settings.url === undefined)) {
    throw wrong('give one of the options "host" and "url"', undefined, { option: 'url' })
  }
  const base = (settings.url ?? `https://${host}`).replace(/\/$/, '')
  const how = { ...settings, provider, may: isPassing, retrying: tellRetries(settings, 'store') } as const
  const gate = createGate(settings.concurrency)
  // The library takes each character for a byte of what it signs in with.
  const [username, password] = [settings.username, settings.password].map(bytesOf) as [string, string]
  const hidden = [settings.password, btoa(`${username}:${password}`)]

  /** The library's query, sent as every request of ours is. */
  async function execute(sql: string, values: unknown[], signal: AbortSignal): Promise<Executed> {
    const { connect } = await library()
    const fetch: Config['fetch'] = async (given, init) => {
      const { headers, body } = init as { headers: Record<string, string>; body: string }
      const url = base + new URL(given).pathname
      const answer = await gate(() => send(how, { url, method: 'POST', headers, body, signal }))
      return readable(answer, hidden)
    }
    // Each query has a session of its own: those that share one would have to wait for each other.
    const connection = connect({ host: 'localhost', username, password, fetch, cast: textOf })
    try {
      return await connection.execute(sql, values)
    } catch (thrown) {
      throw errorOf(thrown, hidden, values[0])
    }
  }

  return {
    async insert(row, limits) {
      /** An attempt may have written it, though its answer got lost. */
      let isUnsure = false
      const values = valuesOf(row)
      try {
        await retryWithin(limits, how, async (signal) => {
          try {
            const { rowsAffected } = await execute(INSERT, values, signal)
            if (!(rowsAffected >= 1)) throw strange()
          } catch (error) {
            if (isOwn(error)) return
            // Where something else is taken, no attempt can have written it: MySQL names the id first.
            isUnsure = !isTaken(error) && (isUnsure || !isUndone(error))
            throw error
          }
        })
      } catch (error) {
        // The limits may have ended an attempt in the middle.
        const { code } = error as IsomqError
        const isSure = !isUnsure && code !== 'TIMEOUT' && code !== 'ABORTED'
        throw isSure ? retold(error as IsomqError, { row: false }) : error
      }
    },
    async select(ids, limits) {
      const found = await retryWithin(limits, how, (signal) => execute(SELECT, [[...ids]], signal))
      // Also what finds nothing has columns.
      if (found.headers[0] !== 'id') throw strange()
      return (found.rows as Columns[]).map(recordOf)
    },
  }
}

/** Loaded when it is needed: bundlers leave out what is not installed, as long as the import stands in a try. */
async function library(): Promise<typeof import('@planetscale/database')> {
  try {
    return await import('@planetscale/database')
  } catch (cause) {
    throw notInstalled('@planetscale/database', cause)
  }
}

/** A text whose characters are the bytes of another in UTF-8. */
const bytesOf = (text: string): string => atob(base64(encodeText(text)))

/** All as text: so numbers keep their digits, and JSON is read where it is needed. */
const textOf: NonNullable<Config['cast']> = (_, value) =>
  value === null ? null : decodeText(Uint8Array.from(String(value), (unit) => unit.charCodeAt(0)))

const valuesOf = (row: TamarRow): unknown[] => [
  row.id,
  row.senderType,
  row.senderId,
  row.targetUserId,
  row.pushType,
  row.seq,
  row.payload,
  row.status,
  row.commandRequestId,
  row.nonce,
  row.expiresAt === null ? null : row.expiresAt / 1000,
  row.retryInterval,
]

function recordOf({ id, status, ...columns }: Columns): TamarRecord {
  if (!id || !status) throw strange()
  const { command_request_id: commandRequestId = null, command_response: commandResponse = null } = columns
  return { id, status, commandRequestId, commandResponse }
}
