import {
  decodeFrame,
  encodeFrame,
  signConnect,
  type TmcFrame,
  type TmcFrameInit,
  type TmcValue,
} from 'isomq/tmc'
import type { ServerSocket } from '../cloudflare.ts'
import type { Ending, Refusal } from './faults.ts'
import type { Group, Receiver } from './group.ts'
import { Session } from './session.ts'
import { dataFrame, gzipped, integer, text } from './tmc-frames.ts'
import type { TmcMessage, TmcRoom } from './tmc-room.ts'
import type { MessageFields } from './tmc-store.ts'

/** Statuses of the socket are not public; these are the gateway's for the same faults. */
const MALFORMED: Refusal = { code: 43, phrase: 'malformed frame' }
const NOT_SIGNED_IN: Refusal = { code: 26, phrase: 'not signed in' }
const BAD_TOKEN: Refusal = { code: 27, phrase: 'invalid token' }

/** One connection of a client to a room. */
export class TmcSession extends Session implements Receiver<MessageFields> {
  readonly unconfirmed = new Map<number, TmcMessage>()
  readonly token: string = crypto.randomUUID()
  group: Group<MessageFields> | undefined
  appKey = ''
  sdk = ''
  readonly #room: TmcRoom

  constructor(room: TmcRoom, socket: ServerSocket, wired: boolean) {
    super(room, socket, wired)
    this.#room = room
    room.sessions.add(this)
    if (room.settings.idleAfter > 0) room.wake(this.seenAt + room.settings.idleAfter)
    room.events.emit(() => ({ type: 'connected', connection: this.number }))
  }

  room(): number {
    const { faults, settings } = this.#room
    return faults.muted ? 0 : settings.window - this.unconfirmed.size
  }

  deliver(message: TmcMessage): void {
    const room = this.#room
    room.delivered(message, this.number)
    const zipped = gzipped(message.content, room.settings.gzipFrom)
    if (zipped === undefined) {
      this.#data(message, { type: 'string', value: message.content })
      return
    }
    void zipped.then((value) => {
      if (message.holder === this) this.#data(message, { type: 'bytes', value })
    })
  }

  #data(message: TmcMessage, content: TmcValue): void {
    const room = this.#room
    this.send(encodeFrame(dataFrame(this.token, room.id(message.seq), message, content, room.now())), true)
  }

  #answer(frame: TmcFrameInit): void {
    this.send(encodeFrame(frame))
  }

  /** A status that answers nothing, or the request whose flag is given. */
  notice({ code, phrase }: Refusal, flag?: number): void {
    const type = flag === undefined ? 'send' : 'sendack'
    this.#answer({ type, flag, token: this.group && this.token, statusCode: code, statusPhrase: phrase })
  }

  idle(): void {
    this.#room.counters.idled++
    this.close(1011, 'idle for too long')
  }

  protected override left(code: Ending): void {
    const room = this.#room
    room.sessions.delete(this)
    room.tokens.delete(this.token)
    room.events.emit(() => ({
      type: 'dropped',
      connection: this.number,
      code,
      unconfirmed: this.unconfirmed.size,
    }))
    if (this.group === undefined) return
    const due = Date.now() + room.settings.redeliverAfter
    this.group.leave(this, due)
    room.wake(due)
    this.group.pump(Date.now())
  }

  protected override receive(data: string | ArrayBuffer): void {
    const { counters } = this.#room
    if (typeof data === 'string') {
      counters.textFrames++
      return
    }
    let frame: TmcFrame
    try {
      frame = decodeFrame(new Uint8Array(data))
    } catch {
      counters.malformed++
      this.notice(MALFORMED)
      return
    }
    if (frame.type === 'connect') this.#signIn(frame)
    else if (this.#trusted(frame)) this.#request(this.group!, frame)
  }

  #signIn(frame: TmcFrame): void {
    const refusal = this.#room.faults.nextRefusal() ?? this.#refusal(frame)
    if (refusal !== undefined) {
      this.#room.counters.refused++
      this.#room.events.emit(() => ({ type: 'refused', connection: this.number, ...refusal }))
      const { code, phrase } = refusal
      this.#answer({ type: 'connectack', flag: frame.flag, statusCode: code, statusPhrase: phrase })
      return
    }
    this.#room.counters.signIns++
    this.#room.tokens.set(this.token, this)
    this.sdk = text(frame, 'sdk')
    this.#room.events.emit(() => ({
      type: 'signedIn',
      connection: this.number,
      group: this.group?.key,
      sdk: this.sdk,
    }))
    this.#answer({ type: 'connectack', flag: frame.flag, token: this.token })
    this.group!.join(this)
    this.group!.pump(Date.now())
  }

  /** Why this CONNECT may not sign in; if it may, the connection has its group afterwards. */
  #refusal(frame: TmcFrame): Refusal | undefined {
    const room = this.#room
    if (this.group !== undefined) return { code: 42, phrase: 'already signed in' }
    const [appKey, groupName, timestamp] = ['app_key', 'group_name', 'timestamp'].map((key) =>
      text(frame, key),
    )
    if (!appKey || !groupName || !timestamp) return { code: 40, phrase: 'missing required arguments' }
    const app = room.app(appKey)
    if (app === undefined) return { code: 29, phrase: `invalid app key: ${appKey}` }
    const sign = signConnect({ appKey, appSecret: app.secret, groupName, timestamp })
    if (text(frame, 'sign') !== sign) return { code: 25, phrase: 'invalid signature' }
    if (!(Math.abs(Number(timestamp) - room.now()) <= room.settings.skewLimit)) {
      return { code: 31, phrase: `invalid timestamp: ${timestamp}` }
    }
    const group = room.group(appKey, groupName)
    if (group === undefined) return { code: 41, phrase: `invalid group: ${groupName}` }
    const { maxConnections } = room.settings
    if (maxConnections > 0 && group.receivers.length >= maxConnections) {
      return { code: 7, phrase: `too many connections: ${group.receivers.length}` }
    }
    this.group = group
    this.appKey = appKey
    return undefined
  }

  /** Whether the frame carries the token of a living connection of this group; tells the peer if not. */
  #trusted(frame: TmcFrame): boolean {
    const owner = frame.token === undefined ? undefined : this.#room.tokens.get(frame.token)
    if (this.group !== undefined && owner?.group === this.group) return true
    this.#room.counters.unauthorized++
    this.notice(frame.token === undefined || this.group === undefined ? NOT_SIGNED_IN : BAD_TOKEN, frame.flag)
    return false
  }

  #request(group: Group<MessageFields>, frame: TmcFrame): void {
    const kind = frame.headers.get('__kind')?.value
    const id = integer(frame.headers.get('id'))
    if (kind === 1) {
      this.#room.counters.pulls++
      group.serve(this, this.#room.settings.pullBatch, Date.now())
    } else if (kind === 2 && id !== undefined) {
      this.#confirm(group, id)
    } else if (kind === 20 && id !== undefined) {
      this.#room.fail(group, id, text(frame, 'msg'), this)
    } else if (kind === 3) {
      this.#produce(frame)
    } else {
      this.notice({ code: 41, phrase: `invalid arguments of kind ${kind}` }, frame.flag)
    }
  }

  #confirm(group: Group<MessageFields>, id: bigint): void {
    const fatal = this.#room.faults.fatalRequest('confirm')
    if (fatal !== 'before') this.#room.confirm(group, id, this)
    if (fatal !== undefined) this.kill()
  }

  #produce(frame: TmcFrame): void {
    const room = this.#room
    const session = text(frame, 'session')
    const nick = session === '' ? 'isomq' : room.nick(this.appKey, session)
    const refusal =
      nick === undefined
        ? { code: 27, phrase: 'invalid session' }
        : room.publish({
            topic: text(frame, 'topic'),
            content: text(frame, 'content'),
            publisher: this.appKey,
            nick,
            userId: '100000001',
            dataId: String(room.now()),
          })
    if (room.faults.noAck) return
    if (refusal !== undefined) {
      this.notice(refusal, frame.flag)
      return
    }
    room.counters.produced++
    if (frame.flag !== undefined) this.#answer({ type: 'sendack', flag: frame.flag, token: this.token })
  }
}
