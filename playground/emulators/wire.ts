import { acceptSocket, type Env, type ObjectState, type ServerSocket } from '../cloudflare.ts'
import { placeOf, roomAt } from '../rooms.ts'

/** Close code by which an emulator asks its wire to break; peers never see it. */
export const CUT = 4999

/**
 * A WebSocket's way to an emulator that can break as networks do. A Worker cannot end one socket without a close
 * frame, but it can end an object with all that it holds: so each wire is an object with a single socket.
 */
export class Wire {
  readonly #state: ObjectState
  readonly #env: Env

  constructor(state: ObjectState, env: Env) {
    this.#state = state
    this.#env = env
  }

  async fetch(request: Request): Promise<Response> {
    const place = placeOf(new URL(request.url).pathname)!
    const answer = (await roomAt(this.#env, place).fetch(request)) as Response & {
      webSocket: ServerSocket | null
    }
    const inner = answer.webSocket
    if (inner === null) return answer
    inner.binaryType = 'arraybuffer'
    inner.accept()
    const { socket: outer, response } = acceptSocket(answer.headers.get('sec-websocket-protocol'))
    inner.addEventListener('message', ({ data }) => outer.send(data))
    outer.addEventListener('message', ({ data }) => inner.send(data))
    inner.addEventListener('close', ({ code, reason }) => {
      if (code === CUT) this.#state.abort('the connection was cut on purpose')
      else close(outer, code, reason)
    })
    outer.addEventListener('close', ({ code, reason }) => close(inner, code, reason))
    outer.addEventListener('error', () => close(inner, 1001, 'the peer is gone'))
    return response
  }
}

function close(socket: WebSocket, code: number, reason: string): void {
  try {
    // 1005 and 1006 say that there was no code; they cannot be sent.
    if (code === 1005 || code === 1006) socket.close()
    else socket.close(code, reason)
  } catch {
    // It was closed already.
  }
}
