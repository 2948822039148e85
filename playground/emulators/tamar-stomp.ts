import type { ServerSocket } from '../cloudflare.ts'
import type { Ending } from './faults.ts'
import { Session } from './session.ts'
import { Beats } from './tamar-beats.ts'
import { destinationHeader, StompError, targetOf } from './tamar-destinations.ts'
import { type Frame, FrameReader, Malformed } from './tamar-frames.ts'
import { propertiesOf } from './tamar-headers.ts'
import type { Queued } from './tamar-queue.ts'
import type { TamarRoom } from './tamar-room.ts'
import { connectedFrame, errorFrame, messageFrame, receiptFrame, versionOf } from './tamar-stomp-frames.ts'
import { type AckMode, type Subscription, Subscriptions } from './tamar-subscriptions.ts'
import { BrokerError } from './tamar-topology.ts'
import { Transactions } from './tamar-transactions.ts'

export const SUBPROTOCOLS = ['v12.stomp', 'v11.stomp', 'v10.stomp'] as const

const encoder = new TextEncoder()

/** One connection that speaks STOMP, as RabbitMQ's Web STOMP plugin does: what it does in silence is silent here. */
export class StompSession extends Session {
  readonly id = `session-${crypto.randomUUID().replaceAll('-', '').slice(0, 22)}`
  login = ''
  version = ''
  readonly subscriptions: Subscriptions
  readonly #room: TamarRoom
  readonly #reader = new FrameReader()
  readonly #transactions = new Transactions()
  readonly #beats: Beats
  #over = false

  constructor(room: TamarRoom, socket: ServerSocket, wired: boolean) {
    super(room.lines.stomp, socket, wired)
    this.#room = room
    this.subscriptions = new Subscriptions(room.broker, this)
    this.#beats = new Beats({
      least: () => room.settings.minHeartBeat,
      beat: () => this.sendRaw(this.#shaped(Uint8Array.of(10))),
      // What is not heard on purpose was not missed.
      seenAt: () => (room.lines.stomp.faults.muted ? undefined : this.seenAt),
      silent: () => this.#end(1000, 'STOMP died'),
    })
    room.lines.stomp.sessions.add(this)
    room.events.emit(() => ({ type: 'connected', line: 'stomp', connection: this.number }))
  }

  protected override receive(data: string | ArrayBuffer): void {
    try {
      const bytes = typeof data === 'string' ? encoder.encode(data) : new Uint8Array(data)
      for (const frame of this.#reader.read(bytes)) this.#take(frame)
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      this.#room.counters.malformed++
      this.#end(error.code, error.message)
    }
  }

  #take(frame: Frame): void {
    if (this.#over) return
    const { counters, events, lines } = this.#room
    counters.stompFrames++
    const command = frame.command.toLowerCase()
    events.emit(() => ({ type: 'frame', connection: this.number, command: frame.command }))
    const { faults } = lines.stomp
    const fatal = faults.fatalRequest('frame') ?? faults.fatalRequest(command)
    if (fatal !== 'before') this.#judged(frame)
    if (fatal !== undefined) this.kill()
  }

  #judged(frame: Frame): void {
    try {
      this.#run(frame)
    } catch (error) {
      if (error instanceof StompError && error.title !== '') this.#error(error.title, error.message)
      // Whatever AMQP refuses ends the connection without a word.
      else if (error instanceof StompError || error instanceof BrokerError) this.#end(1000, 'STOMP died')
      else throw error
    }
  }

  #run(frame: Frame): void {
    const { command, headers } = frame
    if (/^(CONNECT|STOMP)$/.test(command)) return this.#connect(frame)
    if (this.version === '') throw new StompError('Illegal command', 'You must log in using CONNECT first')
    const transaction = headers.get('transaction')
    if (transaction !== undefined && /^(SEND|ACK|NACK)$/.test(command)) {
      return this.#transactions.add(transaction, frame)
    }
    switch (command) {
      case 'SEND':
        return this.#send(frame)
      case 'SUBSCRIBE':
        this.#subscribe(frame)
        break
      case 'UNSUBSCRIBE':
        this.subscriptions.remove(headers)
        break
      case 'ACK':
      case 'NACK':
        this.#settle(frame)
        break
      case 'BEGIN':
        this.#transactions.begin(frame)
        break
      case 'COMMIT':
        return this.#commit(frame)
      case 'ABORT':
        this.#transactions.take(frame)
        break
      case 'DISCONNECT':
        if (this.#room.settings.receiptOnDisconnect) this.#receipt(frame)
        return this.#end(1000, 'STOMP died')
      default:
        throw new StompError('Bad command', `Could not interpret command ${JSON.stringify(command)}\n`)
    }
    this.#receipt(frame)
  }

  #connect({ headers }: Frame): void {
    // A second one kills the process that serves the connection.
    if (this.version !== '') return this.#end(1011, '')
    const version = versionOf(headers)
    const [login, host] = [headers.get('login') ?? 'guest', headers.get('host') ?? '/']
    const { rabbitUser, rabbitPassword } = this.#room.credentials
    if (
      login !== rabbitUser ||
      headers.get('passcode') !== rabbitPassword ||
      this.#room.troubles.refuses('stomp')
    ) {
      return this.#refuse(`Access refused for user '${login}'\n`)
    }
    if (host !== '/') return this.#refuse(`Virtual host '${host}' access denied`)
    this.login = login
    this.version = version
    this.#room.counters.stompConnections++
    const beat = this.#beats.begin(headers.get('heart-beat') ?? '0,0')
    this.#put(connectedFrame(this.id, beat, version))
  }

  #refuse(text: string): void {
    this.#room.counters.refused++
    this.#error('Bad CONNECT', text)
    if (this.#room.settings.closesRefused) this.#end(1000, 'STOMP died')
  }

  #send(frame: Frame): void {
    const { headers, body } = frame
    const text = destinationHeader(frame)
    if (headers.has('message-id')) {
      throw new StompError('Invalid header', "'message-id' is not allowed on 'SEND'.\n")
    }
    const { exchange, key } = targetOf(this.#room.broker, text)
    const properties = propertiesOf(headers, (name) => this.subscriptions.replyQueue(name))
    this.#room.publish({ exchange, key, properties, body }, this.number)
    this.#receipt(frame)
  }

  #subscribe(frame: Frame): void {
    const text = destinationHeader(frame)
    const { headers } = frame
    const mode = headers.get('ack') ?? 'auto'
    const prefetch = headers.get('prefetch-count') ?? '0'
    if (!/^(auto|client|client-individual)$/.test(mode) || !/^\d{1,5}$/.test(prefetch)) {
      throw new StompError('Processing error', 'Processing error')
    }
    this.subscriptions.add(headers.get('id'), text, mode as AckMode, Number(prefetch))
  }

  /** Hands over a message of a subscription. */
  deliver(subscription: Subscription, message: Queued, tag: string): void {
    this.#put(messageFrame(subscription, message, tag, this.version), true)
  }

  /** Says that a subscription has ended without having been asked. */
  cancelled({ id = '' }: Subscription): void {
    const text = `The server has canceled a subscription.\nNo more messages will be delivered for ${id}.\n`
    this.#error('Server cancelled subscription', text)
  }

  #settle({ command, headers }: Frame): void {
    const name = this.version === '1.2' ? 'id' : 'message-id'
    const tag = headers.get(name)
    if (tag === undefined) {
      throw new StompError('Missing header', `"${command}" must include the "${name}" header\n`)
    }
    const requeue = headers.get('requeue') !== 'false'
    if (!this.subscriptions.settle(tag, command === 'ACK' ? 'ack' : requeue ? 'requeue' : 'discard')) {
      throw new StompError('Invalid header', `"${command}" must include a valid "${name}" header\n`)
    }
  }

  /** Does what has waited; its own receipt comes first. */
  #commit(frame: Frame): void {
    const frames = this.#transactions.take(frame)
    this.#receipt(frame)
    for (const one of frames) this.#run(one)
  }

  #receipt({ headers }: Frame): void {
    const id = headers.get('receipt')
    const { counters, troubles } = this.#room
    if (id === undefined) return
    if (troubles.noReceipts > 0) {
      troubles.noReceipts--
      return
    }
    counters.receipts++
    this.#put(receiptFrame(id))
  }

  #error(title: string, text: string): void {
    this.#room.counters.errors++
    this.#room.events.emit(() => ({ type: 'error', connection: this.number, message: title }))
    this.#put(errorFrame(title, text))
  }

  #put(frame: Uint8Array, delivery = false): void {
    if (!this.#over) this.send(this.#shaped(frame), delivery)
  }

  /** As this server's frames are; what is not UTF-8 cannot be text. */
  #shaped(frame: Uint8Array): Uint8Array | string {
    if (this.#room.settings.wsFrame === 'binary') return frame
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(frame)
    } catch {
      this.#end(1007, '')
      return ''
    }
  }

  #end(code: number, reason: string): void {
    if (!this.#over) this.close(code, reason)
  }

  protected override left(how: Ending): void {
    this.#over = true
    this.#beats.end()
    this.#room.lines.stomp.sessions.delete(this)
    this.subscriptions.clear()
    this.#room.events.emit(() => ({
      type: 'disconnected',
      line: 'stomp',
      connection: this.number,
      code: how,
    }))
  }
}
