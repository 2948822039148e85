import type { PrismSessionStore } from 'isomq/prism'
import type { Env, ObjectState, SqlStorage } from './cloudflare.ts'

const TABLE =
  'CREATE TABLE IF NOT EXISTS kept (id TEXT PRIMARY KEY, value TEXT NOT NULL, expires INTEGER NOT NULL)'
const KEEP = `INSERT INTO kept (id, value, expires) VALUES (?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET value = excluded.value, expires = excluded.expires`

/** The sessions of an application: an object that keeps JSON under names, each until its time. */
export class PrismSessions {
  readonly #sql: SqlStorage

  constructor(state: ObjectState) {
    this.#sql = state.storage.sql
    this.#sql.exec(TABLE)
  }

  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url)
    const id = decodeURIComponent(pathname.slice(1))
    if (request.method === 'PUT') {
      this.#sql.exec('DELETE FROM kept WHERE expires <= ?', Date.now())
      this.#sql.exec(KEEP, id, await request.text(), Number(searchParams.get('until')))
    } else if (request.method === 'DELETE') {
      this.#sql.exec('DELETE FROM kept WHERE id = ?', id)
    } else {
      const query = 'SELECT value FROM kept WHERE id = ? AND expires > ?'
      const [row] = this.#sql.exec<{ value: string }>(query, id, Date.now()).toArray()
      return new Response(row?.value ?? 'null')
    }
    return new Response(null, { status: 204 })
  }
}

/** Those of a room, as `guard()` wants a store. */
export function sessionsOf(env: Env, room: string): PrismSessionStore {
  const object = env.PRISM_SESSIONS.get(env.PRISM_SESSIONS.idFromName(room))
  const ask = (id: string, method: string, query = '', body?: string) =>
    object.fetch(`http://sessions/${encodeURIComponent(id)}${query}`, { method, ...(body && { body }) })
  return {
    get: async (id) => (await ask(id, 'GET')).json(),
    set: (id, value, expiresAt) => ask(id, 'PUT', `?until=${Math.floor(expiresAt)}`, JSON.stringify(value)),
    delete: (id) => ask(id, 'DELETE'),
  }
}
