import { acceptSocket } from '../cloudflare.ts'

export interface EmulatorEvent {
  readonly type: string
  readonly [field: string]: unknown
}

/** Sends events to whoever watches, as JSON arrays; builds nothing while nobody does. */
export class EventHub {
  #watchers = new Set<WebSocket>()
  #waiting: EmulatorEvent[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  #batchMs: number

  constructor(batchMs = 25) {
    this.#batchMs = batchMs
  }

  watch(hello: EmulatorEvent): Response {
    const { socket, response } = acceptSocket()
    const gone = () => this.#watchers.delete(socket)
    socket.addEventListener('close', gone)
    socket.addEventListener('error', gone)
    this.#watchers.add(socket)
    socket.send(JSON.stringify([{ at: Date.now(), ...hello }]))
    return response
  }

  emit(build: () => EmulatorEvent): void {
    if (this.#watchers.size === 0) return
    this.#waiting.push({ at: Date.now(), ...build() })
    this.#timer ??= setTimeout(() => this.#flush(), this.#batchMs)
  }

  #flush(): void {
    this.#timer = undefined
    const text = JSON.stringify(this.#waiting)
    this.#waiting = []
    for (const socket of this.#watchers) {
      try {
        socket.send(text)
      } catch {
        this.#watchers.delete(socket)
      }
    }
  }
}
