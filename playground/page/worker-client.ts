import type { State } from 'isomq/tmc'
import type { Api, WorkerStats } from './api.ts'
import { followEvent, type Telling } from './running.ts'
import type { LiveEvent } from './server.ts'

export interface WorkerClientOptions extends Telling {
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
        state = followEvent('worker', event, options)
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

  function told(stats: WorkerStats): void {
    state = stats.state
    sums = stats.client ?? sums
  }

  api.watchWorker(taken, options.live)

  async function stop(): Promise<void> {
    isStopping = true
    changed()
    try {
      told(await api.worker('stop'))
      state = 'closed'
    } finally {
      isStopping = false
      changed()
    }
  }

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
      if (state !== 'idle' && state !== 'closed') told(await api.workerStats())
    },
    async start() {
      sums = NONE
      told(await api.worker('start', { url: api.url }))
      changed()
    },
    stop,
    async reset() {
      await stop()
      state = 'idle'
      sums = NONE
      changed()
    },
    async failNext() {
      // Counted before it is armed: a message may run into it at once.
      failures++
      try {
        await api.worker('failNext')
      } catch (thrown) {
        failures--
        throw thrown
      }
      changed()
    },
  }
}
