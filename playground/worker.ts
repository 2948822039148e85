import script from 'page:script'
import { CORS, type Env, isUpgrade, json, type MessageBatch } from './cloudflare.ts'
import { isQueued } from './consumer.ts'
import page from './page/index.html'
import style from './page/style.css'

export { TmcConsumer } from './consumer.ts'
export { TmcEmulator } from './emulators/tmc.ts'
export { Wire } from './emulators/wire.ts'

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
    // Clients of the real service know no path: its endpoint is ws://host/, its gateway /router/rest.
    if ((pathname === '/' && isUpgrade(request)) || pathname === '/router/rest') return tmc(request, env, [])
    const [, service, ...rest] = pathname.split('/')
    if (service === 'tmc') return tmc(request, env, rest)
    if (service === 'consumer' && rest[0] === 'tmc') return consumer(request, env, rest[1])
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

const PARTS = new Set(['', 'control', 'events', 'router', 'wire'])

/** `/tmc/` is the room "default", `/tmc/NAME/` the room of that name; each is an object of its own. */
function tmc(request: Request, env: Env, path: readonly string[]): Promise<Response> {
  const first = path[0] ?? ''
  const room = PARTS.has(first) ? 'default' : first
  if (isUpgrade(request) && path.at(-1) === 'wire') {
    const headers = new Headers(request.headers)
    headers.set('x-wire', '1')
    headers.set('x-room', room)
    return env.WIRE.get(env.WIRE.newUniqueId()).fetch(new Request(request, { headers }))
  }
  return env.TMC_EMULATOR.get(env.TMC_EMULATOR.idFromName(room)).fetch(request)
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
