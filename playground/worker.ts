import script from 'page:script'
import { CORS, type Env, isUpgrade, json, type MessageBatch } from './cloudflare.ts'
import { isQueued } from './consumer.ts'
import page from './page/index.html'
import style from './page/style.css'
import { prismDemo } from './prism-demo.ts'
import { type Place, placeFor, roomAt } from './rooms.ts'
import { tamburDemo } from './tambur-demo.ts'
import { webmqDemo } from './webmq-demo.ts'

export { TmcConsumer } from './consumer.ts'
export { PrismEmulator } from './emulators/prism.ts'
export { TamarEmulator } from './emulators/tamar.ts'
export { TamburEmulator } from './emulators/tambur.ts'
export { TmcEmulator } from './emulators/tmc.ts'
export { WebmqEmulator } from './emulators/webmq.ts'
export { Wire } from './emulators/wire.ts'
export { PrismSessions } from './prism-sessions.ts'
export { TamarDemo } from './tamar-demo.ts'

const ASSETS: Readonly<Record<string, readonly [type: string, text: string]>> = {
  '/': ['text/html', page],
  '/style.css': ['text/css', style],
  '/page.js': ['text/javascript', script],
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname } = new URL(request.url)
    if (request.method === 'OPTIONS') return new Response(null, { headers: CORS })
    if (pathname === '/health') return json({ ok: true })
    // Clients of the real TMC know no path at all.
    const place = placeFor(request, pathname === '/' && isUpgrade(request) ? '/tmc/' : pathname)
    if (place !== undefined) return emulator(request, env, place)
    const [, service, ...rest] = pathname.split('/')
    if (service === 'consumer' && rest[0] === 'tmc') return consumer(request, env, rest[1])
    if (service === 'prism-demo' && /^[\w-]+$/.test(rest[0] ?? '')) {
      return prismDemo(request, env, rest[0]!, rest[1])
    }
    if (service === 'tamar-demo' && /^[\w-]+$/.test(rest[0] ?? '')) {
      return env.TAMAR_DEMO.get(env.TAMAR_DEMO.idFromName(rest[0]!)).fetch(request)
    }
    if (service === 'tambur-demo' && /^[\w-]+$/.test(rest[0] ?? '')) {
      return tamburDemo(request, rest[0]!, rest[1])
    }
    if (service === 'webmq-demo' && /^[\w-]+$/.test(rest[0] ?? '')) {
      return webmqDemo(request, rest[0]!, rest[1])
    }
    return asset(request, pathname)
  },

  /** The far end of the queue: here it only tells the page that the order has arrived. */
  async queue(batch: MessageBatch, env: Env): Promise<void> {
    for (const message of batch.messages) {
      if (isQueued(message.body)) {
        const { room } = message.body
        const object = env.TMC_CONSUMER.get(env.TMC_CONSUMER.idFromName(room))
        const url = `http://consumer/consumer/tmc/${room}/queued`
        await object.fetch(url, { method: 'POST', body: JSON.stringify(message.body) })
      }
      message.ack()
    }
  },
}

function emulator(request: Request, env: Env, place: Place): Promise<Response> {
  if (place.wired && isUpgrade(request)) return env.WIRE.get(env.WIRE.newUniqueId()).fetch(request)
  return roomAt(env, place).fetch(request)
}

function consumer(request: Request, env: Env, room = ''): Promise<Response> {
  return env.TMC_CONSUMER.get(env.TMC_CONSUMER.idFromName(room || 'default')).fetch(request)
}

function asset(request: Request, pathname: string): Response {
  const found = Object.hasOwn(ASSETS, pathname) ? ASSETS[pathname] : undefined
  if (found === undefined || !/^(GET|HEAD)$/.test(request.method)) return json({ error: 'not found' }, 404)
  const headers = { 'content-type': `${found[0]}; charset=utf-8`, 'cache-control': 'no-cache' }
  return new Response(request.method === 'HEAD' ? null : found[1], { headers })
}
