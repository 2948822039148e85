import type { Counters, WebmqSettings } from '../emulators/webmq-settings.ts'
import type { PushAnswer, PushWish } from '../webmq-demo.ts'
import { ask, createRoomApi } from './server.ts'

export interface WebmqStats extends Counters {
  /** Milliseconds by which the server's clock is ahead. */
  readonly skew: number
  readonly settings: WebmqSettings
  readonly peers: readonly { readonly connection: number; readonly session: string | number }[]
}

/** The server's side of a room: the emulator's control API, and the Worker that signs and pushes. */
export function createWebmqApi(room: string) {
  const service = `/webmq/${room}`
  const demo = `/webmq-demo/${room}`
  return {
    ...createRoomApi<WebmqStats>(service),
    /** Where sessions connect. The wire can break in the middle, as networks do. */
    url: `${location.origin.replace(/^http/, 'ws')}${service}/wire/ws`,
    /** Where the Worker signs challenges. */
    signUrl: `${location.origin}${demo}/sign`,
    /** Logs this browser in at the Worker, or out. */
    enter: (on: boolean) => ask(`${demo}/${on ? 'enter' : 'leave'}`, {}),
    push: (wish: PushWish) => ask<PushAnswer>(`${demo}/push`, wish),
  }
}
export type WebmqApi = ReturnType<typeof createWebmqApi>
