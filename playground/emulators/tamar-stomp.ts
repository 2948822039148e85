import type { ServerSocket } from '../cloudflare.ts'
import type { Ending } from './faults.ts'
import { Session } from './session.ts'
import { BrokerError } from './tamar-broker.ts'
import { type Destination, destinationOf, invalidFor, StompError } from './tamar-destinations.ts'
import { encodeFrame, type Frame, FrameReader, Malformed } from './tamar-frames.ts'
import { headersOf, propertiesOf } from './tamar-headers.ts'
import type { TamarRoom } from './tamar-room.ts'
import { type AckMode, type Subscription, Subscriptions } from './tamar-subscriptions.ts'

export const SUBPROTOCOLS = ['v12.stomp', 'v11.stomp', 'v10.stomp'] as const
const VERSIONS = ['1.2', '1.1', '1.0'] as const
const ALL_VERSIONS = '1.0,1.1,1.2'

const encoder = new TextEncoder()

/** One connection that speaks STOMP, as RabbitMQ's Web STOMP plugin does: what it does in silence is silent here. */
export class StompSession extends Session {
  readonly id = `session-${crypto.randomUUID().replaceAll('-', '').slice(0, 22)}`
  login = ''
  version = ''
  readonly subscriptions: Subscriptions
  readonly #room: TamarRoom
  readonly #reader = new FrameReader()
  readonly #transactions = new Map<string, Frame[]>()
  #over = false
  #beats: ReturnType<typeof setInterval>[] = []

  constructor(room: TamarRoom, socket: ServerSocket, wired: boolean) {
    super(room.lines.stomp, socket, wired)
    this.#room = room
    this.subscriptions = new Subscriptions(room.broker, this)
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
      this.#transaction(transaction).push(frame)
      return
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
        this.#transactions.set(this.#named(frame), [])
        break
      case 'COMMIT':
        return this.#commit(frame)
      case 'ABORT':
        this.#transaction(this.#named(frame))
        this.#transactions.delete(this.#named(frame))
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
    const offered = headers.get('accept-version')?.split(',') ?? ['1.0']
    const version = VERSIONS.find((one) => offered.includes(one))
    if (version === undefined) {
      throw new StompError('Version mismatch', `Supported versions are ${ALL_VERSIONS}\n`)
    }
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
    const beat = this.#negotiate(headers.get('heart-beat') ?? '0,0')
    const head = [
      ['server', 'RabbitMQ/3.10.8'],
      ['session', this.id],
      ['heart-beat', beat],
      ['version', version],
    ] as const
    this.#put(encodeFrame('CONNECTED', head))
  }

  #refuse(text: string): void {
    this.#room.counters.refused++
    this.#error('Bad CONNECT', text)
    if (this.#room.settings.closesRefused) this.#end(1000, 'STOMP died')
  }

  /** Begins to beat, and to listen for beats. */
  #negotiate(wanted: string): string {
    const [, theirs = '0', ours = '0'] = /^(\d{1,9}),(\d{1,9})$/.exec(wanted) ?? []
    const least = this.#room.settings.minHeartBeat
    const period = (text: string): number => (Number(text) === 0 ? 0 : Math.max(Number(text), least))
    const [receive, send] = [period(theirs), period(ours)]
    if (send > 0) this.#beats.push(setInterval(() => this.sendRaw(this.#shaped(Uint8Array.of(10))), send))
    if (receive > 0) this.#listen(receive)
    return `${send},${receive}`
  }

  #listen(period: number): void {
    // What has signed in counts for the first time.
    let [seen, silent] = [0, 0]
    const look = (): void => {
      silent = this.seenAt === seen && !this.#room.lines.stomp.faults.muted ? silent + 1 : 0
      seen = this.seenAt
      if (silent === 2) this.#end(1000, 'STOMP died')
    }
    this.#beats.push(setInterval(look, period))
  }

  #send(frame: Frame): void {
    const { headers, body } = frame
    const text = this.#destination(frame)
    if (headers.has('message-id')) {
      throw new StompError('Invalid header', "'message-id' is not allowed on 'SEND'.\n")
    }
    const { exchange, key } = this.#target(destinationOf(text), text)
    const properties = propertiesOf(headers, (name) => this.subscriptions.replyQueue(name))
    this.#room.publish({ exchange, key, properties, body }, this.number)
    this.#receipt(frame)
  }

  #target(destination: Destination, text: string): { exchange: string; key: string } {
    switch (destination.is) {
      case 'exchange':
        return destination
      case 'topic':
        return { exchange: 'amq.topic', key: destination.key }
      case 'temp-queue':
        throw invalidFor(text, 'SEND')
      case 'queue':
        this.#room.broker.declareQueue(destination.queue, { durable: true, autoDelete: false, arguments: {} })
    }
    return { exchange: '', key: destination.queue }
  }

  #subscribe(frame: Frame): void {
    const text = this.#destination(frame)
    const { headers } = frame
    const mode = headers.get('ack') ?? 'auto'
    const prefetch = headers.get('prefetch-count') ?? '0'
    if (!/^(auto|client|client-individual)$/.test(mode) || !/^\d{1,5}$/.test(prefetch)) {
      throw new StompError('Processing error', 'Processing error')
    }
    this.subscriptions.add(headers.get('id'), text, mode as AckMode, Number(prefetch))
  }

  /** Hands over a message of a subscription. */
  deliver(subscription: Subscription, message: Parameters<typeof headersOf>[0], tag: string): void {
    const { destination, redelivered, rest } = headersOf(message)
    const { id, noAck } = subscription
    const head: [string, string][] = []
    if (id !== undefined) head.push(['subscription', id])
    head.push(['destination', destination], ['message-id', tag], ['redelivered', redelivered])
    if (!noAck && this.version === '1.2') head.push(['ack', tag])
    this.#put(encodeFrame('MESSAGE', [...head, ...rest], message.body), true)
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

  #named({ command, headers }: Frame): string {
    const name = headers.get('transaction')
    if (name !== undefined) return name
    throw new StompError('Missing transaction', `"${command}" must include a 'transaction' header\n`)
  }

  #transaction(name: string): Frame[] {
    const frames = this.#transactions.get(name)
    if (frames !== undefined) return frames
    throw new StompError('Bad transaction', `Invalid transaction identifier: ${JSON.stringify(name)}\n`)
  }

  /** Does what has waited; its own receipt comes first. */
  #commit(frame: Frame): void {
    const name = this.#named(frame)
    const frames = this.#transaction(name)
    this.#transactions.delete(name)
    this.#receipt(frame)
    for (const { command, headers, body } of frames) {
      const bare = new Map([...headers].filter(([header]) => header !== 'transaction'))
      this.#run({ command, headers: bare, body })
    }
  }

  #destination({ command, headers }: Frame): string {
    const destination = headers.get('destination')
    if (destination !== undefined) return destination
    throw new StompError('Missing destination', `"${command}" must include a 'destination' header\n`)
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
    this.#put(encodeFrame('RECEIPT', [['receipt-id', id]]))
  }

  #error(title: string, text: string): void {
    const body = encoder.encode(text)
    this.#room.counters.errors++
    this.#room.events.emit(() => ({ type: 'error', connection: this.number, message: title }))
    const head = [
      ['message', title],
      ['content-type', 'text/plain'],
      ['version', ALL_VERSIONS],
      ['content-length', String(body.length)],
    ] as const
    this.#put(encodeFrame('ERROR', head, body))
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
    for (const beat of this.#beats) clearInterval(beat)
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
