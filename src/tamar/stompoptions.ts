import type { ReconnectOptions } from '../core/backoff.ts'
import type { ConnectionStatus } from '../core/connection.ts'
import type { CloseOptions, LifeEvents } from '../core/life.ts'
import type { State } from '../core/machine.ts'
import * as o from '../core/options.ts'
import type { WebSocketClass } from '../core/socket.ts'
import type { WaitOptions } from '../core/wait.ts'
import { accessPieces, type BrokerAccess } from './access.ts'
import type { TamarBroker } from './ports.ts'
import { provider, wrong } from './wrong.ts'

/** Options of `stompBroker`. */
export interface StompBrokerOptions extends BrokerAccess {
  /** URL of Web STOMP, such as `wss://rabbit.example/ws`. */
  url: string
  /** Milliseconds between signs of life, of both sides; 0 asks for none. Default 10,000. */
  heartBeat?: number | undefined
  /** How often a message is sent again whose confirmation was lost with its socket. Default 2. */
  retries?: number | undefined
  /** Messages that may wait for a confirmation; more are `QUEUE_FULL`. Default 10,000. */
  maxPending?: number | undefined
  /** Milliseconds for opening the socket and signing in together. Default 10,000. */
  connectTimeout?: number | undefined
  /** When to try again after the socket was lost; false never does. */
  reconnect?: false | ReconnectOptions | undefined
  /** Default: the runtime's, or that of `ws` where it has none. */
  WebSocket?: WebSocketClass | undefined
}

export interface StompBrokerEvents extends LifeEvents<ConnectionStatus> {}

/** RabbitMQ over a WebSocket. */
export interface StompBroker extends TamarBroker {
  readonly state: State
  connect(limits?: WaitOptions): Promise<void>
  /** Adds a handler; returns what takes it off again. */
  on<K extends keyof StompBrokerEvents>(
    type: K,
    handler: (event: StompBrokerEvents[K]) => unknown,
  ): () => void
  close(options?: CloseOptions): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

type Optional = 'WebSocket' | 'logger'
export type StompSettings = Required<Omit<StompBrokerOptions, Optional>> & Pick<StompBrokerOptions, Optional>

/** @throws IsomqError `CONFIG` when an option is wrong; the text names it */
export function readStompOptions(options: StompBrokerOptions): StompSettings {
  const settings = o.parseOptions<StompSettings>(
    provider,
    {
      ...accessPieces(),
      url: o.url('ws'),
      heartBeat: o.count(10_000, 0, 2 ** 30),
      retries: o.count(2, 0),
      maxPending: o.count(10_000),
      connectTimeout: o.ms(10_000),
      reconnect: o.reconnect(),
      WebSocket: o.callback(),
    },
    options,
  )
  for (const [option, name] of Object.entries({
    exchange: settings.exchange,
    routingKey: settings.routingKey,
  })) {
    // Of what a destination escapes RabbitMQ reads this alone, and has no way to say the thing itself.
    if (name.includes('%2F'))
      throw wrong(`the option "${option}" must not contain "%2F"`, undefined, { option })
  }
  return settings
}
