import type { ObjectState, SqlStorage } from '../cloudflare.ts'

export interface MessageFields {
  readonly topic: string
  readonly content: string
  readonly publisher: string
  readonly nick: string
  /** An int64 as text. */
  readonly userId: string
  /** An int64 as text. */
  readonly dataId: string
}

export interface StoredMessage extends MessageFields {
  /** Order of publication; the message's id is this and the room's base. */
  readonly seq: number
  readonly born: number
  /** Deliveries so far. */
  tries: number
  /** When it may be delivered (again), in milliseconds since 1970; 0 is at once. */
  due: number
}

const TABLES = `
  CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, grp TEXT NOT NULL, topic TEXT NOT NULL, content TEXT NOT NULL,
    publisher TEXT NOT NULL, nick TEXT NOT NULL, user_id TEXT NOT NULL, data_id TEXT NOT NULL,
    born INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL DEFAULT 0);
  CREATE INDEX IF NOT EXISTS message_of_group ON message (grp, seq);
  CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value TEXT NOT NULL)`

const INSERT = `INSERT INTO message (grp, topic, content, publisher, nick, user_id, data_id, born)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq`
const LOAD = `SELECT seq, topic, content, publisher, nick, user_id AS userId, data_id AS dataId, born, tries, due
  FROM message WHERE grp = ? AND seq > ? ORDER BY seq LIMIT ?`
const DELETE = 'DELETE FROM message WHERE seq IN (SELECT value FROM json_each(?))'
const POSTPONE = `UPDATE message SET tries = j.value ->> 1, due = j.value ->> 2
  FROM json_each(?) AS j WHERE seq = j.value ->> 0`
const KEEP =
  'INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value'

/**
 * Messages in SQLite. What is published is written at once; what was confirmed or put off is written a little
 * later in one go: a crash in between lets a message come once more, which "at least once" allows.
 */
export class TmcStore {
  readonly #sql: SqlStorage
  #confirmed: number[] = []
  #postponed = new Map<number, StoredMessage>()
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Called before each deferred write, so that others can add theirs. */
  beforeFlush: () => void = () => {}

  constructor(state: ObjectState) {
    this.#sql = state.storage.sql
    this.#sql.exec(TABLES)
  }

  insert(group: string, m: MessageFields, born: number): number {
    const row = this.#sql.exec<{ seq: number }>(
      INSERT,
      group,
      m.topic,
      m.content,
      m.publisher,
      m.nick,
      m.userId,
      m.dataId,
      born,
    )
    return row.one().seq
  }

  /** The messages of a group after the one given, in order. */
  load(group: string, after: number, limit: number): StoredMessage[] {
    return this.#sql.exec<StoredMessage>(LOAD, group, after, limit).toArray()
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

  postpone(message: StoredMessage): void {
    this.#postponed.set(message.seq, message)
    this.touch()
  }

  touch(): void {
    this.#timer ??= setTimeout(() => this.flush(), 50)
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.beforeFlush()
    if (this.#confirmed.length > 0) this.#sql.exec(DELETE, JSON.stringify(this.#confirmed))
    if (this.#postponed.size > 0) {
      const rows = Array.from(this.#postponed.values(), ({ seq, tries, due }) => [seq, tries, due])
      this.#sql.exec(POSTPONE, JSON.stringify(rows))
    }
    this.#confirmed = []
    this.#postponed.clear()
  }

  read<T>(key: string): T | undefined {
    const rows = this.#sql.exec<{ value: string }>('SELECT value FROM state WHERE key = ?', key).toArray()
    return rows[0] === undefined ? undefined : (JSON.parse(rows[0].value) as T)
  }

  write(key: string, value: unknown): void {
    this.#sql.exec(KEEP, key, JSON.stringify(value))
  }

  /** Forgets everything; sequence numbers, and with them ids, go on. */
  clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#confirmed = []
    this.#postponed.clear()
    this.#sql.exec('DELETE FROM message')
    this.#sql.exec('DELETE FROM state')
  }
}
