import { acceptSocket, type Env, isUpgrade, json, type ObjectState } from '../cloudflare.ts'
import { type Place, placeFor, placeOf } from '../rooms.ts'
import { management } from './tamar-api.ts'
import { control } from './tamar-control.ts'
import { serve } from './tamar-http.ts'
import { planetscale } from './tamar-planetscale.ts'
import { realServices } from './tamar-real.ts'
import { gatewayAccess, REAL } from './tamar-real-settings.ts'
import { TamarRoom } from './tamar-room.ts'
import type { TamarSettings } from './tamar-settings.ts'
import { StompSession, SUBPROTOCOLS } from './tamar-stomp.ts'
import { upstash } from './tamar-upstash.ts'
import { UserSession } from './tamar-user.ts'

/**
 * The far side of Tamar for one room: Redis as Upstash serves it, MySQL as PlanetScale does, RabbitMQ over WebSocket
 * and HTTP, and the gateway with its users. Its sockets do not hibernate, so it stays in memory while a peer is
 * connected; rows, keys and what lies in durable queues outlive it in SQLite.
 *
 * The gateway of the room "real" works with the servers that the environment names, if it does; what has waited for a
 * user meanwhile waits in them.
 */
export class TamarEmulator {
  readonly #state: ObjectState
  readonly #env: Env
  #room: TamarRoom | undefined

  constructor(state: ObjectState, env: Env) {
    this.#state = state
    this.#env = env
  }

  async fetch(request: Request): Promise<Response> {
    const place = placeOf(new URL(request.url).pathname)!
    try {
      this.#room ??= this.#open(request)
    } catch (error) {
      await request.text()
      return json({ error: (error as Error).message }, 500)
    }
    return this.#answer(request, place, this.#room)
  }

  /** What its name is, a room learns from whoever asks for it. */
  #open(request: Request): TamarRoom {
    const settings = JSON.parse(this.#env.TAMAR_SETTINGS ?? '{}') as Partial<TamarSettings>
    const name = placeFor(request, new URL(request.url).pathname)?.room
    const access = name === REAL ? gatewayAccess(this.#env) : undefined
    return new TamarRoom(this.#state, settings, access && ((room) => realServices(access, room)))
  }

  async #answer(request: Request, place: Place, room: TamarRoom): Promise<Response> {
    const [part, ...path] = place.rest
    if (room.services.links !== undefined && EMBEDDED.has(part)) {
      await request.text()
      return json({ error: 'this room works with real servers: send to those' }, 404)
    }
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
        if (isUpgrade(request)) return watch(room)
        break
      case 'ws':
        if (isUpgrade(request)) return stomp(room, request, place.wired)
        break
      case 'user':
        if (isUpgrade(request)) return user(room, request, place.wired)
    }
    await request.text()
    return json({ error: 'There are here: redis, ws, api, user, control, events, wire.' }, 404)
  }
}

/** What of a room nobody works with whose gateway has real servers. */
const EMBEDDED: ReadonlySet<string | undefined> = new Set(['redis', 'psdb.v1alpha1.Database', 'api', 'ws'])

function watch({ settings, counters, events }: TamarRoom): Response {
  return events.watch({ type: 'hello', settings, counters })
}

function stomp(room: TamarRoom, request: Request, wired: boolean): Response {
  const offered = (request.headers.get('sec-websocket-protocol') ?? '').split(/\s*,\s*/)
  // One that offers nothing it knows is let in all the same.
  const { socket, response } = acceptSocket(SUBPROTOCOLS.find((one) => offered.includes(one)))
  new StompSession(room, socket, wired)
  return response
}

function user(room: TamarRoom, request: Request, wired: boolean): Response {
  const id = new URL(request.url).searchParams.get('id') ?? ''
  if (id === '') return json({ error: 'who is it? …/user?id=ID' }, 400)
  if (room.troubles.refuses('user')) return json({ error: 'refused on request' }, 403)
  const { socket, response } = acceptSocket()
  new UserSession(room, socket, wired, id)
  return response
}
