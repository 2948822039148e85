export const COMPATIBILITY_DATE: string

export interface Playground {
  /** `http://ADDRESS:PORT`, without a slash at the end. */
  readonly url: string
  readonly port: number
  stop(): Promise<void>
}

/** Starts emulators and page; port 0, the default, takes a free one. */
export function startPlayground(options?: {
  port?: number
  host?: string
  persist?: string
  tmc?: Record<string, unknown>
  prism?: Record<string, unknown>
  tamar?: Record<string, unknown>
  tambur?: Record<string, unknown>
  webmq?: Record<string, unknown>
  env?: Readonly<Record<string, string | undefined>>
}): Promise<Playground>
