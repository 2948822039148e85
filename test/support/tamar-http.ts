import type { FakeClock } from './clock.ts'

export interface AskedOver {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly redirect: RequestRedirect | undefined
  readonly signal: AbortSignal
}

/** An answer: a Response, an Error that `fetch` rejects with, a text, what is sent as JSON, or what gives one of them. */
export type Given = object | string | ((asked: AskedOver) => unknown)

export interface FakeFetch {
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>
  readonly asked: AskedOver[]
}

/** A `fetch` that gives one answer after the other, and the last of them again and again. */
export function fakeFetch(...answers: Given[]): FakeFetch {
  const asked: AskedOver[] = []
  return {
    asked,
    async fetch(url, { method = 'GET', headers = {}, body, redirect, signal } = {}) {
      const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
      const one: AskedOver = {
        url,
        method,
        headers: Object.fromEntries(lower),
        body: String(body ?? ''),
        redirect,
        signal: signal!,
      }
      const given = answers[Math.min(asked.push(one), answers.length) - 1]!
      const answer = await (typeof given === 'function' ? given(one) : given)
      if (answer instanceof Error) throw answer
      if (answer instanceof Response) return answer.clone()
      return new Response(typeof answer === 'string' ? answer : JSON.stringify(answer))
    },
  }
}

/** What Node says of a server that is not there: nothing was sent. */
export const refusedBy = (code = 'ECONNREFUSED'): Error =>
  Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error('connect'), { code }) })

/** An answer of which only the beginning arrives. */
export const brokenOff = (begun = '{"res', status = 200): Response => {
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(begun))
    },
    pull: (controller) => controller.error(new Error('the connection was reset')),
  })
  return Object.assign(new Response(body, { status }), { clone: () => brokenOff(begun, status) })
}

export const status = (code: number, body: string | object = ''): Response =>
  new Response(code === 204 ? null : typeof body === 'string' ? body : JSON.stringify(body), { status: code })

/** A redirect as `fetch` gives it when it must not follow. */
export const redirect = (): Response =>
  new Response(null, { status: 302, headers: { location: 'https://elsewhere.test/' } })

/** Lets whatever needs turns of the event loop go on, such as the body of an answer. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve, 0))
}

/** Milliseconds that a pause between attempts has at most, here. */
const PAUSE = 4_500

/**
 * Moves time on until a promise has come to its end, and gives it. Only for what waits without a limit: the pauses
 * between attempts are then the first timers. Whatever is later is a limit, and nothing is to run into it that only
 * needs a few turns more.
 */
export async function driven<T>(clock: FakeClock, promise: Promise<T>): Promise<T> {
  let over = false
  const done = () => {
    over = true
  }
  promise.then(done, done)
  while (!over) {
    await turns(1)
    if (!over && (clock.untilNext ?? 0) > PAUSE) await turns(50)
    if (!over && clock.untilNext !== undefined) await clock.advance(clock.untilNext)
  }
  return promise
}
