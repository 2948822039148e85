import { createTamburPublisher, IsomqError, type TamburAuthorize } from 'isomq/tambur'
import { DEFAULT_APP } from './emulators/tambur-settings.ts'

/** What the page is answered when it had something published. */
export interface PublishAnswer {
  /** So many were taken; a problem ended it. */
  readonly published: number
  readonly problem?: { readonly code: string; readonly message: string } | undefined
}

/** The header by which a page of the demo says who asks. */
const USER_HEADER = 'x-demo-user'

const USERS: ReadonlySet<string> = new Set(['alice', 'bob'])
const MOST = 100

/**
 * The server of a page with Tambur, as a user of isomq would write one: `POST /tambur-demo/ROOM/token` grants modes,
 * `publish` publishes. The secret is here alone.
 */
export async function tamburDemo(request: Request, room: string, action = ''): Promise<Response> {
  const { host, protocol } = new URL(request.url)
  const { key, secret, id } = DEFAULT_APP
  // One for each request, since each room has an app of its own; elsewhere one for all of them will do.
  const publisher = createTamburPublisher({
    apiKey: key,
    appId: room === 'default' ? id : room,
    secret,
    apiHost: host,
    ssl: protocol === 'https:',
  })
  if (action === 'token') return publisher.tokenHandler(authorize)(request)
  const wish = await wishOf(request)
  if (action !== 'publish')
    return Response.json({ error: 'There are here: token, publish.' }, { status: 404 })
  if (request.method !== 'POST') return Response.json({ error: 'This takes POST.' }, { status: 405 })
  if (wish === undefined) {
    const error = `ask by JSON: stream, messages (a list of texts, ${MOST} at most)`
    return Response.json({ error }, { status: 400 })
  }
  let published = 0
  try {
    // One after the other, so that they arrive in their order.
    for (const message of wish.messages) {
      await publisher.publish(wish.stream, message)
      published++
    }
    return tell({ published })
  } catch (thrown) {
    if (!(thrown instanceof IsomqError)) throw thrown
    const { code, message } = thrown
    return tell({ published, problem: { code, message } })
  }
}

/**
 * Alice and Bob may have any mode of any stream, as themselves: the token is for whoever the request is from,
 * whatever the page asked for. In the demo a header says who that is; a real server looks at its session.
 */
const authorize: TamburAuthorize = ({ headers }) => {
  const user = headers.get(USER_HEADER) ?? ''
  return USERS.has(user) && user
}

interface Wish {
  readonly stream: string
  readonly messages: readonly string[]
}

async function wishOf(request: Request): Promise<Wish | undefined> {
  const wish = (await request.json().catch(() => undefined)) as Partial<Wish> | null | undefined
  const { stream, messages } = wish ?? {}
  if (typeof stream !== 'string' || !Array.isArray(messages) || messages.length > MOST) return undefined
  return messages.every((message) => typeof message === 'string') ? { stream, messages } : undefined
}

const tell = (answer: PublishAnswer): Response =>
  Response.json(answer, { headers: { 'cache-control': 'no-store' } })
