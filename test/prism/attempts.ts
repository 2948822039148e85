import type { PrismClientOptions } from 'isomq/prism'
import { until } from '../support/events.ts'
import { type Answer, type Gateway, gateway } from './gateway.ts'

/** The network is down. */
export const down = () => Promise.reject(new TypeError('fetch failed'))
export const status = (code: number) => () => new Response('', { status: code })
export const never = () => new Promise<Response>(() => {})

/** A gateway whose calls have no time limit, so that the only timers are pauses. */
export const patient = (answer: Answer, options: Partial<PrismClientOptions> = {}) =>
  gateway(answer, { timeout: 0, ...options })

/** Lets pauses end until the call does; gives how long they were. */
export async function pauses({ clock }: Gateway, call: Promise<unknown>): Promise<number[]> {
  const found: number[] = []
  let over = false
  call.then(
    () => (over = true),
    () => (over = true),
  )
  for (;;) {
    await until(() => over || clock.timers > 0)
    if (over) return found
    found.push(clock.untilNext!)
    await clock.advance(clock.untilNext!)
  }
}
