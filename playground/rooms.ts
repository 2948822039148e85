import type { Env, ObjectNamespace } from './cloudflare.ts'
import { basicOf } from './emulators/basic.ts'
import { MYSQL_USER } from './emulators/tamar-settings.ts'

export type Service = 'tmc' | 'prism' | 'tamar' | 'tambur' | 'webmq'

/** What stands right below a room's address; anything else there is the name of a room. */
const PARTS: Readonly<Record<Service, ReadonlySet<string>>> = {
  tmc: new Set(['', 'control', 'events', 'router', 'wire']),
  prism: new Set(['', 'api', 'api-sandbox', 'control', 'events', 'oauth', 'wire']),
  tamar: new Set(['', 'api', 'control', 'events', 'psdb.v1alpha1.Database', 'redis', 'user', 'wire', 'ws']),
  tambur: new Set(['', 'app', 'balancer', 'control', 'events', 'socket', 'wire']),
  webmq: new Set(['', 'call', 'control', 'events', 'publish', 'push', 'wire', 'ws']),
}

/** Clients that were written for the real service know no room: they ask at the root. */
const ROOTS: Readonly<Record<string, Service>> = {
  router: 'tmc',
  api: 'prism',
  'api-sandbox': 'prism',
  oauth: 'prism',
  'psdb.v1alpha1.Database': 'tamar',
}

/** Where a request belongs. */
export interface Place {
  readonly service: Service
  readonly room: string
  /** Whether its socket goes over a line that can break without a goodbye. */
  readonly wired: boolean
  /** What is asked of the room, without room and wire. */
  readonly rest: readonly string[]
}

/** `/tmc/…` is the room "default", `/tmc/NAME/…` the room of that name; `wire/` may come next in both. */
export function placeOf(pathname: string): Place | undefined {
  const [, first = '', ...path] = pathname.split('/')
  if (Object.hasOwn(ROOTS, first)) return place(ROOTS[first]!, 'default', [first, ...path])
  if (first === 'app') return appPlace(path[0], [first, ...path])
  if (API_KEY.test(first)) return appPlace(path[0], ['balancer', first, ...path])
  if (!Object.hasOwn(PARTS, first)) return undefined
  const service = first as Service
  const [name = '', ...below] = path
  return PARTS[service].has(name) ? place(service, 'default', path) : place(service, name, below)
}

const API_KEY = /^[\da-f]{32}$/

/** Clients of Tambur know a host alone, and name the app below it: every room is one. */
function appPlace(app = '', path: readonly string[]): Place | undefined {
  if (!/^[\w-]{1,60}$/.test(app) || PARTS.tambur.has(app)) return undefined
  return place('tambur', app, path)
}

function place(service: Service, name: string, path: readonly string[]): Place {
  // The app of Tambur's room "default" has a name of its own, which leads to that room by any address.
  const room = service === 'tambur' && name === 'isomq-app' ? 'default' : name
  const wired = path[0] === 'wire'
  return { service, room, wired, rest: wired ? path.slice(1) : path }
}

/** PlanetScale's client asks at the root, whatever its address says: its user name tells the room. */
export function placeFor(request: Request, pathname: string): Place | undefined {
  const found = placeOf(pathname)
  if (found?.service !== 'tamar' || !pathname.startsWith('/psdb.')) return found
  const [user = MYSQL_USER] = basicOf(request.headers) ?? []
  return user === MYSQL_USER || user === '' ? found : { ...found, room: user }
}

/** The object that holds the room: one for each. */
export function roomAt(env: Env, { service, room }: Place): ReturnType<ObjectNamespace['get']> {
  const objects = {
    tmc: env.TMC_EMULATOR,
    prism: env.PRISM_EMULATOR,
    tamar: env.TAMAR_EMULATOR,
    tambur: env.TAMBUR_EMULATOR,
    webmq: env.WEBMQ_EMULATOR,
  }[service]
  return objects.get(objects.idFromName(room))
}
