// What a provider plugs into the fault run.

export interface SoakStats {
  readonly received: number
  readonly acked: number
  readonly redelivered: number
  readonly reconnects: number
  readonly buffered: number
}

export interface SoakClient {
  on(type: 'message', handler: (message: { readonly id: string }) => unknown): () => void
  on(type: 'error', handler: (error: Error) => void): () => void
  on(type: 'status', handler: (status: { readonly buffered?: number }) => void): () => void
  connect(): Promise<void>
  close(): Promise<void>
  stats(): SoakStats
}

/** An emulator that holds messages until they are acked. */
export interface SoakServer {
  createClient(options: { maxBuffered: number; random: () => number }): SoakClient
  /** Puts messages in; they are numbered from 1 on. */
  produce(count: number): Promise<void>
  /** The number of a message. */
  numberOf(id: string): number
  /** Breaks a connection once, on one of the next deliveries or acks, about so many from now. */
  killNext(on: 'delivery' | 'ack', frames: number, seed: number): Promise<void>
  /** Breaks all connections now: with a close code, or without a goodbye. */
  drop(how: number | 'abrupt'): Promise<void>
  stats(): Promise<{ readonly dropped: number; readonly left: number }>
}

export type SoakPlug = (base: string) => Promise<SoakServer>
