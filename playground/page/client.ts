import { createTmcClient, type TmcClient, type TmcMessage } from 'isomq/tmc'
import { DEFAULT_APP } from '../emulators/tmc-settings.ts'
import { createRunning, type Running, type RunningOptions, sendMany } from './running.ts'

export interface PageClientOptions extends RunningOptions<TmcMessage> {
  readonly url: string
  /** Names the client to the server, which is how the page knows its own connections. */
  readonly sdk: string
}

export interface PageClient {
  readonly running: Running<TmcClient>
  /** Resolves with the errors of those messages that were not taken. */
  produce(count: number, topic: string, content: string): Promise<Error[]>
}

/** The TMC client of this page. */
export function createPageClient(options: PageClientOptions): PageClient {
  const make = () =>
    createTmcClient({
      url: options.url,
      appKey: DEFAULT_APP.key,
      appSecret: DEFAULT_APP.secret,
      groupName: DEFAULT_APP.group,
      sdk: options.sdk,
      // Nobody wants to look at a pause of half a minute.
      reconnect: { minDelay: 300, maxDelay: 3000 },
    })
  const running = createRunning<TmcMessage, TmcClient>('page', make, options)
  let number = 0
  return {
    running,
    produce(count, topic, content) {
      if (running.state === 'idle') running.start()
      return sendMany(count, () =>
        running.client.produce({ topic, content: content.replaceAll('{n}', String(++number)) }),
      )
    },
  }
}
