import type { State } from 'isomq/tmc'
import type { Counters, TmcSettings } from '../emulators/tmc-settings.ts'

export interface RoomStats extends Counters {
  /** Held by the server and not handed out. */
  readonly waiting: number
  /** Handed out and not confirmed. */
  readonly unconfirmed: number
  readonly settings: TmcSettings
  readonly peers: readonly { readonly connection: number; readonly sdk: string }[]
}

export interface WorkerStats {
  readonly state: State
  /** Of the running client; absent when there is none. */
  readonly client?: { readonly received: number; readonly acked: number; readonly nacked: number }
}

/** What the server tells; which fields there are depends on the type. */
export interface LiveEvent {
  readonly type: string
  /** Milliseconds since 1970 by the server's clock. */
  readonly at: number
  readonly [field: string]: unknown
}

async function ask<T>(path: string, body?: object): Promise<T> {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
  const response = await fetch(path, init).catch((cause) => {
    throw new Error('The playground’s server does not answer. Does it still run?', { cause })
  })
  const answer = (await response.json()) as T & { error?: string }
  if (!response.ok) throw new Error(answer.error ?? `${path} answered ${response.status}`)
  return answer
}

/** The server's side of a room: the emulator's control API and the consumer in the Worker. */
export function createApi(room: string) {
  const service = `/tmc/${room}`
  const consumer = `/consumer/tmc/${room}`
  const socket = location.origin.replace(/^http/, 'ws')
  return {
    /** Where clients connect. The wire can break in the middle, as networks do. */
    url: `${socket}${service}/wire`,
    stats: () => ask<RoomStats>(`${service}/control`),
    control: <T = object>(op: string, fields: object = {}) => ask<T>(`${service}/control`, { op, ...fields }),
    workerStats: () => ask<WorkerStats>(`${consumer}/stats`),
    worker: (action: 'start' | 'stop' | 'failNext', fields: object = {}) =>
      ask<WorkerStats>(`${consumer}/${action}`, fields),
    watchRoom: (taken: Taken, live: Live) => watch(`${socket}${service}/events`, taken, live),
    watchWorker: (taken: Taken, live: Live) => watch(`${socket}${consumer}/events`, taken, live),
  }
}
export type Api = ReturnType<typeof createApi>

type Taken = (event: LiveEvent) => void
type Live = (isLive: boolean) => void

/** Follows a stream of events for as long as the page is there. */
function watch(url: string, taken: Taken, live: Live): void {
  let pause = 500
  const open = () => {
    const socket = new WebSocket(url)
    socket.addEventListener('open', () => {
      pause = 500
      live(true)
    })
    socket.addEventListener('message', ({ data }) => {
      for (const event of JSON.parse(data as string) as LiveEvent[]) taken(event)
    })
    socket.addEventListener('close', () => {
      live(false)
      setTimeout(open, pause)
      pause = Math.min(pause * 2, 10_000)
    })
  }
  open()
}
