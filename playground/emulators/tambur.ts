import { acceptSocket, type Env, isUpgrade, json, type ObjectState } from '../cloudflare.ts'
import { type Place, placeOf } from '../rooms.ts'
import { balance } from './tambur-balancer.ts'
import { control } from './tambur-control.ts'
import { serve } from './tambur-http.ts'
import { Refused } from './tambur-oauth.ts'
import { publish } from './tambur-rest.ts'
import { TamburRoom } from './tambur-room.ts'
import { TamburSession } from './tambur-session.ts'
import { DEFAULT_APP, type TamburSettings } from './tambur-settings.ts'

/**
 * Tambur.io for one room, which is one app: balancer, REST, the subscribers' socket, control API and event stream.
 * Its sockets do not hibernate, so it stays in memory while a peer is connected; messages are not kept.
 */
export class TamburEmulator {
  readonly #state: ObjectState
  readonly #settings: Partial<TamburSettings>
  #room: TamburRoom | undefined

  constructor(state: ObjectState, env: Env) {
    this.#state = state
    this.#settings = JSON.parse(env.TAMBUR_SETTINGS ?? '{}') as Partial<TamburSettings>
  }

  async fetch(request: Request): Promise<Response> {
    const place = placeOf(new URL(request.url).pathname)!
    // Only a request tells the name of the room.
    this.#room ??= new TamburRoom(this.#state, appOf(place), this.#settings)
    const room = this.#room
    const [part = '', ...rest] = place.rest
    switch (part) {
      case 'balancer':
        return serve(room, request, part, (call) => balance(room, call, rest, socketPath(room, place)))
      case 'app':
        return serve(room, request, 'rest', (call) => publish(room, call, rest))
      case 'socket':
        return serve(room, request, part, () => connect(room, isUpgrade(request), place.wired))
      case 'control':
        return control(room, request)
      case 'events':
        if (isUpgrade(request)) return watch(room)
    }
    await request.text()
    return json({ error: 'There are here: balancer, app, socket, control, events, wire.' }, 404)
  }
}

const appOf = ({ room }: Place): string => (room === 'default' ? DEFAULT_APP.id : room)

/** A wire that asks gets a wire. */
const socketPath = ({ settings }: TamburRoom, { room, wired }: Place): string =>
  `/tambur/${room}/${wired || settings.wired ? 'wire/' : ''}socket`

function connect(room: TamburRoom, isSocket: boolean, wired: boolean): Response {
  if (!isSocket) throw new Refused(426, 'upgrade_required', 'this is a WebSocket endpoint')
  const status = room.faults.socketRefusals.shift()
  if (status !== undefined) throw new Refused(status, 'refused', 'refused on request')
  const { socket, response } = acceptSocket()
  new TamburSession(room, socket, wired)
  return response
}

const watch = ({ events, settings, counters }: TamburRoom): Response =>
  events.watch({ type: 'hello', settings, counters })
