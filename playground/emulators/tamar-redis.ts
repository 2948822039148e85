import type { ObjectState, SqlStorage } from '../cloudflare.ts'
import { globMatches } from './tamar-glob.ts'

/** What a command answers. */
export type Reply = string | number | bigint | null

/** An error as Redis words it. */
export class RedisError extends Error {}

/** One that listens to a channel or to a pattern of them. */
export interface Listener {
  readonly name: string
  readonly isPattern: boolean
  hear(channel: string, message: string): void
}

type Texts = readonly string[]

/** How many arguments each command takes, itself included; below 0 at least so many. */
const ARITY: Readonly<Record<string, number>> = {
  PING: -1,
  PUBLISH: 3,
  INCR: 2,
  GET: 2,
  SET: -3,
  DEL: -2,
}

const TABLE = 'CREATE TABLE IF NOT EXISTS redis (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires INTEGER)'
const PUT =
  'INSERT INTO redis VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires'
const MAX = 2n ** 63n - 1n

/** As much of Redis as Tamar needs: texts by key, which are kept, and channels. */
export class Redis {
  readonly listeners = new Set<Listener>()
  readonly #sql: SqlStorage
  readonly #now: () => number

  constructor(state: ObjectState, now: () => number) {
    this.#sql = state.storage.sql
    this.#now = now
    this.#sql.exec(TABLE)
  }

  clear(): void {
    this.#sql.exec('DELETE FROM redis')
  }

  /** Whether there is such a command that takes so many arguments; throws what Redis says when there is none. */
  check([name = '', ...args]: Texts): void {
    const arity = Object.hasOwn(ARITY, name.toUpperCase()) ? ARITY[name.toUpperCase()]! : 0
    if (arity === 0) {
      const begin = args.slice(0, 20).map((arg) => `'${arg.slice(0, 128)}' `)
      throw new RedisError(
        `ERR unknown command '${name.slice(0, 128)}', with args beginning with: ${begin.join('')}`,
      )
    }
    const count = args.length + 1
    if (arity > 0 ? count !== arity : count < -arity) {
      throw new RedisError(`ERR wrong number of arguments for '${name.toLowerCase()}' command`)
    }
  }

  run(command: Texts): Reply {
    this.check(command)
    const [name, first = '', second = '', ...rest] = command
    switch (name!.toUpperCase()) {
      case 'PING':
        if (command.length > 2) throw new RedisError("ERR wrong number of arguments for 'ping' command")
        return command.length === 1 ? 'PONG' : first
      case 'PUBLISH':
        return this.#publish(first, second)
      case 'INCR':
        return this.#increase(first)
      case 'GET':
        return this.#get(first)?.value ?? null
      case 'SET':
        return this.#set(first, second, rest)
    }
    return this.#delete(command.slice(1))
  }

  #publish(channel: string, message: string): number {
    let count = 0
    for (const listener of [...this.listeners]) {
      const { isPattern, name } = listener
      if (isPattern ? !globMatches(name, channel) : name !== channel) continue
      count++
      listener.hear(channel, message)
    }
    return count
  }

  #increase(key: string): bigint {
    const { value = '0', expires = null } = this.#get(key) ?? {}
    const current = /^(0|-?[1-9]\d{0,18})$/.test(value) ? BigInt(value) : MAX + 1n
    if (current > MAX || current < -MAX - 1n) {
      throw new RedisError('ERR value is not an integer or out of range')
    }
    if (current === MAX) throw new RedisError('ERR increment or decrement would overflow')
    this.#sql.exec(PUT, key, String(current + 1n), expires)
    return current + 1n
  }

  #get(key: string): { value: string; expires: number | null } | undefined {
    type Row = { value: string; expires: number | null }
    const row = this.#sql.exec<Row>('SELECT value, expires FROM redis WHERE key = ?', key).toArray()[0]
    return row?.expires != null && row.expires <= this.#now() ? undefined : row
  }

  #set(key: string, value: string, options: Texts): Reply {
    let [expires, only]: [number | null, string] = [null, '']
    for (let i = 0; i < options.length; i++) {
      const option = options[i]!.toUpperCase()
      if (/^[EP]X$/.test(option) && expires === null && i + 1 < options.length) {
        expires = this.#now() + lifetime(options[++i]!, option === 'EX' ? 1000 : 1)
      } else if (/^[NX]X$/.test(option) && only === '') only = option
      else throw new RedisError('ERR syntax error')
    }
    if (only !== '' && (this.#get(key) !== undefined) !== (only === 'XX')) return null
    this.#sql.exec(PUT, key, value, expires)
    return 'OK'
  }

  #delete(keys: Texts): number {
    const there = keys.filter((key, i) => keys.indexOf(key) === i && this.#get(key) !== undefined)
    for (const key of keys) this.#sql.exec('DELETE FROM redis WHERE key = ?', key)
    return there.length
  }
}

function lifetime(text: string, unit: number): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new RedisError('ERR value is not an integer or out of range')
  if (Number(text) <= 0) throw new RedisError("ERR invalid expire time in 'set' command")
  return Number(text) * unit
}
