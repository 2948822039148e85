import * as o from '../core/options.ts'

/** What both ways to RabbitMQ need. */
export interface BrokerAccess extends o.Injected {
  username: string
  password: string
  /** Default `/`. */
  vhost?: string | undefined
  /** Default `ws.message.direct.exchange`. */
  exchange?: string | undefined
  /** Default `ws.message.direct`. */
  routingKey?: string | undefined
}

type Pieces = {
  [K in keyof BrokerAccess]-?: o.Piece<K extends 'logger' ? BrokerAccess[K] : NonNullable<BrokerAccess[K]>>
}

export const accessPieces = (): Pieces => ({
  ...o.injected(),
  username: o.filled(),
  password: o.filled(),
  vhost: o.text('/'),
  exchange: o.text('ws.message.direct.exchange'),
  routingKey: o.text('ws.message.direct'),
})
