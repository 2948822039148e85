import { acceptSocket, type Env, isUpgrade, json, type ObjectState } from '../cloudflare.ts'
import { placeOf } from '../rooms.ts'
import { control } from './tmc-control.ts'
import { gateway } from './tmc-gateway.ts'
import { TmcRoom } from './tmc-room.ts'
import { TmcSession } from './tmc-session.ts'
import type { TmcSettings } from './tmc-settings.ts'

/**
 * Taobao's message service for one room: WebSocket endpoint, HTTP gateway, control API and event stream.
 * Its sockets do not hibernate, so it stays in memory while a peer is connected; messages outlive it in SQLite.
 */
export class TmcEmulator {
  readonly #room: TmcRoom

  constructor(state: ObjectState, env: Env) {
    this.#room = new TmcRoom(state, JSON.parse(env.TMC_SETTINGS ?? '{}') as Partial<TmcSettings>)
  }

  async fetch(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname
    if (isUpgrade(request)) return path.endsWith('/events') ? this.#watch() : this.#connect(request)
    if (path.endsWith('/router/rest')) return gateway(this.#room, request)
    if (path.endsWith('/control')) return control(this.#room, request)
    return json(
      { error: 'There is a WebSocket endpoint here, and below it: router/rest, control, events, wire.' },
      404,
    )
  }

  #watch(): Response {
    const { settings, counters } = this.#room
    return this.#room.events.watch({ type: 'hello', settings, counters })
  }

  #connect(request: Request): Response {
    const { socket, response } = acceptSocket()
    new TmcSession(this.#room, socket, placeOf(new URL(request.url).pathname)?.wired ?? false)
    return response
  }
}
