// Both Tambur clients in a room of the emulator.
import {
  createTamburConnection,
  createTamburPublisher,
  type TamburConnection,
  type TamburConnectionOptions,
  type TamburMessage,
  type TamburPublisher,
  type TamburPublisherOptions,
  type TamburStatus,
} from 'isomq/tambur'
import { onTestFinished } from 'vitest'
import { TAMBUR, tamburRoom } from './emulator.ts'
import { once } from './events.ts'
import type { TamburRoom } from './room.ts'

interface LiveRoom extends TamburRoom {
  /** Publishers and connections of this room, with other options if need be. */
  publisher(options?: Partial<TamburPublisherOptions>): TamburPublisher
  client(options?: Partial<TamburConnectionOptions>): TamburConnection
  readonly publish: TamburPublisher['publish']
}

/** Lines that a test sees break come back soon. */
const SOON = { minDelay: 5, maxDelay: 20, stableAfter: 0 }

/** A room of the emulator, with both clients; connections are closed after the test. */
export function createRoom(): LiveRoom {
  const room = tamburRoom()
  const { host, appId } = room
  const publisher = (options: Partial<TamburPublisherOptions> = {}) =>
    createTamburPublisher({ ...TAMBUR, appId, apiHost: host, ssl: false, ...options })
  const server = publisher()
  const client = (options: Partial<TamburConnectionOptions> = {}): TamburConnection => {
    const made = createTamburConnection({
      ...(options.url === undefined && { apiKey: TAMBUR.apiKey, appId, balancer: host, ssl: false }),
      reconnect: SOON,
      token: async ({ mode, stream, userId, subscriberId }) => {
        if (mode === 'auth') return server.authToken(stream, subscriberId)
        return server[`${mode}Token`](stream, userId!, subscriberId)
      },
      ...options,
    })
    onTestFinished(() => made.close())
    return made
  }
  return { ...room, publisher, client, publish: server.publish }
}

/** What a stream gets, as it comes. */
export function collect(
  client: TamburConnection,
  name: string,
  ...types: ('message' | 'auth' | 'direct')[]
): string[] {
  const seen: string[] = []
  for (const type of types) client.stream(name).on(type, ({ text }: TamburMessage) => seen.push(text))
  return seen
}

/** Waits until a connection was lost and is back. */
export const back = (client: TamburConnection): Promise<TamburStatus> =>
  once<{ to: string }>(client, 'state', ({ to }) => to === 'reconnecting').then(() =>
    once<TamburStatus>(client, 'status', ({ type }) => type === 'connected'),
  )
