import { expect } from 'vitest'
import { FakeClock } from '../support/clock.ts'
import { until } from '../support/events.ts'

export const SECRET = 'marker-secret'
export const KEY = 'the key'

/** A request as it arrived. */
export interface Request {
  readonly method: string
  readonly url: URL
  /** Before anybody has parsed it. */
  readonly raw: string
  readonly type: string | null
  readonly body: string
  /** When it arrived, by the fake clock. */
  readonly at: number
  readonly init: RequestInit
}

export type Answer = (request: Request) => Response | Promise<Response>

export interface Bridge {
  readonly requests: Request[]
  readonly clock: FakeClock
  /** What the logger got. */
  readonly records: object[]
  /** What a client of it takes. */
  readonly options: {
    endpoint: string
    clock: FakeClock
    random: () => number
    logger: (record: object) => void
    fetch: (input: string, init?: RequestInit) => Promise<Response>
  }
}

/** A server over HTTP that the test plays. Pauses between attempts are as short as they can be. */
export function bridge(answer: Answer = () => new Response('OK', { status: 202 })): Bridge {
  const requests: Request[] = []
  const records: object[] = []
  const clock = new FakeClock()
  return {
    requests,
    clock,
    records,
    options: {
      endpoint: 'http://hub.test:8080',
      clock,
      random: () => 0,
      logger: (record) => void records.push(record),
      async fetch(input, init = {}) {
        const request: Request = {
          method: init.method!,
          url: new URL(input),
          raw: input,
          type: new Headers(init.headers).get('content-type'),
          body: String(init.body),
          at: clock.now(),
          init,
        }
        requests.push(request)
        return answer(request)
      },
    },
  }
}

/** Lets pauses end until the call does; gives how long they were. */
export async function pauses({ clock }: Bridge, call: Promise<unknown>): Promise<number[]> {
  const found: number[] = []
  let over = false
  const end = () => {
    over = true
  }
  call.then(end, end)
  for (;;) {
    // One timer is the limit of the call.
    await until(() => over || (clock.untilNext ?? 30_000) < 10_000)
    if (over) return found
    found.push(clock.untilNext!)
    await clock.advance(clock.untilNext!)
  }
}

/** A network error of a runtime that says that nothing was sent. */
export const refusedBySystem = (code = 'ECONNREFUSED'): Promise<never> =>
  Promise.reject(new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) }))

/** A body that breaks off behind its first bytes. */
export const broken = (status = 202): Response =>
  new Response(
    new ReadableStream({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode('{"half'))
        controller.error(new TypeError('terminated'))
      },
    }),
    { status },
  )

export const CONFIG = expect.objectContaining({ name: 'IsomqError', code: 'CONFIG', provider: 'webmq' })
