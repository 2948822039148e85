import { alarm } from '../core/clock.ts'
import { type Connection, createConnection } from '../core/connection.ts'
import type { Courier } from '../core/delivery.ts'
import { IsomqError, type IsomqErrorCode } from '../core/errors.ts'
import type { StateChange } from '../core/machine.ts'
import { createPending } from '../core/pending.ts'
import type { Receiver } from '../core/receiver.ts'
import type { Session } from '../core/session.ts'
import type { Frame } from '../core/socket.ts'
import type { WaitOptions } from '../core/wait.ts'
import { readSignature } from './arguments.ts'
import { HeaderList, protocolError, type RawFrame, readFrame } from './codec.ts'
import type { Dedupe } from './dedupe.ts'
import {
  confirmFrames,
  encodeConnect,
  encodeFail,
  encodeProduce,
  encodePull,
  type TmcProduceFields,
} from './frames.ts'
import { idOf, TmcDelivery, type TmcMessage, textOf } from './message.ts'
import type { TmcSettings } from './options.ts'
import { signConnect } from './sign.ts'
import type { TmcStatus } from './types.ts'

/** What the links of a client share. */
export interface Team {
  readonly settings: TmcSettings
  readonly receiver: Receiver<TmcDelivery, TmcMessage, TmcStatus>
  readonly dedupe: Dedupe
  readonly counters: { duplicates: number; malformed: number; reconnects: number }
  changed(change: StateChange): void
  gaveUp(error: IsomqError): void
}

/** One signed-in socket of a group. */
export interface Link {
  readonly connection: Connection
  /** Sends a message into TMC; resolves with the round trip in milliseconds when the server took it. */
  produce(fields: TmcProduceFields, limits: WaitOptions): Promise<number>
  ack(message: HasId): undefined
  nack(message: HasId, reason: string): undefined
  pull(): void
}

interface HasId {
  readonly exactId: bigint
}

/** What belongs to one session and ends with it. */
interface Live {
  readonly session: Session
  readonly token: string
  readonly confirmFrame: (id: bigint) => Uint8Array<ArrayBuffer>
}

/** The flag of CONNECT; those of `produce` count on from it. */
const CONNECT_FLAG = 1
const FIRST_PULL = 500
const provider = 'tmc'

/** `number` counts the links of a client from 1. */
export function createLink(team: Team, number: number): Link {
  const { settings, receiver, dedupe, counters } = team
  const { clock, pullInterval } = settings
  const pending = createPending<number, RawFrame>(provider, clock, settings.maxPending)
  let live: Live | undefined
  let flag = CONNECT_FLAG
  /** Something was sent since the last pull was due. */
  let spoke = false
  let cancelPull: (() => void) | undefined

  const connection = createConnection({
    ...settings,
    provider,
    gaveUp: team.gaveUp,
    changed(change) {
      if (change.from === 'reconnecting' && change.to === 'open') counters.reconnects++
      team.changed(change)
    },
    status: (status) => receiver.status({ ...status, connection: number }),
    async dial() {
      return { url: settings.url, hello: [await connectFrame(settings)] }
    },
    received,
    probe() {
      if (pullInterval) pull(true)
    },
    ready: () => schedulePull(FIRST_PULL),
    lost(session, cause) {
      cancelPull?.()
      live = undefined
      const text = 'the connection was lost before the answer; the message may have been taken'
      pending.rejectAll(new IsomqError(provider, 'CONNECTION_LOST', text, { cause }))
      receiver.drop(session, cause)
    },
  })

  function received(session: Session, raw: Frame): void {
    let frame: RawFrame
    try {
      if (typeof raw === 'string') throw protocolError('a text frame, which TMC does not have')
      frame = readFrame(raw, new HeaderList())
      receiver.trace('received', () => ({
        type: frame.type,
        flag: frame.flag,
        id: textOf(frame.headers, 'id'),
      }))
      if (session.ready) route(session, frame)
      else handshake(session, frame)
    } catch (error) {
      // What is wrong in the handshake ends the session; text does no harm there either.
      const harmless = session.ready || typeof raw === 'string'
      if (!harmless || !(error instanceof IsomqError)) throw error
      counters.malformed++
      receiver.status({ type: 'malformed', error, bytes: raw.length, connection: number })
    }
  }

  function handshake(session: Session, frame: RawFrame): void {
    const remedy = '; check app key, secret, group name and the clock'
    const refusal = refusalOf(frame, 'AUTH_REJECTED', 'refused the sign-in', remedy)
    if (refusal) throw refusal
    // Messages for a session that the ack is still on its way to come again.
    if (frame.type !== 'connectack') return
    const { token } = frame
    if (!token) throw protocolError('a sign-in without a token')
    live = { session, token, confirmFrame: confirmFrames(token) }
    spoke = true
    session.accept()
  }

  function route(session: Session, frame: RawFrame): void {
    const { headers } = frame
    // A message is never an answer, whatever its flag.
    if (frame.flag && !headers.get('topic') && pending.settle(frame.flag, frame)) return
    const refusal = refusalOf(frame, 'PROVIDER', 'reports an error')
    if (refusal) return receiver.report(refusal)
    if (frame.type !== 'send' || !(headers.get('topic') || headers.get('__kind')?.value === 3)) return
    const id = idOf(headers)
    if (id === undefined) throw protocolError('a data message without an id')
    const delivery = new TmcDelivery(courier, session, clock.now(), id, headers)
    if (dedupe.isDone(id)) {
      counters.duplicates++
      delivery.ack()
    } else receiver.receive(delivery, delivery.retried > 0)
  }

  function schedulePull(delay: number): void {
    if (!pullInterval) return
    cancelPull = alarm(clock, delay, () => {
      schedulePull(pullInterval)
      // A full buffer asks for nothing, but an idle line would be closed by the server.
      pull(!spoke)
      spoke = false
    })
  }

  function pull(always: boolean): void {
    if (!always && receiver.room() <= 0) return
    try {
      send('pull', ({ token }) => encodePull(token))
    } catch {
      // Nobody waits for a pull request: that its session has ended is told by the session.
    }
  }

  function send(kind: string, encode: (live: Live) => Uint8Array<ArrayBuffer>, id?: bigint): void {
    if (!live) throw new IsomqError(provider, 'CONNECTION_LOST', 'there is no connection; nothing was sent')
    live.session.send(encode(live))
    spoke = true
    receiver.trace('sent', () => ({ kind, id: id?.toString() }))
  }

  const link: Link = {
    connection,
    async produce(fields, limits) {
      // Flags are positive int32s: after two milliards of messages they start anew.
      flag = (flag % 0x7fffffff) + 1
      const own = flag
      const sentAt = clock.now()
      const answer = await pending.add(own, 'answer (the message may have been taken)', limits, () =>
        send('produce', ({ token }) => encodeProduce(token, fields, own)),
      )
      const refusal = refusalOf(answer, 'PROVIDER', 'did not take the message')
      if (refusal) throw refusal
      return clock.now() - sentAt
    },
    ack: ({ exactId }) => void send('confirm', ({ confirmFrame }) => confirmFrame(exactId), exactId),
    nack: ({ exactId }, reason) =>
      void send('fail', ({ token }) => encodeFail(token, exactId, reason), exactId),
    pull() {
      if (pullInterval) pull(false)
    },
  }
  const courier: Courier<TmcDelivery> = {
    ...link,
    provider,
    done: ({ exactId }) => dedupe.done(exactId),
    settled: receiver.settled,
  }
  return link
}

async function connectFrame(settings: TmcSettings): Promise<Uint8Array<ArrayBuffer>> {
  const { appKey, appSecret, groupName, sdk, intranetIp, headers, clock, sign } = settings
  const fields = { appKey, groupName, timestamp: String(clock.now()) }
  const own = {
    app_key: appKey,
    group_name: groupName,
    timestamp: fields.timestamp,
    sign: readSignature(await (sign ? sign(fields) : signConnect({ ...fields, appSecret: appSecret! }))),
    sdk,
    ...(intranetIp && { intranet_ip: intranetIp }),
  }
  // Ours come first, and further headers do not replace them.
  return encodeConnect({ ...own, ...headers, ...own }, CONNECT_FLAG)
}

/** The error in an answer, if it is one: a code above 0, 200 too, or a phrase alone. */
function refusalOf(
  { statusCode = 0, statusPhrase }: RawFrame,
  code: IsomqErrorCode,
  what: string,
  remedy = '',
): IsomqError | undefined {
  if (statusCode <= 0 && statusPhrase === undefined) return undefined
  const said = [statusCode || undefined, statusPhrase].filter((part) => part !== undefined).join(' ')
  return new IsomqError(provider, code, `the server ${what} (${said})${remedy}`, {
    details: { code: statusCode || undefined, phrase: statusPhrase },
  })
}
