import { type Connection, createConnection } from '../core/connection.ts'
import { IsomqError } from '../core/errors.ts'
import { createLife, type Life } from '../core/life.ts'
import { createLine, PATIENCE } from '../core/line.ts'
import type { Session } from '../core/session.ts'
import type { Frame } from '../core/socket.ts'
import { quiet } from '../core/wait.ts'
import { createAnswers } from './answers.ts'
import { checkVersion, createCalls } from './calls.ts'
import { checkPrefix, readOptions, type WampSessionOptions } from './options.ts'
import { createTopic, type Topic, type TopicOwner } from './topic.ts'
import type { WampEvents, WampPermissions, WampSession } from './types.ts'
import { createWamp1 } from './wamp1.ts'
import { createWamp2 } from './wamp2.ts'
import { checkProtocol, PROBES, PROTOCOLS, readMessage, type Speaker, type Wire } from './wire.ts'
import { filled, provider, wrong } from './wrong.ts'

/**
 * A session with a WAMP server. It makes no connection until it is used.
 *
 * @throws IsomqError `CONFIG` when an option is wrong; the text names it
 */
export function createWampSession(options: WampSessionOptions): WampSession {
  const settings = readOptions(options)
  const { clock, version } = settings
  const counters = { received: 0, dropped: 0, malformed: 0, reconnects: 0 }
  const prefixes = new Map(Object.entries(settings.prefixes))
  /** By match and topic. */
  const topics = new Map<string, Topic>()
  /** By what the present session's events name them. */
  const routes = new Map<string | number, Topic>()
  const answers = createAnswers(clock)
  let wire: Wire
  let sessionId: string | number | undefined
  let permissions: WampPermissions | undefined
  let lostAt: number | undefined

  const life: Life<WampEvents> = createLife({
    ...settings,
    provider,
    drop(error, told) {
      for (const topic of topics.values()) topic.end(error, told)
    },
    async stop(error) {
      const { session } = connection
      try {
        if (session && error.code === 'CLOSED') wire.goodbye?.(session)
      } catch {
        // A line that is gone needs no goodbye.
      }
      await connection.stop(error)
    },
  })

  const connection: Connection = createConnection({
    ...settings,
    provider,
    gaveUp(error) {
      life.gaveUp(error)
      connection.stop(error)
    },
    changed(change) {
      if (change.from === 'reconnecting' && change.to === 'open') counters.reconnects++
      life.changed(change)
    },
    status: life.status,
    dial(signal) {
      wire = (version === 1 ? createWamp1 : createWamp2)(speaker, signal)
      // The other version is offered only to learn that it is what the server speaks.
      return { url: settings.url, protocols: [PROTOCOLS[version], PROTOCOLS[version === 1 ? 2 : 1]] }
    },
    opened(session) {
      checkProtocol(session.protocol, version)
      wire.opened?.(session)
    },
    received,
    // Whatever it answers is a sign of life, also that there is no such procedure.
    probe: (session) =>
      void quiet(wire.call(session, PROBES[version], { args: '', kwargs: '' }, { timeout: PATIENCE })),
    ready(session) {
      for (const topic of topics.values()) topic.restore(session)
      // What was just sent may have ended it, which nobody tells then.
      if (session.error) return lost(session.error)
      const isMissed = lostAt !== undefined && [...topics.values()].some(({ wanted }) => wanted)
      const duration = Math.max(0, clock.now() - (lostAt ?? 0))
      if (isMissed) life.status({ type: 'gap', session: session.id, duration })
      lostAt = undefined
    },
    lost: (_, error) => lost(error),
  })

  function leave(error: IsomqError): void {
    connection.renew(error, false)
  }

  function lost(cause: IsomqError): void {
    sessionId = permissions = undefined
    lostAt ??= clock.now()
    const text = 'the connection was lost before the answer; it may have happened'
    answers.rejectAll(new IsomqError(provider, 'CONNECTION_LOST', text, { cause }))
    for (const topic of topics.values()) topic.lost()
  }

  function received(session: Session, raw: Frame): void {
    try {
      const message = readMessage(raw)
      life.trace('received', () => ({ type: message[0] }))
      wire.received(session, message)
    } catch (error) {
      // What is wrong in the handshake ends the session.
      if (!session.ready || (error as IsomqError).code !== 'PROTOCOL') throw error
      counters.malformed++
      life.status({ type: 'malformed', error: error as IsomqError, bytes: raw.length })
    }
  }

  function resolve(uri: string): string {
    const at = uri.indexOf(':')
    const known = at > 0 ? prefixes.get(uri.slice(0, at)) : undefined
    return known === undefined ? uri : known + uri.slice(at + 1)
  }

  const speaker: Speaker = {
    settings,
    answers,
    send(session, type, rest) {
      session.send(`[${type},${rest}]`)
      life.trace('sent', () => ({ type }))
    },
    resolve,
    prefixes: () => prefixes,
    welcome(session, id, allowed) {
      sessionId = id
      permissions = allowed
      session.accept()
    },
    event(key, { topic: named, event, args, kwargs = {}, publication, publisher }) {
      counters.received++
      const topic = routes.get(key)
      if (!topic) return
      // One by one: to spread objects takes longer than all the rest.
      const [uri, receivedAt] = [named ?? topic.topic, clock.now()]
      topic.received({ topic: uri, event, args, kwargs, publication, publisher, receivedAt })
    },
    leave,
  }

  const line = createLine(provider, clock, life, connection)

  const calls = createCalls({ settings, line, wire: () => wire, resolve })

  const owner: TopicOwner = {
    line,
    life,
    answerTimeout: settings.answerTimeout,
    topics,
    routes,
    wire: () => wire,
    leave,
    dropped() {
      counters.dropped++
    },
  }

  return {
    version,
    get state() {
      return connection.state
    },
    get sessionId() {
      return sessionId
    },
    get permissions() {
      return permissions
    },
    connect: line.connect,
    close: life.close,
    [Symbol.asyncDispose]: () => life.close(),
    on: life.on,
    async subscribe(given, { match = 'exact', signal, timeout = PATIENCE } = {}) {
      if (!/^(exact|prefix|wildcard)$/.test(match)) throw wrong('"match" must be exact, prefix or wildcard')
      checkVersion(version, { match: match !== 'exact' })
      const uri = resolve(filled('topic', given))
      const name = `${match} ${uri}`
      const topic = topics.get(name) ?? createTopic(owner, name, uri, match)
      return topic.subscribe({ signal, timeout })
    },
    publish: calls.publish,
    call: calls.call,
    prefix(name, uri) {
      checkPrefix(name, uri)
      prefixes.set(name, uri)
      const { session } = connection
      try {
        if (session) wire.prefix?.(session, name, uri)
      } catch {
        // A line that is gone: the next session declares it.
      }
    },
    stats: () => ({
      ...counters,
      subscriptions: [...topics.values()].filter(({ granted }) => granted).length,
      lastRoundTrip: calls.lastRoundTrip,
    }),
  }
}
