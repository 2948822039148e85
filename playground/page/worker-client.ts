import type { State } from 'isomq/tmc'
import type { Api, LiveEvent, WorkerStats } from './api.ts'
import type { Log } from './log.ts'

export interface WorkerClientOptions {
  readonly log: Log
  changed(): void
  reconnected(): void
  /** The queue took a message, at a time of the server's clock; it is confirmed next. */
  queued(id: string, at: number): void
  live(isLive: boolean): void
}

const NONE = { received: 0, acked: 0, nacked: 0 }

/** The client in the Worker, as far as it can be seen and steered from here. */
export function createWorkerClient(api: Api, options: WorkerClientOptions) {
  const { log, changed } = options
  let state: State = 'idle'
  let isStopping = false
  let failures = 0
  let sums = NONE

  function taken(event: LiveEvent): void {
    switch (event.type) {
      case 'hello':
        state = event.state as State
        break
      case 'state':
        moved(event)
        break
      case 'error':
        log('worker', String(event.message), 'error')
        break
      case 'failed':
        failures = Math.max(0, failures - 1)
        break
      case 'queued':
        options.queued(String(event.id), event.at)
        break
    }
    changed()
  }

  function moved({ from, to }: LiveEvent): void {
    state = to as State
    log('worker', `${from} → ${to}`)
    if (from === 'reconnecting' && to === 'open') options.reconnected()
  }

  function told(stats: WorkerStats): void {
    state = stats.state
    sums = stats.client ?? sums
  }

  api.watchWorker(taken, options.live)

  return {
    get state() {
      return state
    },
    get isStopping() {
      return isStopping
    },
    get failures() {
      return failures
    },
    get sums() {
      return sums
    },
    async refresh() {
      if (state !== 'idle') told(await api.workerStats())
    },
    async start() {
      sums = NONE
      told(await api.worker('start', { url: new URL(api.url).href }))
      changed()
    },
    async stop() {
      isStopping = true
      changed()
      try {
        told(await api.worker('stop'))
      } finally {
        isStopping = false
        changed()
      }
    },
    async failNext() {
      failures = (await api.worker<{ failures: number }>('failNext')).failures
      changed()
    },
  }
}
