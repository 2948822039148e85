import { type Env, isUpgrade, json, type ObjectState } from '../cloudflare.ts'
import { placeOf } from '../rooms.ts'
import { runApi } from './prism-apis.ts'
import { control } from './prism-control.ts'
import { serve } from './prism-gateway.ts'
import { site } from './prism-login.ts'
import { PrismRoom } from './prism-room.ts'
import type { PrismSettings } from './prism-settings.ts'

/**
 * ShopEx's gateway for one room: API calls, sign-in pages, the notify socket, control API and event stream.
 * Its sockets do not hibernate, so it stays in memory while a peer is connected; messages outlive it in SQLite.
 */
export class PrismEmulator {
  readonly #room: PrismRoom

  constructor(state: ObjectState, env: Env) {
    this.#room = new PrismRoom(state, JSON.parse(env.PRISM_SETTINGS ?? '{}') as Partial<PrismSettings>)
  }

  async fetch(request: Request): Promise<Response> {
    const place = placeOf(new URL(request.url).pathname)
    // Some clients write a slash too many after the base URL.
    const [part = '', ...rest] = place?.rest.filter((name) => name !== '') ?? []
    const path = rest.join('/')
    switch (part) {
      case 'api':
      case 'api-sandbox':
        return serve(this.#room, request, (call) => runApi(call, path))
      case 'oauth':
        return site(this.#room, request, path)
      case 'control':
        return control(this.#room, request)
      case 'events':
        if (isUpgrade(request)) return this.#watch()
    }
    await request.text()
    return json({ error: 'There are here: api, api-sandbox, oauth, control, events, wire.' }, 404)
  }

  #watch(): Response {
    const { settings, counters } = this.#room
    return this.#room.events.watch({ type: 'hello', settings, counters })
  }
}
