import { acceptSocket, type Env, isUpgrade, json, type ObjectState } from '../cloudflare.ts'
import { placeOf } from '../rooms.ts'
import { caller, publisher } from './webmq-bridge.ts'
import { control } from './webmq-control.ts'
import { serve } from './webmq-http.ts'
import { push } from './webmq-push.ts'
import { WebmqRoom } from './webmq-room.ts'
import type { WebmqSettings } from './webmq-settings.ts'
import { Wamp1Session } from './webmq-wamp1.ts'
import { Wamp2Session } from './webmq-wamp2.ts'

/**
 * Tavendo's broker and its successor for one room: pushes and Crossbar.io's HTTP bridge, WAMP in both versions,
 * control API and event stream. Its sockets do not hibernate, so it stays in memory while a peer is connected.
 */
export class WebmqEmulator {
  readonly #room: WebmqRoom

  constructor(state: ObjectState, env: Env) {
    this.#room = new WebmqRoom(state, JSON.parse(env.WEBMQ_SETTINGS ?? '{}') as Partial<WebmqSettings>)
  }

  async fetch(request: Request): Promise<Response> {
    const place = placeOf(new URL(request.url).pathname)
    // The PHP client always writes a slash before the query.
    const path = place?.rest.filter((name) => name !== '').join('/')
    switch (path) {
      case 'push':
        return serve(this.#room, request, push)
      case 'publish':
        return serve(this.#room, request, publisher)
      case 'call':
        return serve(this.#room, request, caller)
      case 'control':
        return control(this.#room, request)
      case 'events':
        if (isUpgrade(request)) return this.#watch()
        break
      case 'ws':
        if (isUpgrade(request)) return this.#connect(request, place?.wired ?? false)
    }
    await request.text()
    return json({ error: 'There are here: push, publish, call, ws, control, events, wire.' }, 404)
  }

  #watch(): Response {
    const { settings, counters } = this.#room
    return this.#room.events.watch({ type: 'hello', settings, counters })
  }

  #connect(request: Request, wired: boolean): Response {
    const room = this.#room
    const { speaks, otherSubprotocol } = room.settings
    const offered = (request.headers.get('sec-websocket-protocol') ?? '').split(/\s*,\s*/)
    const chosen = offered.find((protocol) => speaks.includes(protocol))
    if (chosen === undefined && otherSubprotocol === 'refuse') {
      room.counters.refused++
      const reason = `this server only speaks ${speaks.join(', ')}`
      room.events.emit(() => ({ type: 'refused', reason, offered }))
      return new Response(`${reason}\n`, { status: 400 })
    }
    const { socket, response } = acceptSocket(room.faults.subprotocols.shift() ?? chosen)
    const version = chosen ?? speaks[0]
    if (version === 'wamp') new Wamp1Session(room, socket, wired)
    else new Wamp2Session(room, socket, wired)
    return response
  }
}
