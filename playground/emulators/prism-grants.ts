import type { PrismSettings } from './prism-settings.ts'

/** A user's sign-in at one browser; what was granted by it ends with it. */
export interface Login {
  readonly user: string
  readonly browser: string
  expires: number
}

interface Grant {
  readonly client: string
  /** The session's id. */
  readonly session: string
  expires: number
}

type Kind = 'code' | 'access' | 'refresh'

/** As it is stored. */
export interface Kept {
  readonly sessions: Record<string, Login>
  readonly grants: Record<Kind, Record<string, Grant>>
}

/** The far end's answer to a code or a refresh token. */
export interface TokenAnswer {
  readonly access_token: string
  /** Unix seconds, like `refresh_expires`; a name that promises something else. */
  readonly expires_in: number
  readonly refresh_token: string
  readonly refresh_expires: number
  readonly session_id: string
  readonly data: Readonly<Record<string, unknown>>
}

/** How long something that has expired is still known as such. */
const REMEMBERED = 86_400

/** Sessions, codes and tokens of a room; times in seconds. */
export class Grants {
  readonly #sessions: Map<string, Login>
  readonly #grants: Record<Kind, Map<string, Grant>>
  readonly #room: { now(): number; readonly settings: PrismSettings; save(): void }

  constructor(room: { now(): number; readonly settings: PrismSettings; save(): void }, kept?: Kept) {
    const map = <T>(entries: Record<string, T> = {}): Map<string, T> => new Map(Object.entries(entries))
    this.#room = room
    this.#sessions = map(kept?.sessions)
    const { code, access, refresh } = kept?.grants ?? {}
    this.#grants = { code: map(code), access: map(access), refresh: map(refresh) }
  }

  keep(): Kept {
    const { code, access, refresh } = this.#grants
    const object = <T>(entries: Map<string, T>): Record<string, T> => Object.fromEntries(entries)
    return {
      sessions: object(this.#sessions),
      grants: { code: object(code), access: object(access), refresh: object(refresh) },
    }
  }

  /** The session of a browser that a user is signed in at. */
  sessionOf(browser: string): string | undefined {
    for (const [id, login] of this.#sessions) {
      if (login.browser === browser && this.#lives(login)) return id
    }
    return undefined
  }

  userOf(session: string): string | undefined {
    return this.#sessions.get(session)?.user
  }

  login(user: string, browser: string): string {
    const id = randomName(22)
    this.#sessions.set(id, { user, browser, expires: this.#at(this.#room.settings.sessionTtl) })
    this.#save()
    return id
  }

  /** Ends what a browser was signed in to, and the tokens with it. */
  logout(browser: string): void {
    for (const [id, login] of this.#sessions) {
      if (login.browser !== browser) continue
      this.#sessions.delete(id)
      for (const grants of Object.values(this.#grants)) {
        for (const [name, { session }] of grants) if (session === id) grants.delete(name)
      }
    }
    this.#save()
  }

  /** Whether the session lives, which prolongs it. */
  check(session: string): boolean {
    const login = this.#sessions.get(session)
    if (login === undefined || !this.#lives(login)) return false
    this.#prolong(session)
    this.#save()
    return true
  }

  code(client: string, session: string): string {
    return this.#grant('code', 24, { client, session, expires: this.#at(this.#room.settings.codeTtl) })
  }

  /** Tokens for a code or a refresh token, each good for one time; otherwise why there are none. */
  exchange(kind: 'code' | 'refresh', client: string, name: string): TokenAnswer | string {
    const what = kind === 'code' ? 'code' : 'refresh token'
    const grant = this.#grants[kind].get(name)
    if (grant === undefined || grant.client !== client) return `this ${what} is unknown or was used already`
    this.#grants[kind].delete(name)
    if (!this.#lives(grant)) return `this ${what} has expired`
    for (const [token, old] of this.#grants.access) {
      const replaced = old.session === grant.session && old.client === client
      if (kind === 'refresh' && replaced) this.#grants.access.delete(token)
    }
    return this.#tokens(client, grant.session)
  }

  #tokens(client: string, session: string): TokenAnswer {
    const { accessTtl, refreshTtl } = this.#room.settings
    const [expires, refreshExpires] = [this.#at(accessTtl), this.#at(refreshTtl)]
    this.#prolong(session)
    return {
      access_token: this.#grant('access', 24, { client, session, expires }),
      expires_in: expires,
      refresh_token: this.#grant('refresh', 32, { client, session, expires: refreshExpires }),
      refresh_expires: refreshExpires,
      session_id: session,
      data: this.data(session),
    }
  }

  /** The user's fields. */
  data(session: string): Readonly<Record<string, unknown>> {
    const user = this.userOf(session)
    return { '@id': user, id: 1, name: user }
  }

  /** The session of an access token; otherwise why it is not good. */
  verify(token: string): { readonly session: string } | { readonly refused: 'unknown' | 'expired' } {
    const grant = this.#grants.access.get(token)
    if (grant === undefined) return { refused: 'unknown' }
    return this.#lives(grant) ? { session: grant.session } : { refused: 'expired' }
  }

  /** Ends the time of what is given, of all of them; gives how many there are. */
  expire(what: Kind | 'session'): number {
    const things: Map<string, { expires: number }> = what === 'session' ? this.#sessions : this.#grants[what]
    for (const thing of things.values()) thing.expires = Math.min(thing.expires, this.#at(0))
    this.#save()
    return things.size
  }

  #grant(kind: Kind, length: number, grant: Grant): string {
    const name = randomName(length)
    this.#grants[kind].set(name, grant)
    this.#save()
    return name
  }

  #prolong(session: string): void {
    const login = this.#sessions.get(session)
    if (login !== undefined) login.expires = this.#at(this.#room.settings.sessionTtl)
  }

  #at(seconds: number): number {
    return Math.floor(this.#room.now() / 1000) + seconds
  }

  #lives({ expires }: { readonly expires: number }): boolean {
    return expires * 1000 > this.#room.now()
  }

  #save(): void {
    const old = this.#at(-REMEMBERED)
    for (const grants of Object.values(this.#grants)) {
      for (const [name, { expires }] of grants) if (expires < old) grants.delete(name)
    }
    const used = new Set(
      Object.values(this.#grants).flatMap((grants) => Array.from(grants.values(), ({ session }) => session)),
    )
    for (const [id, { expires }] of this.#sessions) {
      if (expires < old && !used.has(id)) this.#sessions.delete(id)
    }
    this.#room.save()
  }
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567'

/** A name that cannot be guessed, in letters such as the service uses. */
export function randomName(length: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => LETTERS[byte % 32]).join('')
}
