import { alarm } from '../core/clock.ts'
import { type Connection, type ConnectionStatus, createConnection } from '../core/connection.ts'
import type { Courier, Outcome } from '../core/delivery.ts'
import { IsomqError } from '../core/errors.ts'
import type { StateChange } from '../core/machine.ts'
import { createPending, type Pending } from '../core/pending.ts'
import type { Session } from '../core/session.ts'
import type { Frame } from '../core/socket.ts'
import type { WaitOptions } from '../core/wait.ts'
import { HeaderList, type RawFrame, readFrame } from './codec.ts'
import {
  confirmFrames,
  encodeConnect,
  encodeFail,
  encodeProduce,
  encodePull,
  type TmcProduceFields,
} from './frames.ts'
import { idOf, TmcDelivery, textOf } from './message.ts'
import type { TmcSettings } from './options.ts'
import { signConnect } from './sign.ts'

/** What a link tells the client that owns it. */
export interface LinkEvents {
  message(delivery: TmcDelivery): unknown
  /** The consumer is done with it, even when that can no longer be told to the server. */
  done(delivery: TmcDelivery): void
  settled(delivery: TmcDelivery, outcome: Outcome): void
  /** Whether the client wants more messages now. */
  hungry(): boolean
  lost(session: Session, error: IsomqError): void
  gaveUp(error: IsomqError): void
  changed(change: StateChange): void
  status(status: ConnectionStatus): void
  /** A frame that is not of the protocol; the connection goes on. */
  malformed(error: IsomqError, frame: Frame): void
  notice(error: IsomqError): void
  trace(event: string, facts: () => Record<string, unknown>): void
}

/** One signed-in socket of a group. */
export interface Link extends Courier<TmcDelivery> {
  readonly connection: Connection
  /** Sends a message into TMC; resolves with the round trip in milliseconds when the server took it. */
  produce(fields: TmcProduceFields, limits: WaitOptions): Promise<number>
  confirm(id: bigint): void
  fail(id: bigint, reason: string): void
  pull(): void
}

/** What belongs to one session and ends with it. */
interface Live {
  readonly session: Session
  readonly token: string
  readonly confirmFrame: (id: bigint) => Uint8Array<ArrayBuffer>
  readonly pending: Pending<number, RawFrame>
  flag: number
  /** Something was sent since the last pull was due. */
  spoke: boolean
  cancelPull?: () => void
}

/** The flag of CONNECT; those of `produce` count on from it. */
const CONNECT_FLAG = 1
const FIRST_PULL = 500

export function createLink(settings: TmcSettings, events: LinkEvents): Link {
  const { clock, pullInterval } = settings
  const provider = 'tmc'
  let live: Live | undefined

  const connection = createConnection({
    ...settings,
    provider,
    ...pickEvents(events),
    async dial() {
      return { url: settings.url, hello: [await connectFrame(settings)] }
    },
    received,
    probe: () => pull(true),
    ready: () => schedulePull(FIRST_PULL),
    lost(session, error) {
      live?.cancelPull?.()
      const text = 'the connection was lost before the answer came; the message may have been taken'
      live?.pending.rejectAll(new IsomqError(provider, 'CONNECTION_LOST', text, { cause: error }))
      live = undefined
      events.lost(session, error)
    },
  })

  function received(session: Session, raw: Frame): void {
    if (typeof raw === 'string') {
      return events.malformed(
        new IsomqError(provider, 'PROTOCOL', 'a text frame, which TMC does not have'),
        raw,
      )
    }
    let frame: RawFrame
    try {
      frame = readFrame(raw, new HeaderList())
    } catch (error) {
      if (!session.ready) throw error
      return events.malformed(error as IsomqError, raw)
    }
    events.trace('received', () => ({ type: frame.type, flag: frame.flag, id: textOf(frame.headers, 'id') }))
    if (session.ready) route(session, frame, raw)
    else handshake(session, frame)
  }

  function handshake(session: Session, frame: RawFrame): void {
    if (isRefusal(frame)) {
      const text = `the sign-in was refused (${said(frame)}); check app key, secret, group name and the clock`
      return session.end(new IsomqError(provider, 'AUTH_REJECTED', text, { details: detailsOf(frame) }))
    }
    // Messages for a session that the ack is still on its way to come again.
    if (frame.type !== 'connectack') return
    const { token } = frame
    if (!token) throw new IsomqError(provider, 'PROTOCOL', 'the server acked the sign-in without a token')
    live = {
      session,
      token,
      confirmFrame: confirmFrames(token),
      pending: createPending(provider, clock, settings.maxPending),
      flag: CONNECT_FLAG,
      spoke: true,
    }
    session.accept()
  }

  function route(session: Session, frame: RawFrame, raw: Uint8Array): void {
    const { flag = 0, headers } = frame
    if (flag > 0 && live?.pending.settle(flag, frame)) return
    if (isRefusal(frame)) {
      const text = `the server reports an error (${said(frame)})`
      return events.notice(new IsomqError(provider, 'PROVIDER', text, { details: detailsOf(frame) }))
    }
    if (frame.type !== 'send' || !(headers.get('topic') || headers.get('__kind')?.value === 3)) return
    const id = idOf(headers)
    if (id === undefined) {
      return events.malformed(new IsomqError(provider, 'PROTOCOL', 'a data message without an id'), raw)
    }
    events.message(new TmcDelivery(link, session, clock.now(), id, headers))
  }

  function schedulePull(delay: number): void {
    if (!pullInterval || !live) return
    live.cancelPull = alarm(clock, delay, () => {
      schedulePull(pullInterval)
      // A full buffer asks for nothing, but an idle line would be closed by the server.
      pull(!live?.spoke)
      if (live) live.spoke = false
    })
  }

  function pull(always: boolean): void {
    if (!live || !(always || events.hungry())) return
    try {
      send(live, encodePull(live.token), 'pull')
    } catch {
      // Nobody waits for a pull request: that its session has ended is told by the session.
    }
  }

  function send(to: Live, frame: Uint8Array<ArrayBuffer>, kind: string, id?: bigint): void {
    to.session.send(frame)
    to.spoke = true
    events.trace('sent', () => ({ kind, id: id?.toString() }))
  }

  function signedIn(): Live {
    if (live) return live
    throw new IsomqError(provider, 'CONNECTION_LOST', 'there is no connection; nothing was sent')
  }

  async function produce(fields: TmcProduceFields, limits: WaitOptions): Promise<number> {
    const now = signedIn()
    // Flags are positive int32s: after two milliards of messages they start anew.
    now.flag = (now.flag % 0x7fffffff) + 1
    const { flag } = now
    const sentAt = clock.now()
    const frame = await now.pending.add(
      flag,
      'answer to a produced message, which may have been taken,',
      limits,
      () => send(now, encodeProduce(now.token, fields, flag), 'produce'),
    )
    if (isRefusal(frame)) {
      const text = `the server did not take the message (${said(frame)})`
      throw new IsomqError(provider, 'PROVIDER', text, { details: detailsOf(frame) })
    }
    return clock.now() - sentAt
  }

  const link: Link = {
    provider,
    connection,
    produce,
    ack: (delivery) => void link.confirm(delivery.exactId),
    nack: (delivery, reason) => void link.fail(delivery.exactId, reason),
    done: events.done,
    settled: events.settled,
    confirm(id) {
      const now = signedIn()
      send(now, now.confirmFrame(id), 'confirm', id)
    },
    fail(id, reason) {
      const now = signedIn()
      send(now, encodeFail(now.token, id, reason), 'fail', id)
    },
    pull() {
      if (pullInterval) pull(false)
    },
  }
  return link
}

const pickEvents = ({ gaveUp, changed, status }: LinkEvents) => ({ gaveUp, changed, status })

async function connectFrame(settings: TmcSettings): Promise<Uint8Array<ArrayBuffer>> {
  const { appKey, appSecret, groupName, sdk, intranetIp, headers, clock, sign } = settings
  const fields = { appKey, groupName, timestamp: String(clock.now()) }
  const signature = await (sign ? sign(fields) : signConnect({ ...fields, appSecret: appSecret! }))
  const own: Record<string, string> = {
    app_key: appKey,
    group_name: groupName,
    timestamp: fields.timestamp,
    sign: signature,
    sdk,
  }
  if (intranetIp !== undefined) own.intranet_ip = intranetIp
  // Ours come first, and further headers do not replace them.
  return encodeConnect({ ...own, ...headers, ...own }, CONNECT_FLAG)
}

/** A code above 0, 200 too, or a phrase alone: each is an error. */
const isRefusal = ({ statusCode = 0, statusPhrase }: RawFrame) => statusCode > 0 || statusPhrase !== undefined
const said = ({ statusCode, statusPhrase }: RawFrame) =>
  [statusCode, statusPhrase].filter((part) => part !== undefined).join(' ')
const detailsOf = ({ statusCode, statusPhrase }: RawFrame) => ({ code: statusCode, phrase: statusPhrase })
