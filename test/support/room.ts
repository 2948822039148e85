export type Answer = { readonly [name: string]: unknown }

/** A room of an emulator, seen through its control API. */
export interface Controlled {
  control(op: string, args?: object): Promise<Answer>
  /** What the room counts. */
  stats(): Promise<Record<string, number>>
}

/** A room of its own in the TMC emulator. */
export interface Room extends Controlled {
  /** Where a client connects. */
  readonly url: string
  /** The same, over a line that can break without a goodbye. */
  readonly wire: string
}

/** A room of its own in the Prism emulator. */
export interface PrismRoom extends Controlled {
  /** What a client takes for its base URL. */
  readonly baseUrl: string
  /** The same; its socket goes over a line that can break without a goodbye. */
  readonly wire: string
  /** The base URL without `/api`, where users sign in. */
  readonly site: string
  /** Where the room tells what happens, as a WebSocket. */
  readonly events: string
}

/** A room of its own in the Tambur emulator. */
export interface TamburRoom extends Controlled {
  /** Host and port, which are balancer and API to a client. */
  readonly host: string
  /** The room's name, too. */
  readonly appId: string
  /** Where the socket is. */
  readonly url: string
  /** The same, over a line that can break without a goodbye. */
  readonly wire: string
  /** Everything of the room is below it, also `balancer/API_KEY/APP_ID` and `app/APP_ID/stream/STREAM`. */
  readonly site: string
  /** Where the room tells what happens, as a WebSocket. */
  readonly events: string
}

/** A room of its own in the Tamar emulator. */
export interface TamarRoom extends Controlled {
  /** Of Redis, as Upstash's client takes it. */
  readonly redis: string
  /** Of MySQL, as PlanetScale's client takes it, with user and password. */
  readonly mysql: string
  /** The room's name, which is the user of its database, too. */
  readonly name: string
  /** Where RabbitMQ speaks STOMP. */
  readonly url: string
  /** The same, over a line that can break without a goodbye. */
  readonly wire: string
  /** Everything of the room is below it, also RabbitMQ's `api/`. */
  readonly site: string
  /** Where the room tells what happens, as a WebSocket. */
  readonly events: string
  /** Where a user connects to the gateway, and the same over a line that can break. */
  user(id: string): string
  userWire(id: string): string
}

/** A room of its own in the WebMQ emulator. */
export interface WebmqRoom extends Controlled {
  /** Where events are pushed to. */
  readonly push: string
  /** Crossbar.io's publisher over HTTP, and its caller. */
  readonly publish: string
  readonly call: string
  /** Where WAMP is spoken, in version 1 and 2. */
  readonly url: string
  /** The same, over a line that can break without a goodbye. */
  readonly wire: string
  /** Where the room tells what happens, as a WebSocket. */
  readonly events: string
}

/** What the TMC emulator knows from the start. */
export const APP = { appKey: '12345678', appSecret: 'isomq-secret' } as const

/** What the Prism emulator knows from the start. */
export const PRISM = { key: 'isomq-key', secret: 'isomq-prism-secret' } as const

/** What the Tambur emulator knows from the start. */
export const TAMBUR = {
  apiKey: '30af96de47e3c58329045ff136a4a3ea',
  secret: 'isomq-tambur-secret',
} as const

/** What the Tamar emulator knows from the start. */
export const TAMAR = {
  token: 'isomq-tamar-token',
  mysqlPassword: 'isomq-tamar-mysql',
  username: 'isomq',
  password: 'isomq-tamar-rabbit',
  exchange: 'ws.message.direct.exchange',
  routingKey: 'ws.message.direct',
} as const

/** What the WebMQ emulator knows from the start. */
export const WEBMQ = {
  key: 'isomq-app',
  secret: 'isomq-webmq-secret',
  realm: 'realm1',
  user: { authid: 'isomq-user', secret: 'isomq-user-secret' },
  salted: { authid: 'isomq-salted', secret: 'isomq-salted-secret' },
  ticket: { authid: 'isomq-ticket', secret: 'isomq-ticket-secret' },
} as const

/** Makes a room of the TMC emulator at the playground's address. */
export function room(base: string): Room {
  const url = newRoom(base, 'tmc')
  const socket = url.replace(/^http/, 'ws')
  return { url: `${socket}/`, wire: `${socket}/wire`, ...controlled(url) }
}

/** Makes a room of the Prism emulator at the playground's address. */
export function prismRoom(base: string): PrismRoom {
  const site = newRoom(base, 'prism')
  const events = `${site.replace(/^http/, 'ws')}/events`
  return { baseUrl: `${site}/api`, wire: `${site}/wire/api`, site, events, ...controlled(site) }
}

/** Makes a room of the Tambur emulator at the playground's address. */
export function tamburRoom(base: string): TamburRoom {
  const site = newRoom(base, 'tambur')
  const appId = site.slice(site.lastIndexOf('/') + 1)
  const socket = site.replace(/^http/, 'ws')
  return {
    host: new URL(base).host,
    appId,
    url: `${socket}/socket`,
    wire: `${socket}/wire/socket`,
    site,
    events: `${socket}/events`,
    ...controlled(site),
  }
}

/** Makes a room of the Tamar emulator at the playground's address. */
export function tamarRoom(base: string): TamarRoom {
  const site = newRoom(base, 'tamar')
  const name = site.slice(site.lastIndexOf('/') + 1)
  const socket = site.replace(/^http/, 'ws')
  return {
    redis: `${site}/redis`,
    mysql: `http://${name}:${TAMAR.mysqlPassword}@${new URL(base).host}`,
    name,
    url: `${socket}/ws`,
    wire: `${socket}/wire/ws`,
    site,
    events: `${socket}/events`,
    user: (id) => `${socket}/user?id=${encodeURIComponent(id)}`,
    userWire: (id) => `${socket}/wire/user?id=${encodeURIComponent(id)}`,
    ...controlled(site),
  }
}

/** Makes a room of the WebMQ emulator at the playground's address. */
export function webmqRoom(base: string): WebmqRoom {
  const url = newRoom(base, 'webmq')
  const socket = url.replace(/^http/, 'ws')
  return {
    push: `${url}/push`,
    publish: `${url}/publish`,
    call: `${url}/call`,
    url: `${socket}/ws`,
    wire: `${socket}/wire/ws`,
    events: `${socket}/events`,
    ...controlled(url),
  }
}

const newRoom = (base: string, service: string): string => `${base}/${service}/test-${crypto.randomUUID()}`

function controlled(url: string): Controlled {
  const control = async (op: string, args: object = {}): Promise<Answer> => {
    const response = await fetch(`${url}/control`, { method: 'POST', body: JSON.stringify({ op, ...args }) })
    const answer = (await response.json()) as Answer
    if (answer.ok !== true) throw new Error(`${op}: ${answer.error}`)
    return answer
  }
  return { control, stats: async () => (await control('stats')) as Record<string, number> }
}
