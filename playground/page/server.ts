/** What the server tells; which fields there are depends on the type. */
export interface LiveEvent {
  readonly type: string
  /** Milliseconds since 1970 by the server's clock. */
  readonly at: number
  readonly [field: string]: unknown
}

/** POSTs when there is a body, GETs otherwise; gives the answer's JSON. */
export async function ask<T>(path: string, body?: object): Promise<T> {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
  const response = await fetch(path, init).catch((cause) => {
    throw new Error('The playground’s server does not answer. Does it still run?', { cause })
  })
  const answer = (await response.json()) as T & { error?: string }
  if (!response.ok) throw new Error(answer.error ?? `${path} answered ${response.status}`)
  return answer
}

export type Taken = (event: LiveEvent) => void
export type Live = (isLive: boolean) => void

/** Follows a stream of events for as long as the page is there. */
export function watch(path: string, taken: Taken, live: Live): void {
  let pause = 500
  const open = () => {
    const socket = new WebSocket(location.origin.replace(/^http/, 'ws') + path)
    socket.addEventListener('open', () => {
      pause = 500
      live(true)
    })
    socket.addEventListener('message', ({ data }) => {
      for (const event of JSON.parse(data as string) as LiveEvent[]) taken(event)
    })
    socket.addEventListener('close', () => {
      live(false)
      setTimeout(open, pause)
      pause = Math.min(pause * 2, 10_000)
    })
  }
  open()
}

/** The control API and the events of a provider's room. */
export function createRoomApi<Stats>(service: string) {
  return {
    stats: () => ask<Stats>(`${service}/control`),
    control: <T = object>(op: string, fields: object = {}) => ask<T>(`${service}/control`, { op, ...fields }),
    watchRoom: (taken: Taken, live: Live) => watch(`${service}/events`, taken, live),
  }
}
