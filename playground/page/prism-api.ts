import { createPrismClient, type PrismClient, type PrismSigned, signRequest } from 'isomq/prism'
import { type Counters, DEFAULT_APP, type PrismSettings } from '../emulators/prism-settings.ts'
import type { DemoAnswer } from '../prism-demo.ts'
import { ask, createRoomApi } from './server.ts'

export interface PrismStats extends Counters {
  /** Held by the server and not handed out. */
  readonly waiting: number
  /** Handed out and not acknowledged. */
  readonly unacked: number
  /** By how many seconds the server's clock is ahead. */
  readonly skew: number
  readonly settings: PrismSettings
  readonly peers: readonly { readonly connection: number; readonly name?: string }[]
}

/** The server's side of a room: the emulator's control API and the Worker that logs users in. */
export function createPrismApi(room: string) {
  const service = `/prism/${room}`
  const demo = `/prism-demo/${room}`
  return {
    ...createRoomApi<PrismStats>(service),
    /** Below which the APIs are. */
    baseUrl: `${location.origin}${service}/api`,
    /** The same over a wire that can break in the middle, as networks do. */
    wireUrl: `${location.origin}${service}/wire/api`,
    loginUrl: `${demo}/login`,
    logoutUrl: `${demo}/logout`,
    session: () => ask<DemoAnswer>(`${demo}/session`),
    user: (action: 'me' | 'refresh') => ask<DemoAnswer>(`${demo}/${action}`, {}),
    logOut: () => fetch(`${demo}/logout`, { method: 'POST', redirect: 'manual' }),
  }
}
export type PrismApi = ReturnType<typeof createPrismApi>

/** The emulator's secret, which this page has for the demo alone: whoever opens a page can read what is in it. */
export const { secret: SECRET } = DEFAULT_APP

/**
 * A client as pages should make one: signatures come from a function. There it asks a server of one's own; here it
 * signs by itself, and `signed` is shown what.
 */
export function createSigningClient(
  baseUrl: string,
  signed: (request: PrismSigned) => void = () => {},
): PrismClient {
  return createPrismClient({
    baseUrl,
    key: DEFAULT_APP.key,
    sign(request) {
      signed(request)
      return signRequest({ ...request, secret: SECRET })
    },
  })
}
