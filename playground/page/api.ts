import type { State } from 'isomq/tmc'
import type { Counters, TmcSettings } from '../emulators/tmc-settings.ts'
import { ask, createRoomApi, type Live, type Taken, watch } from './server.ts'

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

/** The server's side of a room: the emulator's control API and the consumer in the Worker. */
export function createApi(room: string) {
  const service = `/tmc/${room}`
  const consumer = `/consumer/tmc/${room}`
  return {
    ...createRoomApi<RoomStats>(service),
    /** Where clients connect. The wire can break in the middle, as networks do. */
    url: `${location.origin.replace(/^http/, 'ws')}${service}/wire`,
    workerStats: () => ask<WorkerStats>(`${consumer}/stats`),
    worker: (action: 'start' | 'stop' | 'failNext', fields: object = {}) =>
      ask<WorkerStats>(`${consumer}/${action}`, fields),
    watchWorker: (taken: Taken, live: Live) => watch(`${consumer}/events`, taken, live),
  }
}
export type Api = ReturnType<typeof createApi>
