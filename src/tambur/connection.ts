import { type Connection, createConnection } from '../core/connection.ts'
import { IsomqError } from '../core/errors.ts'
import { createLife, type Life } from '../core/life.ts'
import { createLine } from '../core/line.ts'
import { createPending } from '../core/pending.ts'
import type { Session } from '../core/session.ts'
import type { Frame } from '../core/socket.ts'
import { quiet, type WaitOptions } from '../core/wait.ts'
import { findSocket } from './address.ts'
import { askToken } from './ask.ts'
import { fault, readFrame, type TamburFrame } from './frames.ts'
import { readOptions, type TamburConnectionOptions } from './options.ts'
import type { OwnStream, StreamOwner } from './owner.ts'
import { createStream, PRIVATE } from './stream.ts'
import type { TamburConnection, TamburEvents } from './types.ts'
import { filled, provider } from './wrong.ts'

/**
 * A subscriber of Tambur's streams. It makes no connection until it is used.
 *
 * @throws IsomqError `CONFIG` when an option is wrong; the text names it
 */
export function createTamburConnection(options: TamburConnectionOptions): TamburConnection {
  const settings = readOptions(options)
  const { clock, answerTimeout, maxPending } = settings
  const counters = { received: 0, dropped: 0, malformed: 0, reconnects: 0 }
  const streams = new Map<string, OwnStream>()
  const pending = createPending<number, string>(provider, clock, Number.POSITIVE_INFINITY)
  let handle = 0
  let attempts = 0
  /** Calls that wait. */
  let busy = 0
  let subscriberId: string | undefined
  let lostAt: number | undefined
  let lastRoundTrip: number | undefined

  const life: Life<TamburEvents> = createLife({
    ...settings,
    provider,
    drop(error, told) {
      for (const stream of streams.values()) stream.end(error, told)
    },
    stop: (error) => connection.stop(error),
  })

  const connection: Connection = createConnection({
    ...settings,
    provider,
    gaveUp(error) {
      life.gaveUp(error)
      connection.stop(error)
    },
    changed(change) {
      if (change.from === 'reconnecting' && change.to === 'open') counters.reconnects++
      life.changed(change)
    },
    status(status) {
      life.status(status)
      if (status.type === 'connected') tellGap(status.session)
    },
    dial: async (signal) => ({ url: settings.url ?? (await findSocket(settings, ++attempts, signal)) }),
    received,
    // To leave a stream that nobody is in changes nothing, and is answered.
    probe: (session) => void quiet(command(session, 'unsubscribe', [''])),
    ready(session) {
      handle = 0
      for (const stream of streams.values()) stream.restore(session)
      // What was just sent may have ended it, which nobody tells then.
      if (session.error) lost(session.error)
    },
    lost: (_, error) => lost(error),
  })

  function lost(cause: IsomqError): void {
    subscriberId = undefined
    lostAt ??= clock.now()
    const text = 'the connection was lost before the answer; the command may have been done'
    const error = new IsomqError(provider, 'CONNECTION_LOST', text, { cause })
    pending.rejectAll(error)
    for (const stream of streams.values()) stream.lost(error)
  }

  /** What was published meanwhile is gone, if somebody listens. */
  function tellGap(session: number): void {
    const since = lostAt
    lostAt = undefined
    const isMissed = [...streams.values()].some(
      ({ stream: { name, state } }) => state !== 'closed' || name === PRIVATE,
    )
    if (since === undefined || !isMissed) return
    life.status({ type: 'gap', session, duration: Math.max(0, clock.now() - since) })
  }

  function received(session: Session, raw: Frame): void {
    try {
      const frame = readFrame(raw)
      life.trace('received', () => ({ type: frame.type }))
      if (session.ready === (frame.type === 'id')) throw fault('a subscriber id must come first, and once')
      route(session, frame)
    } catch (error) {
      // What is wrong in the handshake ends the session.
      if (!session.ready || !(error instanceof IsomqError)) throw error
      counters.malformed++
      life.status({ type: 'malformed', error, bytes: raw.length })
    }
  }

  function route(session: Session, frame: TamburFrame): void {
    if (frame.type === 'msg') {
      counters.received++
      streams.get(frame.stream)?.received(frame.kind, frame.data, clock.now())
    } else if (frame.type === 'id') {
      subscriberId = frame.subscriberId
      session.accept()
    } else if (frame.handle > 0) pending.settle(frame.handle, frame.response)
    else life.report(refusal('reports an error', frame.response))
  }

  async function command(
    session: Session,
    name: string,
    args: readonly string[],
    { signal, timeout = 0 }: WaitOptions = {},
    answered?: () => void,
  ): Promise<void> {
    const own = ++handle
    const sentAt = clock.now()
    // 0 sets no limit, so that the other counts.
    const limits = { signal, timeout: Math.min(timeout || answerTimeout, answerTimeout || timeout) }
    const say = () => {
      session.send(JSON.stringify([name, own, ...args]))
      life.trace('sent', () => ({ command: name, handle: own }))
    }
    const answer = await pending.add(own, `answer to ${name}`, limits, say, answered)
    lastRoundTrip = clock.now() - sentAt
    if (answer === 'ok') return
    // A token of any form may be quoted.
    const said = name === 'set_mode' ? answer.replaceAll(args.at(-1)!, '…') : answer
    throw refusal(`refused ${name}`, said, { command: name })
  }

  const line = createLine(provider, clock, life, connection)
  const owner: StreamOwner = {
    ...line,
    get ended() {
      return life.ended
    },
    command,
    async set(session, name, args, undo) {
      try {
        await command(session, name, args)
      } catch (error) {
        if ((error as IsomqError).code === 'TIMEOUT') quiet(undo(session))
        throw error
      }
    },
    token: (mode, stream, userId, signal, patient) =>
      askToken(
        settings,
        { mode, stream, userId, subscriberId: subscriberId! },
        signal,
        patient ? life.report : undefined,
      ),
    async bounded(call) {
      if (busy >= maxPending) {
        const text = `${maxPending} calls wait; await some first, or raise maxPending`
        throw new IsomqError(provider, 'QUEUE_FULL', text)
      }
      busy++
      await call().finally(() => busy--)
    },
    refused: (stream, mode, error) => life.status({ type: 'refused', stream, mode, error }),
    report: life.report,
    dropped() {
      counters.dropped++
    },
  }

  const client: TamburConnection = {
    get state() {
      return connection.state
    },
    get subscriberId() {
      return subscriberId
    },
    connect: line.connect,
    close: life.close,
    [Symbol.asyncDispose]: () => life.close(),
    on: life.on,
    stream(name) {
      const known = streams.get(filled('name', name))
      if (known) return known.stream
      const made = createStream(owner, name)
      streams.set(name, made)
      return made.stream
    },
    stats: () => ({
      ...counters,
      open: [...streams.values()].filter(({ stream }) => stream.state === 'open').length,
      lastRoundTrip,
    }),
  }
  return client
}

/** The service said no; a token that it quotes is not for everybody to see. */
function refusal(what: string, said: string, details?: object): IsomqError {
  const reason = said.replace(/[\da-f]{40}/gi, '…').slice(0, 200)
  return new IsomqError(provider, 'PROVIDER', `the service ${what} (${reason})`, {
    details: { ...details, reason },
  })
}
