// What the gateway works with: rows, what names them, and realtime messages; in the room itself or elsewhere.

export type Status = 'PENDING' | 'DELIVERING' | 'REQUEST_DELIVERED' | 'FINISHED' | 'TIMED_OUT'

/** A row of `push_messages`, as far as the gateway needs it. */
export interface Row {
  readonly id: string
  readonly userId: string
  /** 1 is reliable, 2 a command. */
  readonly pushType: number
  /** Digits. */
  readonly seq: string | null
  /** JSON. */
  readonly payload: string | null
  readonly status: Status
  readonly requestId: string | null
  readonly response: string | null
  readonly responseQueue: string | null
  /** Milliseconds since 1970. */
  readonly expiresAt: number | undefined
  readonly retryInterval: number | undefined
}

export interface Change {
  readonly status?: Status
  readonly response?: string
  readonly responseQueue?: string
}

/** Where the rows are. */
export interface Rows {
  get(id: string): Promise<Row | undefined>
  /** A user's rows that are not settled, in order of `seq`. */
  open(userId: string): Promise<readonly Row[]>
  /** Sets what is given; a new status is noted with its time. */
  change(id: string, change: Change): Promise<void>
  /** Commands that are not settled and whose time was over at `at`, milliseconds since 1970. */
  overdue(at: number): Promise<readonly Row[]>
  /** When the time of the next command is over. */
  nextExpiry(): Promise<number | undefined>
}

/** What names a row in the queue. */
export interface Dispatch {
  readonly body: string
  readonly replyTo: string | undefined
}

/** Where the names of rows come from, and where replies go. */
export interface Dispatches {
  /** Confirms each when `take` is done with it, which tells whether it could be done; gives how to stop. */
  consume(take: (dispatch: Dispatch) => Promise<boolean>): () => void
  reply(to: string, correlationId: string, body: string): Promise<void>
}

/** Where realtime messages come from. */
export interface Realtime {
  listen(hear: (userId: string, payload: string) => void): () => void
}

/** A row as the database has it, by the names of its columns. */
export type Columns = Readonly<Record<string, string | null>>

/** Which rows are asked for; what is empty makes no difference. */
export interface Wanted {
  readonly users: readonly string[]
  readonly status: string
  readonly id: string
  readonly limit: number
  /** The newest first, by the second, instead of in order of users and their numbers. */
  readonly newest: boolean
}

/** The table, for those who look on. */
export interface Listing {
  rows(wanted: Wanted): Promise<readonly Columns[]>
  /** How many rows there are of each status; of all users when none is named. */
  statuses(users: readonly string[]): Promise<Readonly<Record<string, number>>>
}

/** A service that is elsewhere has failed. */
export class ServiceError extends Error {}

/** What a gateway works with. */
export interface Services {
  readonly rows: Rows
  readonly dispatches: Dispatches
  readonly realtime: Realtime
  readonly listing: Listing
  /** The ways to what is elsewhere. */
  readonly links?: Readonly<Record<string, { readonly state: string }>>
}
