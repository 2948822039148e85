/** The exchange, the routing key and the gateway's queue, which are there from the start. */
export const EXCHANGE = 'ws.message.direct.exchange'
export const ROUTING_KEY = 'ws.message.direct'
export const QUEUE = 'ws.message.direct.queue'

/** What a room can be set to. */
export interface TamarSettings {
  /** Milliseconds after which a reliable message that nobody has acknowledged is pushed again. */
  redeliverAfter: number
  /** The same for a command whose row does not say. */
  retryInterval: number
  /** Minutes by which the sessions of the database are ahead of UTC. */
  timeZone: number
  /** What the frames of STOMP are; in text a message that is not UTF-8 ends the connection. */
  wsFrame: 'binary' | 'text'
  /** Whether a wrong password closes the socket; some releases of RabbitMQ leave it open. */
  closesRefused: boolean
  /** Whether DISCONNECT is answered; over WebSocket RabbitMQ closes before its receipt goes out. */
  receiptOnDisconnect: boolean
  /** The shortest heart-beat that the server takes part in, in milliseconds. */
  minHeartBeat: number
}

export const DEFAULTS: TamarSettings = {
  redeliverAfter: 5000,
  retryInterval: 60_000,
  timeZone: 0,
  wsFrame: 'binary',
  closesRefused: true,
  receiptOnDisconnect: false,
  minHeartBeat: 1000,
}

/** What the three services ask for; pages may know it. The user of the database is the name of the room. */
export interface Credentials {
  redisToken: string
  mysqlPassword: string
  rabbitUser: string
  rabbitPassword: string
}

export const CREDENTIALS: Credentials = {
  redisToken: 'isomq-tamar-token',
  mysqlPassword: 'isomq-tamar-mysql',
  rabbitUser: 'isomq',
  rabbitPassword: 'isomq-tamar-rabbit',
}

/** Who the database of the room "default" knows; any other user is the name of a room. */
export const MYSQL_USER = 'isomq'

export const COUNTERS = {
  /** Requests to each of the HTTP endpoints. */
  redisRequests: 0,
  mysqlRequests: 0,
  apiRequests: 0,
  /** Commands of Redis, PUBLISH and INCR among them. */
  commands: 0,
  published: 0,
  sequences: 0,
  /** Statements, and rows that they wrote. */
  statements: 0,
  inserted: 0,
  /** Connections of STOMP that signed in, and their frames. */
  stompConnections: 0,
  stompFrames: 0,
  malformed: 0,
  receipts: 0,
  errors: 0,
  /** Signing in was refused, by whichever service. */
  refused: 0,
  /** Sockets that were dropped on request. */
  dropped: 0,
  /** Messages that the broker took, and those of them that no queue was bound for. */
  sent: 0,
  unroutable: 0,
  /** What the gateway took from its queue: names of rows, then those of no row, of one that was on its way or done, and what was none. */
  dispatched: 0,
  unknownRows: 0,
  repeated: 0,
  malformedDispatches: 0,
  /** Realtime messages that came, that a socket was there for, and whose text was no JSON. */
  realtime: 0,
  realtimeDelivered: 0,
  malformedRealtime: 0,
  /** Rows that were pushed, each once for all sockets of its user; those of them that were pushed before. */
  deliveries: 0,
  redeliveries: 0,
  acks: 0,
  /** Acks and responses to what is settled, and to what is not this user's. */
  lateAcks: 0,
  foreignAcks: 0,
  responses: 0,
  timedOut: 0,
  /** Replies to whoever sent a command. */
  replies: 0,
  /** Users' sockets that came. */
  users: 0,
}
export type Counters = typeof COUNTERS
