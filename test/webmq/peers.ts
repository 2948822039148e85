// As much of the types of others' clients as the tests use.

export interface WampyEvent {
  readonly details: object
  readonly argsList?: unknown[]
  readonly argsDict?: object
}

export interface Wampy {
  connect(): Promise<{ readonly authid?: string; readonly authmethod?: string; readonly realm: string }>
  disconnect(): Promise<void>
  getSessionId(): number
  subscribe(
    topic: string,
    onEvent: (event: WampyEvent) => void,
    options?: object,
  ): Promise<{ subscriptionId: number; subscriptionKey: string }>
  unsubscribe(subscription: number | string): Promise<unknown>
  publish(topic: string, payload: unknown, options?: object): Promise<{ publicationId: number }>
  call(procedure: string, payload?: unknown, options?: object): Promise<WampyEvent>
  register(procedure: string, run: (call: WampyEvent) => unknown): Promise<unknown>
}

export interface WampyModule {
  readonly Wampy: new (url: string, options: object) => Wampy
}

export interface AutobahnSession {
  readonly id: number
  subscribe(
    topic: string,
    onEvent: (args: unknown[], kwargs: object, details: object) => void,
    options?: object,
  ): Promise<{ readonly id: number; unsubscribe(): Promise<unknown> }>
  publish(
    topic: string,
    args?: unknown[],
    kwargs?: object,
    options?: object,
  ): Promise<{ readonly id: number }>
  call(procedure: string, args?: unknown[], kwargs?: object, options?: object): Promise<unknown>
  register(procedure: string, run: (args: number[]) => unknown): Promise<unknown>
}

export interface AutobahnConnection {
  onopen: (session: AutobahnSession, details: object) => void
  onclose: (reason: string, details: { readonly reason: string }) => boolean
  open(): void
  close(): void
}

export interface AutobahnModule {
  readonly Connection: new (options: object) => AutobahnConnection
  readonly auth_cra: {
    sign(key: string, challenge: string): string
    derive_key(secret: string, salt: string, iterations: number, keylen: number): string
  }
}

type Done = (error: (Error & { uri: string; details?: unknown }) | undefined, result?: unknown) => void

export interface Wamp1 {
  readonly sessionId: string
  on(type: 'error', handler: (error: Error) => void): void
  prefix(prefix: string, uri: string): void
  subscribe(topic: string, onEvent: (event: unknown) => void): void
  unsubscribe(topic: string): void
  publish(topic: string, event: unknown, ...who: unknown[]): void
  call(procedure: string, ...argsAndDone: [...unknown[], Done]): void
}

export type Wamp1Class = new (socket: object, done: (welcome: { version: number }) => void) => Wamp1
