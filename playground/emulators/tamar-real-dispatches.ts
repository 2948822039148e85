import type { Frame } from './tamar-frames.ts'
import { type Link, pause } from './tamar-real-link.ts'
import type { RabbitAccess } from './tamar-real-settings.ts'
import { StompSocket } from './tamar-real-stomp.ts'
import type { Dispatch, Dispatches } from './tamar-services.ts'
import { EXCHANGE, QUEUE, ROUTING_KEY } from './tamar-settings.ts'

type Take = (dispatch: Dispatch) => Promise<boolean>

interface Reply {
  readonly to: string
  readonly correlationId: string
  readonly body: string
}

const PREFETCH = 200
/** Milliseconds until that is tried again which failed since another server did. */
const AGAIN = 1000
/** Replies that wait for RabbitMQ; of more, the oldest are left to the table, where all are. */
const REPLIES = 1000
/** What STOMP puts before the queue's own name. */
const REPLY_QUEUE = '/reply-queue/'
const SUBSCRIBED = 'subscribed'

// With its exchange not there, RabbitMQ refuses it: STOMP cannot declare one.
const SUBSCRIPTION = {
  id: 'gateway',
  destination: `/exchange/${EXCHANGE}/${ROUTING_KEY}`,
  ack: 'client-individual',
  'prefetch-count': String(PREFETCH),
  'x-queue-name': QUEUE,
  durable: 'true',
  'auto-delete': 'false',
  exclusive: 'false',
  receipt: SUBSCRIBED,
}

/** The gateway's end of a queue in a real RabbitMQ; the queue is made and bound when it is not there. */
export class RealDispatches implements Dispatches {
  readonly #access: RabbitAccess
  readonly #link: Link
  /** By their receipts: what RabbitMQ has not confirmed goes out again over the next socket. */
  readonly #replies = new Map<string, Reply>()
  #receipts = 0
  #take: Take | undefined
  #socket: StompSocket | undefined
  #isReady = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(access: RabbitAccess, link: Link) {
    this.#access = access
    this.#link = link
  }

  consume(take: Take): () => void {
    this.#take = take
    this.#reopen()
    return () => {
      if (this.#take !== take) return
      this.#take = undefined
      // What was taken and not confirmed comes again to whoever consumes next.
      this.#reopen()
    }
  }

  /** Resolves at once: a RabbitMQ that is not there must not keep the gateway from its other users. */
  async reply(to: string, correlationId: string, body: string): Promise<void> {
    const receipt = String(++this.#receipts)
    const reply = { to, correlationId, body }
    this.#replies.set(receipt, reply)
    if (this.#replies.size > REPLIES) this.#replies.delete(this.#replies.keys().next().value!)
    if (this.#isReady) this.#send(receipt, reply)
    else if (this.#socket === undefined && this.#timer === undefined) this.#reopen()
  }

  /** A new socket for what is to be done now, or none. */
  #reopen(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#socket?.end()
    this.#socket = undefined
    this.#isReady = false
    if (this.#take === undefined && this.#replies.size === 0) this.#link.closed()
    else this.#open()
  }

  #open(): void {
    this.#link.opening()
    const lost = (error: Error): void => {
      this.#socket = undefined
      this.#isReady = false
      this.#timer = setTimeout(() => this.#reopen(), this.#link.failed(error))
    }
    try {
      const socket: StompSocket = new StompSocket(this.#access, {
        ready: () => this.#ready(socket),
        frame: (frame) => this.#read(socket, frame),
        lost,
      })
      this.#socket = socket
    } catch (error) {
      lost(error as Error)
    }
  }

  #ready(socket: StompSocket): void {
    this.#isReady = true
    for (const [receipt, reply] of this.#replies) this.#send(receipt, reply)
    if (this.#take !== undefined) socket.send('SUBSCRIBE', SUBSCRIPTION)
    else this.#link.opened()
  }

  #send(receipt: string, { to, correlationId, body }: Reply): void {
    const headers = {
      destination: `${REPLY_QUEUE}${to}`,
      'content-type': 'application/json',
      'correlation-id': correlationId,
      receipt,
    }
    this.#socket?.send('SEND', headers, body)
  }

  #read(socket: StompSocket, frame: Frame): void {
    if (frame.command === 'MESSAGE') void this.#deliver(socket, frame)
    else if (frame.command !== 'RECEIPT') return
    else if (frame.headers.get('receipt-id') === SUBSCRIBED) this.#link.opened()
    else {
      this.#replies.delete(frame.headers.get('receipt-id') ?? '')
      if (this.#take === undefined && this.#replies.size === 0) this.#reopen()
    }
  }

  /** Confirms a message when the gateway has done with it, over the socket that it came by. */
  async #deliver(socket: StompSocket, { headers, body }: Frame): Promise<void> {
    const take = this.#take
    const to = headers.get('reply-to')
    const replyTo = to?.startsWith(REPLY_QUEUE) ? to.slice(REPLY_QUEUE.length) : to
    const dispatch = { body: new TextDecoder().decode(body), replyTo }
    // After either is gone, RabbitMQ gives it out again.
    while (take !== undefined && this.#take === take && this.#socket === socket) {
      if (await take(dispatch)) return socket.send('ACK', { id: headers.get('ack') ?? '' })
      await pause(AGAIN)
    }
  }
}
