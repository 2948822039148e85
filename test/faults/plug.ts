// What a provider plugs into the fault run.

export interface SoakStats {
  readonly received: number
  readonly acked: number
  readonly redelivered: number
  readonly reconnects: number
  readonly buffered: number
}

export interface SoakClient {
  on(type: 'message', handler: (message: unknown) => unknown): () => void
  on(type: 'error', handler: (error: Error) => void): () => void
  on(type: 'status', handler: (status: SoakStatus) => void): () => void
  connect(): Promise<void>
  close(): Promise<void>
  stats(): SoakStats
  /**
   * Publishes message `n` and gives the number that a doubtful status may name; only where a client publishes
   * without an answer, into the queue that it consumes.
   */
  publish?(n: number): Promise<number>
}

export interface SoakStatus {
  readonly type: string
  readonly buffered?: number
  readonly first?: number
  readonly last?: number
}

/** Which message it is: those that were produced and those that the client published count from 1 each. */
export interface SoakId {
  readonly n: number
  readonly published: boolean
}

/** Frames on which a connection can be killed. */
export type KillPoint = 'ack' | 'delivery' | 'publish'

/** An emulator that holds messages until they are acked. */
export interface SoakServer {
  createClient(options: { maxBuffered: number; random: () => number }): SoakClient
  /** Puts messages in; they are numbered from 1 on. */
  produce(count: number): Promise<void>
  idOf(message: never): SoakId
  /** Breaks a connection once, on one of the next frames of a kind, about so many from now. */
  killNext(on: KillPoint, frames: number, seed: number): Promise<void>
  /** Breaks all connections now: with a close code, or without a goodbye. */
  drop(how: number | 'abrupt'): Promise<void>
  stats(): Promise<SoakServerStats>
}

export interface SoakServerStats {
  readonly dropped: number
  /** Messages that are not acked. */
  readonly left: number
  /** Publishes of the client that were carried out. */
  readonly taken?: number
}

export type SoakPlug = (base: string) => Promise<SoakServer>
