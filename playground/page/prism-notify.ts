import type { PrismMessage } from 'isomq/prism'
import { type Controls, isOff } from './controls.ts'
import type { Counts } from './counts.ts'
import { part, plural } from './dom.ts'
import type { Who } from './life.ts'
import type { Log } from './log.ts'
import type { PrismApi, PrismStats } from './prism-api.ts'
import { createNotifyClient, publishMany } from './prism-client.ts'
import { createTags } from './prism-tags.ts'
import type { Problems } from './problems.ts'
import type { LiveEvent } from './server.ts'
import { createTimeline } from './timeline.ts'

/** What the page has of its section. */
export interface NotifyPart {
  readonly section: HTMLElement
  readonly api: PrismApi
  readonly controls: Controls
  readonly counts: Counts
  readonly problems: Problems
  readonly log: Log
  /** Resolves when what happens can be seen. */
  readonly watching: Promise<unknown>
  refresh(): void
}

const CLIENTS = ['page', 'second'] as const
type Mine = (typeof CLIENTS)[number]

const CALLED = { page: 'The page’s', second: 'The second' } as const
const WORDS = { produced: 'published', failed: 'handler failed', confirmed: 'acked' }
const QUEUES = { page: '', second: 'paid' } as const

/** The part of the section that publishes and consumes. */
export function createNotifying({
  section,
  api,
  controls,
  counts,
  problems,
  log,
  watching,
  refresh,
}: NotifyPart) {
  const { say, click, checked, submit, showClient } = controls
  const lives = createTimeline(part(section, 'lives'), part(section, 'lives-empty'), WORDS)
  const tags = createTags(lives)
  const me = crypto.randomUUID().slice(0, 8)
  const names: Record<Mine, string> = { page: `page-${me}`, second: `second-${me}` }
  const peers = new Map<number, Who>()
  /** By how much the server's clock is ahead of this one, at least. */
  let ahead: number | undefined
  let doubtful = 0

  const client = (who: Mine) => {
    const ended = (type: 'handled' | 'failed') => (message: PrismMessage) =>
      tags.handled(who, message.tag, Date.now() + (ahead ?? 0), type)
    return createNotifyClient(who, {
      baseUrl: api.wireUrl,
      queue: QUEUES[who],
      peer: names[who],
      log,
      changed: () => show(),
      reconnected: counts.reconnected,
      ended: (why) =>
        problems.problem(`${CALLED[who]} client has ended. ${why} Start it again when you like.`),
      handled: ended('handled'),
      failed: ended('failed'),
      doubtful(count) {
        doubtful += count
        refresh()
      },
    })
  }
  const clients = { page: client('page'), second: client('second') }

  const whose = (name: unknown): Who => CLIENTS.find((who) => names[who] === name) ?? 'other'

  function show(): void {
    for (const who of CLIENTS) {
      const { received, acked, nacked, published } = clients[who].client.stats()
      const sent = who === 'page' ? `${published} published · ` : ''
      showClient(who, clients[who], `${sent}${received} received · ${acked} acked · ${nacked} failed`)
    }
  }

  function told(stats: PrismStats): void {
    for (const { connection, name } of stats.peers) peers.set(connection, whose(name))
    const { published, delivered, acked, redelivered } = stats
    const waiting = stats.waiting + stats.unacked
    const lost = stats.kept - acked - waiting
    counts.show({ published, delivered, acked, redelivered, waiting, doubtful, lost })
    show()
  }

  function taken(event: LiveEvent): void {
    ahead = Math.max(ahead ?? Number.NEGATIVE_INFINITY, event.at - Date.now())
    const { type, at } = event
    const id = String(event.message)
    const tag = String(event.tag)
    const connection = Number(event.connection)
    const who = peers.get(connection) ?? 'other'
    switch (type) {
      case 'connected':
        peers.set(connection, whose(event.name))
        tags.connected(whose(event.name))
        break
      case 'disconnected': {
        // What ends with a code was closed on purpose: by this page, to have messages come again, or by the server.
        const label = event.code === 'abrupt' ? undefined : 'line closed'
        lives.drop(connection, at, who, label)
        peers.delete(connection)
        break
      }
      case 'published':
        lives.step(id, { type: 'produced', at }, { topic: topic(event) })
        break
      case 'delivered':
      case 'redelivered': {
        const again = type === 'redelivered'
        lives.step(id, { type: 'delivered', at, who, again }, { topic: topic(event), holder: connection })
        tags.delivered(who, tag, id)
        break
      }
      case 'acked':
        lives.step(id, { type: 'confirmed', at, who })
        tags.acked(who, tag)
        break
      case 'reset':
        clear()
    }
  }

  function clear(): void {
    lives.clear()
    tags.clear()
  }

  async function publish(count: number): Promise<void> {
    await watching
    const key = part<HTMLInputElement>(section, 'key').value
    const body = part<HTMLTextAreaElement>(section, 'body').value
    if (part<HTMLSelectElement>(section, 'via').value === 'server') {
      await api.control('produce', { count, key, body })
      return say(`The server has published ${plural(count, 'message')}.`)
    }
    const errors = await publishMany(clients.page, count, key, body)
    say(`The page’s client has handed ${plural(count - errors.length, 'message')} to its socket.`)
    if (errors.length > 0) {
      problems.problem(
        `${errors.length} of ${count} publish() calls failed. The first: ${errors[0]!.message}`,
      )
    }
    refresh()
  }

  async function toggle(who: Mine): Promise<void> {
    const running = clients[who]
    // A queue that nobody has bound gets everything as soon as it is consumed.
    if (isOff(running) && who === 'second') await api.control('bind', { queue: QUEUES.second, key: '*.paid' })
    await (isOff(running) ? running.start() : running.stop())
    refresh()
  }

  async function breakLines(who: Mine): Promise<number> {
    const { peers } = await api.stats()
    const drops = peers
      .filter(({ name }) => whose(name) === who)
      .map(({ connection }) => api.control<{ dropped: number }>('drop', { connection, abrupt: true }))
    return (await Promise.all(drops)).reduce((sum, { dropped }) => sum + dropped, 0)
  }

  for (const who of CLIENTS) {
    const called = CALLED[who]
    click(`${who}-toggle`, () => toggle(who))
    click(`${who}-break`, async () => {
      const broken = await breakLines(who)
      say(broken > 0 ? `${called} connection was broken.` : `${called} client has no connection to break.`)
    })
    click(`${who}-fail`, async () => {
      clients[who].failNext()
      say(
        `${called} handler will fail with its next message, which comes again after 3 s on another connection.`,
      )
    })
  }
  checked('page-slow', (on) => {
    clients.page.slow = on
  })
  checked('only-again', (on) => part(section, 'lives').toggleAttribute('data-only-again', on))
  submit('publish', (count) => publish(Number(count || 1)))

  return {
    taken,
    told,
    /** Stops what runs here. */
    stop: () => Promise.all(CLIENTS.map((who) => clients[who].reset())),
    clear(): void {
      doubtful = 0
      clear()
    },
  }
}

/** The routing key, and the queue where it is not the default one. */
const topic = ({ key, queue }: LiveEvent): string => (queue === '' ? String(key) : `${key} → ${queue}`)
