// A subscriber with the habits of the service's own browser client: it lets the balancer's answer run, keeps the
// commands given before the handshake and sends them last first, throws what that client threw.
import { runInNewContext } from 'node:vm'
import WebSocket from 'ws'
import { TAMBUR, type TamburRoom } from '../support/room.ts'
import { token } from './publisher.ts'

type Waiting = readonly [name: string, answered: (response: string) => void, args: readonly unknown[]]
type Mode = 'auth' | 'presence' | 'direct'

let connections = 0

export class OldConnection {
  readonly streams = new Map<string, OldStream>()
  readonly appId: string
  subscriberId: string | undefined
  ready: () => void = () => {}
  onclose: () => void = () => {}
  readonly #host: string
  readonly #id = ++connections
  readonly #waiting: Waiting[] = []
  readonly #handlers = new Map<number, (response: string) => void>()
  #socket: WebSocket | undefined
  #handle = 0
  #reopening = false

  constructor({ host, appId }: TamburRoom) {
    this.#host = host
    this.appId = appId
    void this.#connect()
  }

  /** As a script tag does it. */
  async #connect(): Promise<void> {
    const query = `?instance=${this.#id}&callback=tambur.Utils.connect_callback`
    const response = await fetch(`http://${this.#host}/${TAMBUR.apiKey}/${this.appId}${query}`)
    const connect_callback = (instance: number, address: string): void => {
      if (instance === this.#id) this.#open(`ws://${address}`)
    }
    runInNewContext(await response.text(), { tambur: { Utils: { connect_callback } } })
  }

  #open(url: string): void {
    const socket = new WebSocket(url)
    this.#socket = socket
    socket.on('message', (data) => this.#take(data.toString()))
    socket.on('close', () => {
      this.subscriberId = undefined
      for (const stream of this.streams.values()) stream.active = false
      this.onclose()
    })
  }

  #take(text: string): void {
    if (this.subscriberId === undefined) {
      this.#greeted(text.slice(3))
      return
    }
    const [type, ...rest] = JSON.parse(text) as [string, ...unknown[]]
    if (type === 'ack') this.#handlers.get(rest[0] as number)!(rest[1] as string)
    else this.streams.get(rest[0] as string)?.dispatch(rest[1] as string, rest[2])
  }

  #greeted(id: string): void {
    this.subscriberId = id
    while (this.#waiting.length > 0) this.send(...this.#waiting.pop()!)
    if (this.#reopening) for (const stream of this.streams.values()) stream.reopen()
    this.#reopening = false
    this.ready()
  }

  send(...[name, answered, args]: Waiting): void {
    if (this.subscriberId === undefined) {
      this.#waiting.push([name, answered, args])
      return
    }
    const handle = ++this.#handle
    this.#handlers.set(handle, answered)
    this.#socket!.send(JSON.stringify([name, handle, ...args]))
  }

  stream(name: string): OldStream {
    const known = this.streams.get(name)
    if (known !== undefined) return known
    const stream = new OldStream(this, name)
    this.streams.set(name, stream)
    return stream
  }

  token(...props: [Mode, ...string[]]): string {
    return token(this.appId, this.subscriberId!, ...props)
  }

  close(): void {
    this.#socket?.close()
  }

  reopen(): void {
    this.#reopening = true
    void this.#connect()
  }
}

export class OldStream {
  active = false
  ready: () => void = () => {}
  onenabled: (mode: Mode) => void = () => {}
  ondisabled: (mode: Mode) => void = () => {}
  on: Record<'message' | Mode, (data: unknown) => void> = {
    message: () => {},
    auth: () => {},
    presence: () => {},
    direct: () => {},
  }
  readonly #connection: OldConnection
  readonly #name: string
  readonly #enabled = new Set<Mode>()
  #user: string | undefined

  constructor(connection: OldConnection, name: string) {
    this.#connection = connection
    this.#name = name
    if (name !== 'private') this.reopen()
  }

  dispatch(kind: string, data: unknown): void {
    this.on[kind in this.on ? (kind as Mode) : 'message'](data)
  }

  reopen(): void {
    if (this.active) throw new Error('Stream is already active')
    this.#send('subscribe', [this.#name], () => {
      this.active = true
      this.ready()
    })
  }

  close(): void {
    this.#checkActive()
    this.#send('unsubscribe', [this.#name], () => {
      this.active = false
    })
  }

  enable(mode: Mode, ...user: string[]): void {
    this.#checkActive()
    if (this.#enabled.has(mode)) throw new Error('Mode is already enabled')
    if (mode === 'direct') this.#user = user[0]
    const token = this.#connection.token(mode, this.#name, ...user)
    this.#send('set_mode', [mode, this.#name, ...user, token], () => {
      this.#enabled.add(mode)
      this.onenabled(mode)
    })
  }

  disable(mode: Mode): void {
    this.#checkActive()
    if (!this.#enabled.has(mode)) throw new Error('Mode is not enabled')
    this.#send('unset_mode', [mode, this.#name, ...(mode === 'direct' ? [this.#user] : [])], () => {
      this.#enabled.delete(mode)
      this.ondisabled(mode)
    })
  }

  direct(user: string, text: string): void {
    this.#checkActive()
    if (!this.#enabled.has('direct')) throw new Error('Direct Mode is not enabled')
    this.#send('direct', [this.#name, user, text], () => {})
  }

  #checkActive(): void {
    if (!this.active) throw new Error('Stream is inactive')
  }

  #send(name: string, args: readonly unknown[], done: () => void): void {
    const answered = (response: string): void => {
      if (response === 'ok') done()
    }
    this.#connection.send(name, answered, args)
  }
}
