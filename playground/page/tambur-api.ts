import { createTamburConnection, fetchToken, type TamburConnection } from 'isomq/tambur'
import { API_KEY, APP_ID, type Counters, type TamburSettings } from '../emulators/tambur-settings.ts'
import type { PublishAnswer } from '../tambur-demo.ts'
import { ask, createRoomApi } from './server.ts'

export interface TamburStats extends Counters {
  /** By how many seconds the server's clock is ahead. */
  readonly skew: number
  readonly settings: TamburSettings
  readonly peers: readonly { readonly connection: number; readonly subscriber: string }[]
}

/** Whose connection it is, and what it runs into. */
export interface UserLine {
  readonly who: string
  /** Whether the Worker is told who asks for a token. */
  readonly signedIn: boolean
  readonly offline: boolean
}

/** The server's side of a room: the emulator's control API, and the Worker that publishes and grants modes. */
export function createTamburApi(room: string) {
  const demo = `/tambur-demo/${room}`
  const tokenUrl = `${location.origin}${demo}/token`
  return {
    ...createRoomApi<TamburStats>(`/tambur/${room}`),
    publish: (stream: string, messages: readonly string[]) =>
      ask<PublishAnswer>(`${demo}/publish`, { stream, messages }),

    /** A connection as any page makes one, save that its network can be taken away. */
    connection(line: UserLine): TamburConnection {
      return createTamburConnection({
        apiKey: API_KEY,
        appId: room === 'default' ? APP_ID : room,
        balancer: location.host,
        ssl: location.protocol === 'https:',
        token(asked) {
          const headers: Record<string, string> = line.signedIn ? { 'x-demo-user': line.who } : {}
          return fetchToken(tokenUrl, { headers })(asked)
        },
        fetch: (url, init) => (line.offline ? Promise.reject(new TypeError('no network')) : fetch(url, init)),
        reconnect: { minDelay: 300, maxDelay: 1500 },
      })
    },
  }
}
export type TamburApi = ReturnType<typeof createTamburApi>
