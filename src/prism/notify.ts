import { createConnection } from '../core/connection.ts'
import type { Courier } from '../core/delivery.ts'
import { IsomqError } from '../core/errors.ts'
import { excerpt, send } from '../core/http.ts'
import { PATIENCE } from '../core/line.ts'
import { createReceiver } from '../core/receiver.ts'
import type { Session } from '../core/session.ts'
import type { Frame } from '../core/socket.ts'
import { aborted } from '../core/wait.ts'
import { judge } from './answer.ts'
import type { Caller } from './caller.ts'
import { below, readCall, type Signed, signCall } from './calls.ts'
import { encodeAck, encodeConsume, readDelivery } from './codec.ts'
import { createDoubt } from './doubt.ts'
import { PrismDelivery } from './message.ts'
import { readNotifyOptions } from './notifyoptions.ts'
import type { PrismMessage, PrismNotify, PrismNotifyOptions, PrismStatus } from './notifytypes.ts'
import { createOutbox } from './outbox.ts'
import { publishFrame } from './publish.ts'
import { createRedelivery } from './redelivery.ts'
import { provider, wrong } from './wrong.ts'

/** `live` holds those of a client that may have to be closed. */
export function createNotify(caller: Caller, given: PrismNotifyOptions, live: Set<PrismNotify>): PrismNotify {
  const settings = readNotifyOptions(given)
  const { clock, random, logger, WebSocket, baseUrl } = caller.settings
  const target = readCall('GET', below(baseUrl, settings.path), undefined, {})
  const consumeFrame = encodeConsume(settings.queue)
  const counters = { malformed: 0, published: 0, doubtful: 0, reconnects: 0 }
  let consuming = false
  /** The session that was asked for messages: once each. */
  let asked: Session | undefined
  let lastLoss: IsomqError | undefined
  /** Calls of `close()` that wait: what runs shall end on the line that it came on. */
  let closing = 0
  let dialled: Signed | undefined
  const doubt = createDoubt(clock)
  const redelivery = createRedelivery(clock, settings.redeliverAfter, (count, progress) => {
    if (closing > 0) return
    const text = `the connection is replaced so that ${count} messages which were not acknowledged come again`
    renew(text, progress)
  })

  /** Replaces the line by one that is new; it says goodbye, so that nothing is in doubt when that is answered. */
  function renew(text: string, atOnce: boolean): void {
    connection.renew(
      new IsomqError(provider, 'CONNECTION_LOST', text, { details: { planned: true } }),
      atOnce,
    )
  }

  const receiver = createReceiver<PrismDelivery, PrismMessage, PrismStatus>({
    ...settings,
    provider,
    clock,
    logger,
    relieved() {},
    start() {
      consuming = true
      connection.start()
      const { session } = connection
      if (session) consume(session)
    },
    stop,
  })
  const outbox = createOutbox({
    clock,
    maxUnsent: settings.maxUnsent,
    find: () => connection.session,
    sent() {
      doubt.sent(++counters.published)
      return counters.published
    },
    why: () => (connection.session ? undefined : lastLoss),
  })

  const connection = createConnection({
    ...settings,
    provider,
    clock,
    random,
    WebSocket,
    changed(change) {
      if (change.from === 'reconnecting' && change.to === 'open') counters.reconnects++
      receiver.changed(change)
    },
    status(status) {
      if (status.type === 'disconnected') lastLoss = status.error
      receiver.status(status)
    },
    gaveUp(error) {
      receiver.gaveUp(error)
      stop(error)
    },
    async dial() {
      dialled = await signCall({ ...caller.settings, auth: 'sign' }, target)
      return { url: dialled.url.replace(/^http/i, 'ws') }
    },
    opened: (session) => session.accept(),
    // The protocol has no way to ask whether anybody is there, but to dial anew.
    probe() {
      renew(`nothing arrived in ${settings.idleTimeout} ms, so the connection is replaced`, true)
    },
    explain,
    ready(session) {
      doubt.reset()
      redelivery.reset()
      if (consuming) consume(session)
      outbox.flush()
    },
    received,
    lost(session, error, goodbye) {
      redelivery.reset()
      const first = doubt.first()
      const last = counters.published
      receiver.drop(session, error)
      if (first === undefined) return
      const tell = () => {
        counters.doubtful += last - first + 1
        receiver.status({ type: 'doubtful', session: session.id, first, last })
      }
      // Who answers a goodbye has read what came before it.
      if (goodbye) goodbye.then((isAnswered) => isAnswered || tell())
      else tell()
    },
  })

  async function stop(error: IsomqError): Promise<void> {
    outbox.end(error)
    await connection.stop(error)
  }

  /** WebSockets hide why a server refused them: the same address, asked over HTTP, tells. */
  async function explain(signal: AbortSignal): Promise<IsomqError | undefined> {
    const { url, method, hidden } = dialled!
    try {
      judge(await send(caller.http, { url, method, signal }), { clock, hidden })
    } catch (error) {
      if (error instanceof IsomqError && error.code === 'AUTH_REJECTED') return error
    }
    return undefined
  }

  function consume(session: Session): void {
    if (asked === session) return
    asked = session
    try {
      session.send(consumeFrame)
    } catch {
      // Its end will be told, and the next one be asked.
      return
    }
    receiver.trace('sent', () => ({ kind: 'consume', queue: settings.queue }))
  }

  function received(session: Session, frame: Frame): void {
    // What still waits here for the network has not arrived, whatever the server says meanwhile.
    if (session.buffered === 0) doubt.heard()
    try {
      const fields = readDelivery(frame, (text) => excerpt(text, dialled!.hidden))
      receiver.trace('received', () => ({ tag: fields.tag, key: fields.key }))
      redelivery.taken()
      if (!receiver.receive(new PrismDelivery(courier, session, clock.now(), fields), false))
        redelivery.full()
    } catch (error) {
      if (!(error instanceof IsomqError)) throw error
      if (error.code === 'PROVIDER') return receiver.report(error)
      counters.malformed++
      receiver.status({ type: 'malformed', error, bytes: frame.length })
    }
  }

  const courier: Courier<PrismDelivery> = {
    provider,
    ack({ from, tag }) {
      from!.send(encodeAck(tag))
      receiver.trace('sent', () => ({ kind: 'ack', tag }))
      return undefined
    },
    nack: () => undefined,
    settled(delivery, outcome) {
      receiver.settled(delivery, outcome)
      // What is lost belongs to a connection that has ended, or to a client that ends.
      if (outcome !== 'lost') redelivery.settled(outcome === 'acked' ? 'acked' : 'unacked')
    },
  }

  const notify: PrismNotify = {
    get state() {
      return connection.state
    },
    async connect({ signal, timeout = PATIENCE } = {}) {
      if (signal?.aborted) throw aborted(provider, 'connection', signal)
      if (caller.ended.aborted) throw caller.ended.reason
      receiver.revive()
      receiver.check()
      live.add(notify)
      await connection.connect({ signal, timeout })
    },
    async close(options) {
      closing++
      try {
        await receiver.close(options)
      } finally {
        closing--
      }
      live.delete(notify)
    },
    [Symbol.asyncDispose]: () => notify.close(),
    on: receiver.on,
    messages: receiver.messages,
    async publish(routingKey, body, { contentType, signal, timeout = PATIENCE } = {}) {
      if (!(timeout >= 0)) throw wrong('"timeout" must be milliseconds from 0 on')
      const frame = publishFrame(settings, routingKey, body, contentType)
      if (outbox.size >= settings.maxPending) {
        const text = `${settings.maxPending} publish calls are under way; await some first, or raise maxPending`
        throw new IsomqError(provider, 'QUEUE_FULL', text)
      }
      receiver.check()
      if (signal?.aborted) throw aborted(provider, 'connection', signal)
      connection.start()
      // What it found overdue may have been the last try.
      receiver.check()
      const number = await outbox.add(frame, { signal, timeout })
      receiver.trace('sent', () => ({ kind: 'publish', key: routingKey, number }))
      return number
    },
    stats: () => ({ ...receiver.stats(), ...counters }),
  }
  return notify
}
