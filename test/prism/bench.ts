import {
  createPrismClient,
  type PrismClient,
  type PrismClientOptions,
  type PrismNotify,
  type PrismNotifyOptions,
  type PrismStatus,
} from 'isomq/prism'
import { enter, redial, type Said, type Stage, stage } from '../support/bench.ts'
import { flush } from '../support/clock.ts'
import { PrismScript } from '../support/prism.ts'

type Status = PrismStatus | { readonly type: 'slow' | 'relieved' }

export interface PrismBench extends Omit<Stage, 'options'>, Said<Status> {
  readonly client: PrismClient
  readonly notify: PrismNotify
  /** Delays of all retries so far. */
  readonly delays: number[]
  /** Publishes that were told as doubtful, as pairs of the first and the last. */
  readonly doubtful: [first: number, last: number][]
  /** The server on the socket that was opened last. */
  readonly script: PrismScript
  /** Connects and gives the server. */
  open(): Promise<PrismScript>
  /** Moves on to the next attempt, whose socket is not open yet. */
  dial(): Promise<void>
  /** Moves on to the next attempt and opens its socket. */
  next(): Promise<PrismScript>
  /** Breaks the connection and opens the next one. */
  again(): Promise<PrismScript>
}

const isOf =
  <T extends Status['type']>(type: T) =>
  (status: Status): status is Extract<Status, { type: T }> =>
    status.type === type

/** A Prism notify with a time and a network of its own; closed after the test. */
export function bench(
  options: PrismNotifyOptions = {},
  clientOptions: Partial<PrismClientOptions> = {},
): PrismBench {
  const on = stage()
  const { clock, network } = on
  const client = createPrismClient({
    baseUrl: 'http://prism.test/api',
    key: 'KEY',
    ...(!clientOptions.sign && { secret: 'SECRET' }),
    ...on.options,
    fetch: () => Promise.reject(new TypeError('fetch failed')),
    ...clientOptions,
  })
  const notify = client.notify(options)
  const said = enter<Status>(on, notify)
  const made: PrismBench = {
    client,
    notify,
    clock,
    network,
    ...said,
    get delays() {
      return said.statuses.filter(isOf('retrying')).map(({ delay }) => delay)
    },
    get doubtful() {
      return said.statuses.filter(isOf('doubtful')).map(({ first, last }): [number, number] => [first, last])
    },
    get script() {
      return new PrismScript(network.last)
    },
    async open() {
      const connecting = notify.connect()
      await flush()
      const { script } = made
      script.open()
      await connecting
      await flush()
      return script
    },
    dial: () => redial(on, notify),
    async next() {
      await made.dial()
      const { script } = made
      script.open()
      await flush()
      return script
    },
    async again() {
      network.last.drop()
      return made.next()
    },
  }
  return made
}

/** A handler whose every call goes on until its message is finished by tag: well, or with an error. */
export function handlers(): {
  readonly handle: (message: { readonly tag: string }) => Promise<void>
  /** Tags in order of their arrival at the handler. */
  readonly running: string[]
  finish(tag: string | number, error?: Error): Promise<void>
} {
  const ends = new Map<string, (error?: Error) => void>()
  const running: string[] = []
  return {
    handle: ({ tag }) =>
      new Promise((resolve, reject) => {
        running.push(tag)
        ends.set(tag, (error) => (error ? reject(error) : resolve()))
      }),
    running,
    async finish(tag, error) {
      ends.get(String(tag))!(error)
      await flush()
    },
  }
}
