import { createControls } from './controls.ts'
import { createCounts } from './counts.ts'
import { part, textOf, throttled } from './dom.ts'
import { createLog } from './log.ts'
import type { Problems } from './problems.ts'
import type { LiveEvent } from './server.ts'
import { createWebmqApi, type WebmqStats } from './webmq-api.ts'
import { createCalls } from './webmq-call.ts'
import { createPublishing } from './webmq-publish.ts'
import { createSessionPart, type SessionPart } from './webmq-session.ts'
import { createTopics } from './webmq-topics.ts'

const AHEAD = 600_000
/** A server that speaks nothing but this lets no session in. */
const SHUT = ['nothing']
const OPEN = ['wamp', 'wamp.2.json']

/** The section about WebMQ and Crossbar.io. */
export function startWebmq(section: HTMLElement, room: string, problems: Problems): void {
  const { outage, solved } = problems
  const api = createWebmqApi(room)
  const controls = createControls(section, problems)
  const counts = createCounts(section)
  const log = createLog(part(section, 'log'))
  const box = (name: string) => part<HTMLInputElement>(section, name)
  const isWrong = () => box('wrong').checked
  let refusals = 0
  let isKnown = false

  const refresh = throttled(200, async () => {
    try {
      told(await api.stats())
      solved()
    } catch (thrown) {
      outage(textOf(thrown))
    }
  })

  const sessions: SessionPart = createSessionPart(section, api, controls, {
    log,
    isWrong,
    changed: refresh,
    reconnected: counts.reconnected,
    ended: (why) => problems.problem(`The session has ended. ${why} Connect again when you like.`),
    gap(ms) {
      topics.gap(ms)
      refresh()
    },
    refused: (topic) => topics.refused(topic),
    replaced() {
      topics.replaced()
      publishing.show()
    },
    opened: () => topics.opened(),
  })
  const topics = createTopics(section, controls, () => sessions, refresh)
  const publishing = createPublishing(section, api, controls, () => sessions, isWrong, refresh)
  const calls = createCalls(section, controls, () => sessions, refresh)
  topics.show()
  publishing.show()

  function told(stats: WebmqStats): void {
    const { requests, published, delivered, calls, callErrors } = stats
    const { received, gaps } = topics
    counts.show({ requests, published, delivered, received, calls, errors: callErrors, gaps })
    sessions.count()
    // From then on the page itself changes them.
    if (isKnown) return
    isKnown = true
    box('skew').checked = stats.skew !== 0
    box('must-sign').checked = stats.settings.requireSignature
    box('shut').checked = stats.settings.speaks.join() === SHUT.join()
  }

  function taken(event: LiveEvent): void {
    switch (event.type) {
      case 'refused':
        log('server', `refused a session: ${event.reason}`, 'error')
        if (event.reason === 'refused on request') arm(Math.max(0, refusals - 1))
        break
      case 'request':
        if (event.reason !== undefined)
          log('server', `answered ${event.status} to ${event.path}: ${event.reason}`, 'error')
        break
      case 'signedIn':
        log('server', `let in ${event.authid} (${event.method}), session ${event.session}`)
        break
      case 'subscribed':
      case 'unsubscribed':
        log('server', `${event.type} ${event.session}: ${event.topic}`)
        break
      case 'forbidden':
        log('server', `forbade a session to ${event.right} ${event.uri}`, 'error')
        break
      case 'malformed':
        log('server', `could not read a message: ${event.reason}`, 'error')
        break
    }
    refresh()
  }

  function arm(count: number): void {
    refusals = count
    controls.armed('refuse', count)
  }

  controls.click('refuse', async () => {
    // Counted before it is armed: a sign-in may run into it at once.
    arm(refusals + 1)
    try {
      await api.control('refuse', { count: 1 })
    } catch (thrown) {
      arm(refusals - 1)
      throw thrown
    }
  })
  controls.checked('skew', (on) => api.control('skew', { ms: on ? AHEAD : 0 }))
  controls.checked('must-sign', (on) => api.control('settings', { requireSignature: on }))
  controls.checked('shut', (on) => api.control('settings', { speaks: on ? SHUT : OPEN }))

  controls.click('reset', async () => {
    topics.clear()
    await sessions.reset()
    await api.control('reset')
    for (const name of ['wrong', 'skew', 'must-sign', 'shut']) box(name).checked = false
    arm(0)
    publishing.clear()
    calls.reset()
    topics.clear()
    log.clear()
    counts.clear()
    controls.say('Everything is as at the start.')
    refresh()
  })

  api.watchRoom(taken, (isLive) => {
    if (!isLive) return outage('The live view has lost its connection to the server; trying again.')
    refresh()
  })
}
