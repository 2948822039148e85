import { inject } from 'vitest'

/** The playground's address, as the global set-up gives it. */
export const playground = (): string => inject('playground' as never) as string

export type Answer = { readonly [name: string]: unknown }

/** A room of its own in the TMC emulator. */
export interface Room {
  /** Where a client connects. */
  readonly url: string
  /** The same, over a line that can break without a goodbye. */
  readonly wire: string
  control(op: string, args?: object): Promise<Answer>
  /** What the room counts. */
  stats(): Promise<Record<string, number>>
}

export const APP = { appKey: '12345678', appSecret: 'isomq-secret' } as const

let rooms = 0

export function room(base: string = playground()): Room {
  const url = `${base}/tmc/test-${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}-${++rooms}`
  const control = async (op: string, args: object = {}): Promise<Answer> => {
    const response = await fetch(`${url}/control`, { method: 'POST', body: JSON.stringify({ op, ...args }) })
    const answer = (await response.json()) as Answer
    if (answer.ok !== true) throw new Error(`${op}: ${answer.error}`)
    return answer
  }
  const socket = url.replace(/^http/, 'ws')
  return {
    url: `${socket}/`,
    wire: `${socket}/wire`,
    control,
    stats: async () => (await control('stats')) as Record<string, number>,
  }
}
