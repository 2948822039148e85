import { REAL } from '../emulators/tamar-real-settings.ts'
import { createControls } from './controls.ts'
import { createCounts } from './counts.ts'
import { part, textOf, throttled } from './dom.ts'
import { createLog } from './log.ts'
import type { Problems } from './problems.ts'
import type { LiveEvent } from './server.ts'
import { createTamarApi, type TamarApi, type TamarStats } from './tamar-api.ts'
import { figuresOf, realFiguresOf } from './tamar-figures.ts'
import { createRows, SHOWN_ROWS } from './tamar-rows.ts'
import { createSending } from './tamar-send.ts'
import { showServers } from './tamar-servers.ts'
import { createTamarUser, type TamarUser } from './tamar-user.ts'
import { NAMES, type UserName } from './twins.ts'

const EXCHANGE = 'ws.message.direct.exchange'

const USERS = Object.keys(NAMES) as UserName[]
const LINKS: Readonly<Record<string, string>> = { realtime: 'Redis', dispatches: 'RabbitMQ' }

/** The section about Tamar. */
export function startTamar(section: HTMLElement, room: string, problems: Problems): void {
  const api = createTamarApi(room)
  const asked = api.servers().then((servers) => {
    showServers(section, servers)
    return servers
  })
  const failed = (thrown: unknown): void => problems.problem(textOf(thrown))
  if (room !== REAL) {
    asked.catch(failed)
    return run({ section, api, problems, isReal: false })
  }
  // Its servers may not be there at all, and then nothing here can do anything.
  const columns = part(section, 'columns')
  columns.inert = true
  asked.then(({ isReal, problem }) => {
    if (problem !== undefined) return
    columns.inert = false
    run({ section, api, problems, isReal })
  }, failed)
}

interface TamarPart {
  readonly section: HTMLElement
  readonly api: TamarApi
  readonly problems: Problems
  /** Whether the room works with real servers. */
  readonly isReal: boolean
}

function run({ section, api, problems, isReal }: TamarPart): void {
  const { outage, solved } = problems
  const controls = createControls(section, problems)
  const counts = createCounts(section)
  const log = createLog(part(section, 'log'))

  const refresh = throttled(200, async () => {
    try {
      const askedAt = performance.now()
      const [stats, list, sender, sums] = await Promise.all([
        api.stats(),
        // Of a real table, the rows of others are not for this page.
        isReal ? api.rows(SHOWN_ROWS, USERS) : api.rows(SHOWN_ROWS),
        api.senderStats(),
        isReal ? api.statuses(USERS) : undefined,
      ])
      if (sums !== undefined) counts.show(realFiguresOf(stats, sums.statuses))
      else told(stats, askedAt)
      rows.show(list)
      sending.told(sender)
      solved()
    } catch (thrown) {
      outage(textOf(thrown))
    }
  })

  /** What is done before could not be seen. */
  const watching = new Promise<void>((resolve) => {
    api.watchRoom(taken, (isLive) => {
      if (!isLive) return outage('The live view has lost its connection to the server; trying again.')
      resolve()
      refresh()
    })
  })

  const rows = createRows({ section, api, controls, problems, refresh, isReal })
  const sending = createSending({ section, api, controls, problems, log, watching, refresh })
  const user = (who: UserName) => createTamarUser(who, { section, api, controls, log, watching, refresh })
  const users: Readonly<Record<UserName, TamarUser>> = { alice: user('alice'), bob: user('bob') }
  const showExchange = controls.kept('exchange', async (isLost) => {
    await api.control(isLost ? 'loseExchange' : 'restoreExchange')
    refresh()
  })

  function told(stats: TamarStats, askedAt: number): void {
    counts.show(figuresOf(stats))
    showExchange(!stats.exchanges.includes(EXCHANGE), askedAt)
  }

  function taken(event: LiveEvent): void {
    const who = event.user as UserName
    const name = NAMES[who] ?? String(event.user)
    const row = `row …${String(event.id).slice(-6)}`
    switch (event.type) {
      case 'realtime':
        log('server', `realtime to ${name}: ${event.sockets === 0 ? 'nobody there, gone' : 'shown'}`)
        break
      case 'delivered':
        log('server', `pushed ${row} to ${name}`)
        break
      case 'acked':
        log('server', `${name} has acked ${row}`)
        break
      case 'responded':
        log('server', `${name} has answered ${row}`)
        break
      case 'timed-out':
        log('server', `${row} to ${name} has timed out`, 'error')
        users[who]?.timedOut(String(event.id))
        break
      case 'gateway-link': {
        const reason = event.reason === undefined ? '' : ` (${event.reason})`
        const text = `the gateway’s way to ${LINKS[String(event.link)]}: ${event.state}${reason}`
        log('server', text, reason === '' ? undefined : 'error')
        break
      }
      case 'gateway-error':
        log('server', `the gateway has failed: ${event.reason}`, 'error')
    }
    refresh()
  }

  async function reset(): Promise<void> {
    for (const one of Object.values(users)) one.reset()
    await api.stopSender()
    await api.control('reset')
    sending.clear()
    log.clear()
    controls.say(
      isReal
        ? 'Page, Worker and gateway are as at the start. The rows are where they were.'
        : 'Everything is as at the start.',
    )
    refresh()
  }

  controls.click('enter', async () => {
    await Promise.all(Object.values(users).map((one) => one.enter()))
  })
  controls.click('reset', reset)
}
