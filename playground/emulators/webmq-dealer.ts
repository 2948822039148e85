import { type Payload, randomId, WampError } from './webmq-payload.ts'
import { type Call, demo, type Procedure } from './webmq-procedures.ts'

/** A session that others may call. */
export interface Callee {
  invoke(registration: number, call: Call): Promise<Payload>
}

interface Registration {
  readonly id: number
  readonly uri: string
  readonly callee: Callee
}

/** Knows who carries out which procedure. */
export class Dealer {
  readonly #byUri = new Map<string, Registration>()

  /** Gives the id of the registration, or nothing if the URI is taken. */
  register(callee: Callee, uri: string): number | undefined {
    if (this.#byUri.has(uri) || demo(uri) !== undefined) return undefined
    const id = randomId()
    this.#byUri.set(uri, { id, uri, callee })
    return id
  }

  unregister(callee: Callee, id: number): boolean {
    const found = this.#of(callee).find((registration) => registration.id === id)
    return found !== undefined && this.#byUri.delete(found.uri)
  }

  leave(callee: Callee): void {
    for (const { uri } of this.#of(callee)) this.#byUri.delete(uri)
  }

  #of(callee: Callee): Registration[] {
    return [...this.#byUri.values()].filter((registration) => registration.callee === callee)
  }

  #procedure(uri: string): Procedure | undefined {
    const registered = this.#byUri.get(uri)
    return registered === undefined ? demo(uri) : (call) => registered.callee.invoke(registered.id, call)
  }

  /** Carries a call out, for as long as its caller waits. */
  async call(call: Call): Promise<Payload> {
    const procedure = this.#procedure(call.procedure)
    if (procedure === undefined) throw noSuchProcedure(call.procedure)
    return await Promise.race([procedure(call), over(call.signal)])
  }
}

export const noSuchProcedure = (uri: string): WampError =>
  new WampError('wamp.error.no_such_procedure', `no callee registered for procedure <${uri}>`)

const over = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    else signal.addEventListener('abort', () => reject(signal.reason))
  })
