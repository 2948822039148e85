/** What the gateway pushes to a user. */
export type Pushed =
  | { readonly type: 'realtime'; readonly payload: unknown }
  | ({ readonly type: 'reliable'; readonly payload: unknown } & Named)
  | ({
      readonly type: 'command'
      readonly command: unknown
      readonly data: unknown
      /** Milliseconds since 1970. */
      readonly expiresAt: number | null
    } & Named)
  | { readonly type: 'error'; readonly reason: string }

interface Named {
  readonly id: string
  /** Rises by one with each row of the user. */
  readonly seq: number
}

/** What a user has a socket tell. */
export type Said =
  | { readonly type: 'ack'; readonly id: string }
  | { readonly type: 'response'; readonly id: string; readonly response: unknown }

export type SocketState = 'idle' | 'connecting' | 'open' | 'reconnecting'

interface UserSocketOptions {
  readonly url: string
  changed(from: SocketState, to: SocketState): void
  pushed(frame: Pushed): void
}

const PAUSE = 300

/** A user's device: a socket to the gateway that comes back after a break, as that of any app would. */
export function createUserSocket({ url, changed, pushed }: UserSocketOptions) {
  let state: SocketState = 'idle'
  let socket: WebSocket | undefined
  let timer: ReturnType<typeof setTimeout> | undefined

  function turn(to: SocketState): void {
    const from = state
    state = to
    if (from !== to) changed(from, to)
  }

  function dial(): void {
    const mine = new WebSocket(url)
    socket = mine
    mine.addEventListener('open', () => mine === socket && turn('open'))
    mine.addEventListener('message', ({ data }) => {
      if (mine === socket) pushed(JSON.parse(data as string) as Pushed)
    })
    mine.addEventListener('close', () => {
      if (mine !== socket) return
      turn('reconnecting')
      timer = setTimeout(dial, PAUSE)
    })
  }

  return {
    get state() {
      return state
    },
    open(): void {
      if (state !== 'idle') return
      turn('connecting')
      dial()
    },
    close(): void {
      clearTimeout(timer)
      socket?.close(1000)
      socket = undefined
      turn('idle')
    },
    /** Says whether there was a socket to send it by. */
    send(frame: Said): boolean {
      if (state !== 'open') return false
      socket?.send(JSON.stringify(frame))
      return true
    },
  }
}
export type UserSocket = ReturnType<typeof createUserSocket>
