import { invalidUri, isUri } from './webmq-broker.ts'
import type { Callee, Dealer } from './webmq-dealer.ts'
import { type Dict, type List, type Payload, payload, tail, WampError } from './webmq-payload.ts'
import type { Call } from './webmq-procedures.ts'
import type { Message } from './webmq-session.ts'
import type { Wamp2Session } from './webmq-wamp2.ts'

interface Invocation {
  readonly call: Call
  resolve(result: Payload): void
  reject(error: WampError): void
}

/** What a session carries out for others. */
export class Invocations implements Callee {
  readonly #dealer: Dealer
  readonly #session: Wamp2Session
  readonly #open = new Map<number, Invocation>()
  #last = 0

  constructor(dealer: Dealer, session: Wamp2Session) {
    this.#dealer = dealer
    this.#session = session
  }

  invoke(registration: number, call: Call): Promise<Payload> {
    const request = ++this.#last
    const { caller, options } = call
    const who = { caller: caller.id, caller_authid: caller.authid, caller_authrole: caller.role }
    const details = {
      ...(options.disclose_me === true && who),
      ...(options.receive_progress === true && { receive_progress: true }),
    }
    const result = new Promise<Payload>((resolve, reject) => {
      this.#open.set(request, { call, resolve, reject })
    })
    call.signal.addEventListener('abort', () => this.#open.delete(request))
    this.#session.write([68, request, registration, details, ...tail(call.payload)])
    return result
  }

  /** Whether a message was the callee's part of a session. */
  take([type, id, ...rest]: Message): boolean {
    if (type === 64) this.#register(id, rest[1] as string)
    else if (type === 66) this.#unregister(id, rest[0] as number)
    else if (type === 70) this.#yield(id as number, rest as [Dict, List?, Dict?])
    else if (type === 8) this.#error(rest as [number, Dict, string, List?, Dict?])
    else return false
    return true
  }

  #register(request: unknown, uri: string): void {
    const fits = isUri(uri) && !uri.startsWith('wamp.')
    const id = fits ? this.#dealer.register(this, uri) : undefined
    if (id !== undefined) this.#session.write([65, request, id])
    else {
      const taken = new WampError('wamp.error.procedure_already_exists', `<${uri}> is registered already`)
      this.#session.fail(64, request, fits ? taken : invalidUri(uri))
    }
  }

  #unregister(request: unknown, id: number): void {
    if (this.#dealer.unregister(this, id)) this.#session.write([67, request])
    else {
      const unknown = new WampError('wamp.error.no_such_registration', `there is no registration ${id}`)
      this.#session.fail(66, request, unknown)
    }
  }

  /** An invocation may be over already: its caller no longer waits. */
  #yield(request: number, [{ progress }, args, kwargs]: [Dict, List?, Dict?]): void {
    const invocation = this.#open.get(request)
    if (progress === true) invocation?.call.progress(payload(args, kwargs))
    else {
      this.#open.delete(request)
      invocation?.resolve(payload(args, kwargs))
    }
  }

  #error([request, , uri, args = [], kwargs]: [number, Dict, string, List?, Dict?]): void {
    const invocation = this.#open.get(request)
    this.#open.delete(request)
    invocation?.reject(new WampError(uri, String(args[0] ?? uri), kwargs))
  }

  /** The session is over. */
  end(): void {
    this.#dealer.leave(this)
    const gone = new WampError('wamp.error.canceled', 'the callee is gone')
    for (const { reject } of this.#open.values()) reject(gone)
  }
}
