import type { PrismMessage, PrismNotify } from 'isomq/prism'
import { createSigningClient } from './prism-api.ts'
import { createRunning, type Running, type RunningOptions, sendMany } from './running.ts'

export interface NotifyOptions extends RunningOptions<PrismMessage> {
  readonly baseUrl: string
  readonly queue: string
  /** Names the client to the server, which is how the page knows its own connections. */
  readonly peer: string
  /** So many publishes may not have arrived. */
  doubtful(count: number): void
}

export type NotifyClient = Running<PrismNotify>

/** A notify client of this page. */
export function createNotifyClient(source: 'page' | 'second', options: NotifyOptions): NotifyClient {
  const client = createSigningClient(options.baseUrl)
  function make(): PrismNotify {
    const notify = client.notify({
      queue: options.queue,
      path: `/platform/notify?peer=${options.peer}`,
      // Nobody wants to look at a pause of a minute.
      redeliverAfter: 3000,
      reconnect: { minDelay: 300, maxDelay: 3000 },
    })
    notify.on('status', (status) => {
      if (status.type !== 'doubtful') return
      const { first, last } = status
      const which = first === last ? `publish ${first}` : `publishes ${first} to ${last}`
      options.log(source, `${which} may not have arrived: the line ended soon after`)
      options.doubtful(last - first + 1)
    })
    return notify
  }
  return createRunning<PrismMessage, PrismNotify>(source, make, options)
}

let number = 0

/** Publishes so many; resolves with the errors of those that were not handed to a socket. */
export function publishMany(
  client: NotifyClient,
  count: number,
  key: string,
  body: string,
): Promise<Error[]> {
  if (client.state === 'idle') client.start()
  return sendMany(count, () => client.client.publish(key, body.replaceAll('{n}', String(++number))))
}
