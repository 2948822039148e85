import type { ObjectState, SqlStorage } from '../cloudflare.ts'

/** A message as it is kept: what a provider puts in, and what happened to it. */
export type Stored<Fields> = Fields & {
  /** Order of publication. */
  readonly seq: number
  readonly born: number
  /** Deliveries so far. */
  tries: number
  /** When it may be delivered (again), in milliseconds since 1970; 0 is at once. */
  due: number
}

const INDEX = 'CREATE INDEX IF NOT EXISTS message_of_group ON message (grp, seq)'
const STATE = 'CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT NOT NULL)'
const DELETE = 'DELETE FROM message WHERE seq IN (SELECT value FROM json_each(?))'
const POSTPONE = `UPDATE message SET tries = j.value ->> 1, due = j.value ->> 2
  FROM json_each(?) AS j WHERE seq = j.value ->> 0`
const KEEP =
  'INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value'

/** What a room keeps besides messages: a few values in SQLite, written a little later in one go. */
export class StateStore {
  readonly #sql: SqlStorage
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Called before each deferred write, so that others can add theirs. */
  beforeFlush: () => void = () => {}

  constructor(state: ObjectState) {
    this.#sql = state.storage.sql
    this.#sql.exec(STATE)
  }

  touch(): void {
    this.#timer ??= setTimeout(() => this.flush(), 50)
  }

  flush(): void {
    this.#stop()
    this.beforeFlush()
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  read<T>(key: string): T | undefined {
    const rows = this.#sql.exec<{ value: string }>('SELECT value FROM state WHERE key = ?', key).toArray()
    return rows[0] === undefined ? undefined : (JSON.parse(rows[0].value) as T)
  }

  write(key: string, value: unknown): void {
    this.#sql.exec(KEEP, key, JSON.stringify(value))
  }

  clear(): void {
    this.#stop()
    this.#sql.exec('DELETE FROM state')
  }
}

/**
 * Messages in SQLite. What is published is written at once; what was confirmed or put off is written a little
 * later in one go: a crash in between lets a message come once more, which "at least once" allows.
 */
export class MessageStore<Fields> extends StateStore {
  readonly #sql: SqlStorage
  readonly #names: (keyof Fields & string)[]
  readonly #insert: string
  readonly #load: string
  #confirmed: number[] = []
  #postponed = new Map<number, Stored<Fields>>()

  /** `columns` names the column of each field; all fields are texts. */
  constructor(state: ObjectState, columns: Readonly<Record<keyof Fields & string, string>>) {
    super(state)
    this.#sql = state.storage.sql
    this.#names = Object.keys(columns) as (keyof Fields & string)[]
    const all = Object.values<string>(columns)
    const texts = all.map((column) => `${column} TEXT NOT NULL`).join(', ')
    this.#sql.exec(`CREATE TABLE IF NOT EXISTS message (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, grp TEXT NOT NULL, ${texts},
      born INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL DEFAULT 0)`)
    this.#sql.exec(INDEX)
    this.#insert = `INSERT INTO message (grp, ${all.join(', ')}, born)
      VALUES (?, ${all.map(() => '?').join(', ')}, ?) RETURNING seq`
    const fields = this.#names.map((name) => `${columns[name]} AS "${name}"`).join(', ')
    this.#load = `SELECT seq, ${fields}, born, tries, due FROM message WHERE grp = ? AND seq > ? ORDER BY seq LIMIT ?`
  }

  insert(group: string, message: Fields, born: number): number {
    const values = this.#names.map((name) => message[name] as string)
    return this.#sql.exec<{ seq: number }>(this.#insert, group, ...values, born).one().seq
  }

  /** The messages of a group after the one given, in order. */
  load(group: string, after: number, limit: number): Stored<Fields>[] {
    return this.#sql.exec<Stored<Fields>>(this.#load, group, after, limit).toArray()
  }

  counts(): { grp: string; total: number }[] {
    const query = 'SELECT grp, count(*) AS total FROM message GROUP BY grp'
    return this.#sql.exec<{ grp: string; total: number }>(query).toArray()
  }

  /** Deletes a message that is not in memory; tells whether it was there. */
  remove(group: string, seq: number): boolean {
    return (
      this.#sql.exec('DELETE FROM message WHERE seq = ? AND grp = ? RETURNING seq', seq, group).toArray()
        .length > 0
    )
  }

  confirm(seq: number): void {
    this.#postponed.delete(seq)
    this.#confirmed.push(seq)
    this.touch()
  }

  postpone(message: Stored<Fields>): void {
    this.#postponed.set(message.seq, message)
    this.touch()
  }

  override flush(): void {
    super.flush()
    if (this.#confirmed.length > 0) this.#sql.exec(DELETE, JSON.stringify(this.#confirmed))
    if (this.#postponed.size > 0) {
      const rows = Array.from(this.#postponed.values(), ({ seq, tries, due }) => [seq, tries, due])
      this.#sql.exec(POSTPONE, JSON.stringify(rows))
    }
    this.#confirmed = []
    this.#postponed.clear()
  }

  /** Forgets everything; sequence numbers, and with them ids, go on. */
  override clear(): void {
    super.clear()
    this.#confirmed = []
    this.#postponed.clear()
    this.#sql.exec('DELETE FROM message')
  }
}
