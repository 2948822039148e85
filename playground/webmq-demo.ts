import {
  challengeHandler,
  createCrossbarPublisher,
  createPushClient,
  IsomqError,
  type WampAuthorize,
} from 'isomq/webmq'
import { json } from './cloudflare.ts'
import { APPS, USERS } from './emulators/webmq-settings.ts'

/** The one user of this application. */
const USER = 'isomq-user'
const WRONG = 'not-the-secret'
/** Events that one request may push. */
const MOST = 100

/** What a page wants to be pushed. */
export interface PushWish {
  /** WebMQ's push, or Crossbar.io's HTTP bridge. */
  readonly way: 'push' | 'crossbar'
  readonly topic: string
  readonly events: readonly unknown[]
  readonly signed: boolean
  /** Sign with another secret than the broker's. */
  readonly wrong: boolean
  /** Session ids. */
  readonly exclude?: readonly string[] | undefined
  readonly eligible?: readonly string[] | undefined
}

export interface PushAnswer {
  /** How many the broker has taken. */
  readonly pushed: number
  readonly problem?: { readonly code: string; readonly message: string }
}

/**
 * A small web application, as a user of isomq would write one: `/webmq-demo/ROOM/sign` signs the challenges of its
 * users' sessions, `push` pushes events, `enter` and `leave` stand for its login. Secrets are here alone.
 */
export async function webmqDemo(request: Request, room: string, action = ''): Promise<Response> {
  const { origin, searchParams } = new URL(request.url)
  const cookie = `webmq_${room}`
  const service = `${origin}/webmq/${room}`

  /** Whose browser it is; a real application would look up a session here. */
  const user = () => new RegExp(`(?:^|; )${cookie}=([^;]+)`).exec(request.headers.get('cookie') ?? '')?.[1]

  /** Signs for those whom the application knows, and each for themselves alone. */
  const authorize: WampAuthorize = (_, { id }) => {
    if (id !== USER || user() !== USER) return undefined
    return searchParams.has('wrong') ? WRONG : USERS[USER]?.secret
  }

  switch (request.method === 'POST' ? action : '') {
    case 'enter':
      return withCookie(`${cookie}=${USER}; Path=/webmq-demo/${room}/; HttpOnly; SameSite=Strict`)
    case 'leave':
      return withCookie(`${cookie}=; Path=/webmq-demo/${room}/; HttpOnly; SameSite=Strict; Max-Age=0`)
    case 'sign':
      return challengeHandler(authorize)(request)
    case 'push':
      return json(await push(service, (await request.json()) as PushWish))
  }
  return json({ error: 'POST enter, leave, sign or push' }, 404)
}

async function push(service: string, wish: PushWish): Promise<PushAnswer> {
  const publish = publisher(service, wish)
  let pushed = 0
  try {
    for (const event of wish.events.slice(0, MOST)) {
      await publish(event)
      pushed++
    }
    return { pushed }
  } catch (thrown) {
    const code = thrown instanceof IsomqError ? thrown.code : 'ERROR'
    return { pushed, problem: { code, message: thrown instanceof Error ? thrown.message : String(thrown) } }
  }
}

/** One for each request, since each room has a broker of its own; elsewhere one for all of them will do. */
function publisher(service: string, wish: PushWish): (event: unknown) => Promise<unknown> {
  const { way, topic, signed, wrong, exclude, eligible } = wish
  const [[key, secret] = ['', '']] = Object.entries(APPS)
  const keys = signed ? { key, secret: wrong ? WRONG : secret } : {}
  if (way === 'push') {
    const client = createPushClient({ endpoint: `${service}/push`, ...keys })
    return (event) => client.push(topic, event, { exclude, eligible })
  }
  const client = createCrossbarPublisher({ endpoint: `${service}/publish`, ...keys })
  return (event) => client.publish(topic, [event], {}, { exclude, eligible })
}

function withCookie(cookie: string): Response {
  const headers = { 'set-cookie': cookie, 'cache-control': 'no-store' }
  return Response.json({ ok: true }, { headers })
}
