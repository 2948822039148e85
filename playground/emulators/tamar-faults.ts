export const ENDPOINTS = ['redis', 'mysql', 'api'] as const
export type Endpoint = (typeof ENDPOINTS)[number]

/** How an endpoint fails: with a status of its own, a web page, half of its answer, or broken off within it. */
export const FAILURES = ['status', 'html', 'half', 'broken'] as const
export type Failure = (typeof FAILURES)[number]

export interface EndpointFault {
  /** Of which endpoint, or of any. */
  readonly endpoint: Endpoint | 'any'
  readonly how: Failure
  /** Whether what was asked for is done all the same. */
  readonly when: 'before' | 'after'
  readonly status: number
  readonly body: string
  readonly contentType: string
}

/** What becomes of the gateway's replies. */
export const REPLIES = ['late', 'doubled', 'foreign', 'malformed', 'none'] as const
export type ReplyFault = { readonly how: (typeof REPLIES)[number]; readonly ms: number }

/** What can go wrong with the services that speak HTTP, with signing in, and with replies. */
export class TamarFaults {
  /** In the order in which they were asked for. */
  endpoints: EndpointFault[] = []
  replies: ReplyFault[] = []
  /** Receipts that still do not go out. */
  noReceipts = 0
  /** How often each service still refuses whoever signs in. */
  readonly refusals: Record<Endpoint | 'stomp' | 'user', number> = {
    redis: 0,
    mysql: 0,
    api: 0,
    stomp: 0,
    user: 0,
  }

  nextFault(endpoint: Endpoint): EndpointFault | undefined {
    const at = this.endpoints.findIndex((fault) => fault.endpoint === endpoint || fault.endpoint === 'any')
    return at < 0 ? undefined : this.endpoints.splice(at, 1)[0]
  }

  /** Whether the next one who signs in is refused. */
  refuses(what: keyof TamarFaults['refusals']): boolean {
    if (this.refusals[what] === 0) return false
    this.refusals[what]--
    return true
  }
}
