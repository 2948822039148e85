import { acceptSocket, type Env, isUpgrade, json, type ObjectState } from '../cloudflare.ts'
import { placeOf } from '../rooms.ts'
import { management } from './tamar-api.ts'
import { control } from './tamar-control.ts'
import { serve } from './tamar-http.ts'
import { planetscale } from './tamar-planetscale.ts'
import { TamarRoom } from './tamar-room.ts'
import type { TamarSettings } from './tamar-settings.ts'
import { StompSession, SUBPROTOCOLS } from './tamar-stomp.ts'
import { upstash } from './tamar-upstash.ts'
import { UserSession } from './tamar-user.ts'

/**
 * The far side of Tamar for one room: Redis as Upstash serves it, MySQL as PlanetScale does, RabbitMQ over WebSocket
 * and HTTP, and the gateway with its users. Its sockets do not hibernate, so it stays in memory while a peer is
 * connected; rows, keys and what lies in durable queues outlive it in SQLite.
 */
export class TamarEmulator {
  readonly #room: TamarRoom

  constructor(state: ObjectState, env: Env) {
    this.#room = new TamarRoom(state, JSON.parse(env.TAMAR_SETTINGS ?? '{}') as Partial<TamarSettings>)
  }

  async fetch(request: Request): Promise<Response> {
    const place = placeOf(new URL(request.url).pathname)!
    const room = this.#room
    const [part, ...path] = place.rest
    switch (part) {
      case 'redis':
        return serve(room, request, 'redis', path, (call) => upstash(room, call))
      case 'psdb.v1alpha1.Database':
        return serve(room, request, 'mysql', path, (call) => planetscale(room, call))
      case 'api':
        return serve(room, request, 'api', path, (call) => management(room, call))
      case 'control':
        return control(room, request)
      case 'events':
        if (isUpgrade(request)) return this.#watch()
        break
      case 'ws':
        if (isUpgrade(request)) return this.#stomp(request, place.wired)
        break
      case 'user':
        if (isUpgrade(request)) return this.#user(request, place.wired)
    }
    await request.text()
    return json({ error: 'There are here: redis, ws, api, user, control, events, wire.' }, 404)
  }

  #watch(): Response {
    const { settings, counters, events } = this.#room
    return events.watch({ type: 'hello', settings, counters })
  }

  #stomp(request: Request, wired: boolean): Response {
    const offered = (request.headers.get('sec-websocket-protocol') ?? '').split(/\s*,\s*/)
    // One that offers nothing it knows is let in all the same.
    const { socket, response } = acceptSocket(SUBPROTOCOLS.find((one) => offered.includes(one)))
    new StompSession(this.#room, socket, wired)
    return response
  }

  #user(request: Request, wired: boolean): Response {
    const id = new URL(request.url).searchParams.get('id') ?? ''
    if (id === '') return json({ error: 'who is it? …/user?id=ID' }, 400)
    if (this.#room.troubles.refuses('user')) return json({ error: 'refused on request' }, 403)
    const { socket, response } = acceptSocket()
    new UserSession(this.#room, socket, wired, id)
    return response
  }
}
