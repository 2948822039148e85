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

/** What the emulator knows from the start. */
export const APP = { appKey: '12345678', appSecret: 'isomq-secret' } as const

/** Makes a room at the playground's address. */
export function room(base: string): Room {
  const url = `${base}/tmc/test-${crypto.randomUUID()}`
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
