import { alarm } from '../core/clock.ts'
import { type Connection, createConnection } from '../core/connection.ts'
import { IsomqError } from '../core/errors.ts'
import { excerpt } from '../core/http.ts'
import { createLife, type Life } from '../core/life.ts'
import { createLine, PATIENCE, useLine } from '../core/line.ts'
import { createPending } from '../core/pending.ts'
import type { Session } from '../core/session.ts'
import { noTimeout, type WaitOptions } from '../core/wait.ts'
import { createGate } from './gate.ts'
import type { TamarDispatch, TamarReplies } from './ports.ts'
import { createStompReader, encodeStomp, HEART_BEAT, type StompFrame } from './stomp.ts'
import {
  readStompOptions,
  type StompBroker,
  type StompBrokerEvents,
  type StompBrokerOptions,
} from './stompoptions.ts'
import { provider, wrong } from './wrong.ts'

const PROTOCOL = 'v12.stomp'
/** Where the answers to this client's commands arrive: a queue that RabbitMQ makes for this session alone. */
const REPLIES = '/temp-queue/isomq'
/**
 * Messages of a session that wait for a confirmation at once; the others wait for their turn. RabbitMQ holds a socket
 * back that is 400 ahead of it, and then falls over its own heart-beats, with a break for all that is under way.
 */
const WINDOW = 200
/** Milliseconds of silence that are suspicious where no signs of life are agreed on. */
const SILENCE = 300_000

/**
 * RabbitMQ by its plugin Web STOMP. A receipt is RabbitMQ's confirmation; it also comes for what no queue is bound to
 * receive, which STOMP has no way to tell, and for what a queue with a length limit rejected.
 *
 * @throws IsomqError `CONFIG` when an option is wrong; the text names it
 */
export function stompBroker(options: StompBrokerOptions): StompBroker {
  const settings = readStompOptions(options)
  const { clock, username, password, vhost, heartBeat, exchange, routingKey, maxPending } = settings
  const destination = `/exchange/${named(exchange)}/${named(routingKey)}`
  const pending = createPending<string, true>(provider, clock, Number.POSITIVE_INFINITY)
  const running = new Set<Promise<void>>()
  const gate = createGate(WINDOW, clock)
  let replies: TamarReplies | undefined
  let read = createStompReader()
  let receipts = 0
  let stopBeating = () => {}

  const life: Life<StompBrokerEvents> = createLife({
    ...settings,
    provider,
    // What waits for a connection was not sent, and ends at once.
    drain: async () => connection.session && Promise.allSettled([...running]),
    stop: (error) => connection.stop(error),
  })

  const connection: Connection = createConnection({
    ...settings,
    provider,
    idleTimeout: heartBeat ? heartBeat * 2 : SILENCE,
    gaveUp(error) {
      life.gaveUp(error)
      connection.stop(error)
    },
    changed: life.changed,
    status: life.status,
    dial() {
      read = createStompReader()
      const beats = `${heartBeat},${heartBeat}`
      const headers = {
        'accept-version': '1.2',
        host: vhost,
        login: username,
        passcode: password,
        'heart-beat': beats,
      }
      return { url: settings.url, protocols: [PROTOCOL], hello: [encodeStomp('CONNECT', headers)] }
    },
    received(session, raw) {
      for (const frame of read(raw)) received(session, frame)
    },
    probe(session) {
      // Nothing comes of it but a receipt.
      const transaction = { transaction: 'probe', receipt: 'probe' }
      say(session, encodeStomp('BEGIN', transaction))
      say(session, encodeStomp('ABORT', transaction))
    },
    lost(_, cause) {
      stopBeating()
      const text = 'the socket was lost before RabbitMQ confirmed the message'
      pending.rejectAll(new IsomqError(provider, 'CONNECTION_LOST', text, { cause }))
      replies?.lost(cause)
    },
  })

  function received(session: Session, { command, headers, body }: StompFrame): void {
    life.trace('received', () => ({ command }))
    if (command === 'RECEIPT') pending.settle(headers['receipt-id'] ?? '', true)
    else if (command === 'MESSAGE') replies?.reply(headers['correlation-id'] ?? '', body)
    else if (command === 'CONNECTED') welcomed(session, headers['heart-beat'])
    else if (command === 'ERROR') session.end(refusal(session, headers.message, body))
  }

  /** Sends what nobody waits for: a socket that does not take it ends by itself. */
  function say(session: Session, frame: string): void {
    try {
      session.send(frame)
    } catch {}
  }

  function welcomed(session: Session, beats = '0,0'): void {
    if (session.ready || session.error) return
    session.accept()
    const [, asked = 0] = beats.split(',').map(Number)
    if (heartBeat && asked) beat(session, Math.max(heartBeat, asked) / 2)
  }

  /** Says that this side is alive, early enough for a line that is slow. */
  function beat(session: Session, pause: number): void {
    stopBeating = alarm(clock, pause, () => {
      say(session, HEART_BEAT)
      if (!session.error) beat(session, pause)
    })
  }

  function refusal({ ready }: Session, message = 'an error', body = ''): IsomqError {
    const hide = (text: string) => excerpt(text, [password])
    const said = hide([message, body.trim()].filter(Boolean).join(': '))
    // RabbitMQ may leave the socket open behind it: it is of no use any more.
    return ready
      ? new IsomqError(provider, 'PROVIDER', `RabbitMQ answered with "${said}"`, {
          details: { message: hide(message) },
        })
      : new IsomqError(
          provider,
          'AUTH_REJECTED',
          `RabbitMQ refused the sign-in ("${said}"); check user, password and vhost`,
        )
  }

  const line = createLine(provider, clock, life, connection)

  async function publish(dispatch: TamarDispatch, limits: WaitOptions): Promise<void> {
    const { signal, timeout = PATIENCE } = limits
    if (!(timeout >= 0)) throw noTimeout(provider)
    const startedAt = clock.now()
    const left = () => timeout && Math.max(1, timeout - (clock.now() - startedAt))
    /** How often the socket was lost under the message. */
    let losses = 0
    const attempts = async () => {
      for (;;) {
        try {
          return await useLine(line, { signal, timeout: left() }, (session, rest) =>
            send(session, dispatch, { signal, timeout: rest }),
          )
        } catch (error) {
          if (codeOf(error) !== 'CONNECTION_LOST' || life.ended || ++losses > settings.retries) throw error
        }
      }
    }
    try {
      await gate(attempts, { signal, timeout })
    } catch (error) {
      const code = codeOf(error)
      if (life.ended || !(code === 'TIMEOUT' || code === 'CONNECTION_LOST')) throw error
      if (losses > 0) throw neverConfirmed(code, losses, error)
      // What it ended in names what was left of the time.
      const { cause } = error as IsomqError
      throw new IsomqError(provider, code, `no confirmation within ${timeout} ms`, { cause })
    }
  }

  function send(
    session: Session,
    { body, correlationId }: TamarDispatch,
    limits: WaitOptions,
  ): Promise<true> {
    const receipt = String(++receipts)
    const headers = {
      destination,
      'content-type': 'application/json',
      persistent: 'true',
      receipt,
      'correlation-id': correlationId,
      'reply-to': correlationId && REPLIES,
    }
    return pending.add(receipt, 'confirmation', limits, () =>
      session.send(encodeStomp('SEND', headers, body)),
    )
  }

  /** A missing exchange shows in nothing but this. */
  function neverConfirmed(code: 'TIMEOUT' | 'CONNECTION_LOST', losses: number, cause: unknown): IsomqError {
    const text =
      `the socket was lost before RabbitMQ confirmed the message (${losses} times); ` +
      `check that the exchange "${exchange}" exists and that the user may write to it and make reply queues`
    return new IsomqError(provider, code, text, { cause, details: { exchange } })
  }

  return {
    get state() {
      return connection.state
    },
    publish(dispatch, limits) {
      if (running.size >= maxPending) {
        const text = `${maxPending} messages wait for a confirmation; await some first, or raise maxPending`
        return Promise.reject(new IsomqError(provider, 'QUEUE_FULL', text))
      }
      const sending = publish(dispatch, limits)
      running.add(sending)
      const done = () => void running.delete(sending)
      sending.then(done, done)
      return sending
    },
    listen(listener) {
      if (replies) throw wrong('this broker serves another client already; make one for each')
      replies = listener
    },
    connect: line.connect,
    on: life.on,
    close: life.close,
    [Symbol.asyncDispose]: () => life.close(),
  }
}

const codeOf = (error: unknown): unknown => error instanceof IsomqError && error.code

const named = (name: string): string => name.replaceAll('/', '%2F')
