import type { Counters, TamarSettings } from '../emulators/tamar-settings.ts'
import type { DispatchAnswer, ResultAnswer, SendAnswer, SenderStats, SendWish } from '../tamar-demo.ts'
import type { ServersAnswer } from '../tamar-sites.ts'
import { ask, createRoomApi, type Live, type Taken, watch } from './server.ts'

export interface TamarStats extends Counters {
  readonly rows: number
  /** Rows by their status. */
  readonly statuses: Readonly<Record<string, number>>
  /** Of the brokers; RabbitMQ's own are left out. */
  readonly exchanges: readonly string[]
  readonly settings: TamarSettings
  /** How the gateway's ways to real servers are, if it works with such. */
  readonly links?: Readonly<Record<string, string>>
  readonly peers: readonly {
    readonly line: 'stomp' | 'user' | 'http'
    readonly connection: number
    readonly user?: string
  }[]
}

/** A row of the table, as the database has it. */
export interface TableRow {
  readonly id: string
  readonly target_user_id: string
  readonly push_type: string
  readonly seq: string
  /** JSON. */
  readonly payload: string
  readonly status: string
  /** JSON. */
  readonly command_response: string | null
  /** What the gateway has done with it, since the server began. */
  readonly tally?: { readonly dispatched: number; readonly delivered: number }
}

/** The server's side of a room: the emulator's control API and gateway, and the Worker that sends. */
export function createTamarApi(room: string) {
  const service = `/tamar/${room}`
  const demo = `/tamar-demo/${room}`
  const api = createRoomApi<TamarStats>(service)
  return {
    ...api,
    /** The newest rows first; those of all users when none is named. */
    rows: async (limit: number, users: readonly string[] = []) =>
      (await api.control<{ rows: TableRow[] }>('rows', { newest: true, limit, users })).rows,
    /** How many rows there are of each status. */
    statuses: (users: readonly string[]) => api.control<Pick<TamarStats, 'statuses'>>('statuses', { users }),
    servers: () => ask<ServersAnswer>(`${demo}/servers`),
    /** Where a user connects. The wire can break in the middle, as networks do. */
    userUrl: (user: string) =>
      `${location.origin.replace(/^http/, 'ws')}${service}/wire/user?id=${encodeURIComponent(user)}`,
    send: (wish: SendWish) => ask<SendAnswer>(`${demo}/send`, wish),
    dispatch: (id: string) => ask<DispatchAnswer>(`${demo}/dispatch`, { id }),
    result: (id: string) => ask<ResultAnswer>(`${demo}/result`, { id }),
    senderStats: () => ask<SenderStats>(`${demo}/stats`),
    stopSender: () => ask(`${demo}/stop`, {}),
    watchSender: (taken: Taken, live: Live) => watch(`${demo}/events`, taken, live),
  }
}
export type TamarApi = ReturnType<typeof createTamarApi>
