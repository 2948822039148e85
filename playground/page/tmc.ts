import { createApi, type RoomStats } from './api.ts'
import { createPageClient } from './client.ts'
import { createControls, isOff } from './controls.ts'
import { createCounts } from './counts.ts'
import { duration, part, plural, setText, textOf, throttled } from './dom.ts'
import type { Who } from './life.ts'
import { createLog } from './log.ts'
import type { Problems } from './problems.ts'
import type { LiveEvent } from './server.ts'
import { createTimeline } from './timeline.ts'
import { createWorkerClient } from './worker-client.ts'

/** The longest redelivery that one would want to watch, in milliseconds. */
const PATIENCE = 10_000
const QUICK = { redeliverAfter: 3000, confirmTimeout: 20_000 }

/** The section about Taobao's message channel. */
export function startTmc(section: HTMLElement, room: string, problems: Problems): void {
  const { problem, outage, solved } = problems
  const api = createApi(room)
  const log = createLog(part(section, 'log'))
  const lives = createTimeline(part(section, 'lives'), part(section, 'lives-empty'))
  const counts = createCounts(section)
  const { say, run, click, checked, submit, armed, showClient } = createControls(section, problems)
  const mySdk = `isomq-page-${crypto.randomUUID().slice(0, 8)}`
  const peers = new Map<number, Who>()
  /** By how much the server's clock is ahead of this one, at least. */
  let ahead: number | undefined
  let refusals = 0

  const page = createPageClient({
    url: api.url,
    sdk: mySdk,
    log,
    changed: () => show(),
    reconnected: counts.reconnected,
    ended: (why) => problem(`The page client has ended. ${why} Start it again when you like.`),
    handled: ({ id }) => lives.handled(id, Date.now() + (ahead ?? 0), 'page'),
  })
  const worker = createWorkerClient(api, {
    log,
    changed: () => show(),
    reconnected: counts.reconnected,
    ended: (why) => problem(`The Worker client has ended. ${why} Start it again when you like.`),
    queued: (id, at) => lives.handled(id, at, 'worker'),
    live: (isLive) => isLive || log('worker', 'its events cannot be seen; trying again', 'error'),
  })
  const clients = { page: page.running, worker }

  /** What is sent before could not be seen. */
  const watching = new Promise<void>((resolve) => {
    api.watchRoom(taken, (isLive) => {
      if (!isLive) return outage('The live view has lost its connection to the server; trying again.')
      resolve()
      refresh()
    })
  })

  const refresh = throttled(200, async () => {
    try {
      const [stats] = await Promise.all([api.stats(), worker.refresh()])
      for (const { connection, sdk } of stats.peers) peers.set(connection, whose(sdk))
      counts.show(figures(stats))
      told(stats)
      show()
      solved()
    } catch (thrown) {
      outage(textOf(thrown))
    }
  })

  function whose(sdk: string): Who {
    if (sdk === mySdk) return 'page'
    return sdk === 'isomq' || sdk === 'worker' ? 'worker' : 'other'
  }

  function figures(stats: RoomStats) {
    const { published, delivered, confirmed, failed, redelivered } = stats
    const { lastRoundTrip } = page.running.client.stats()
    const waiting = stats.waiting + stats.unconfirmed
    return {
      published,
      delivered,
      confirmed,
      failed,
      redelivered,
      waiting,
      lost: published - confirmed - waiting,
      'round-trip': lastRoundTrip === undefined ? '–' : duration(lastRoundTrip),
    }
  }

  function told({ settings }: RoomStats): void {
    setText(part(section, 'redeliver-after'), `after ${duration(settings.redeliverAfter)}`)
    // The room belongs to this page, save that of the default name, in which others may test.
    if (settings.redeliverAfter <= PATIENCE || room === 'default') return
    run(() => api.control('settings', QUICK).then(refresh))
  }

  function show(): void {
    const sums = { page: page.running.client.stats(), worker: worker.sums }
    for (const name of ['page', 'worker'] as const) {
      const { received, acked, nacked } = sums[name]
      showClient(name, clients[name], `${received} received · ${acked} confirmed · ${nacked} failed`)
    }
    armed('refuse', refusals)
  }

  function taken(event: LiveEvent): void {
    ahead = Math.max(ahead ?? Number.NEGATIVE_INFINITY, event.at - Date.now())
    const { type, at } = event
    const id = String(event.id)
    const connection = Number(event.connection)
    const who = peers.get(connection) ?? 'other'
    switch (type) {
      case 'signedIn':
        peers.set(connection, whose(String(event.sdk)))
        break
      case 'refused':
        refusals = Math.max(0, refusals - 1)
        log('server', `refused a sign-in: ${event.phrase} (${event.code})`, 'error')
        break
      case 'dropped':
        lives.drop(connection, at, who)
        peers.delete(connection)
        break
      case 'produced':
        lives.step(id, { type, at }, { topic: String(event.topic) })
        break
      case 'delivered':
      case 'redelivered': {
        const again = type === 'redelivered'
        const facts = { topic: String(event.topic), holder: connection }
        lives.step(id, { type: 'delivered', at, who, again }, facts)
        break
      }
      case 'failed':
      case 'confirmed':
        lives.step(id, { type, at, who })
        break
      case 'reset':
        lives.clear()
        break
    }
    refresh()
  }

  async function produce(count: number): Promise<void> {
    await watching
    const topic = part<HTMLInputElement>(section, 'topic').value
    const content = part<HTMLTextAreaElement>(section, 'content').value
    if (part<HTMLSelectElement>(section, 'via').value === 'server') {
      await api.control('produce', { count, topic, content })
      return say(`The server has published ${plural(count, 'message')}.`)
    }
    const errors = await page.produce(count, topic, content)
    say(`The page’s client has produced ${plural(count - errors.length, 'message')}.`)
    if (errors.length > 0) {
      problem(`${errors.length} of ${count} produce() calls failed. The first: ${errors[0]!.message}`)
    }
    refresh()
  }

  async function toggle(name: 'page' | 'worker'): Promise<void> {
    const client = clients[name]
    await (isOff(client) ? client.start() : client.stop())
    refresh()
  }

  async function breakLines(name: Who): Promise<number> {
    const { peers } = await api.stats()
    const drops = peers
      .filter(({ sdk }) => whose(sdk) === name)
      .map(({ connection }) => api.control<{ dropped: number }>('drop', { connection, abrupt: true }))
    return (await Promise.all(drops)).reduce((sum, { dropped }) => sum + dropped, 0)
  }

  /** Counted before it is armed: a client may run into it at once. */
  async function refuse(): Promise<void> {
    refusals++
    try {
      await api.control('refuse', { count: 1 })
    } catch (thrown) {
      refusals--
      throw thrown
    }
    show()
    say('The next sign-in will be refused: start a client, or break its connection.')
  }

  async function reset(): Promise<void> {
    await Promise.all([page.running.reset(), worker.reset()])
    await api.control('reset')
    refusals = 0
    lives.clear()
    log.clear()
    counts.clear()
    say('Everything is as at the start.')
    refresh()
  }

  for (const name of ['page', 'worker'] as const) {
    const called = name === 'page' ? 'The page’s' : 'The Worker’s'
    click(`${name}-toggle`, () => toggle(name))
    click(`${name}-break`, async () => {
      const broken = await breakLines(name)
      say(broken > 0 ? `${called} connection was broken.` : `${called} client has no connection to break.`)
    })
    click(`${name}-fail`, async () => {
      await clients[name].failNext()
      say(`${called} handler will fail with its next message.`)
    })
  }
  click('refuse', refuse)
  click('reset', reset)
  checked('page-slow', (on) => {
    page.running.slow = on
  })
  checked('only-again', (on) => part(section, 'lives').toggleAttribute('data-only-again', on))
  submit('produce', (count) => produce(Number(count || 1)))
}
