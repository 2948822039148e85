import { createControls } from './controls.ts'
import { createCounts } from './counts.ts'
import { part, textOf, throttled } from './dom.ts'
import { createLog } from './log.ts'
import type { Problems } from './problems.ts'
import type { LiveEvent } from './server.ts'
import { createTamarApi, type TamarStats } from './tamar-api.ts'
import { createRows, SHOWN_ROWS } from './tamar-rows.ts'
import { createSending } from './tamar-send.ts'
import { createTamarUser, type TamarUser } from './tamar-user.ts'
import { NAMES, type UserName } from './twins.ts'

const EXCHANGE = 'ws.message.direct.exchange'

/** The section about Tamar. */
export function startTamar(section: HTMLElement, room: string, problems: Problems): void {
  const { outage, solved } = problems
  const api = createTamarApi(room)
  const controls = createControls(section, problems)
  const counts = createCounts(section)
  const log = createLog(part(section, 'log'))

  const refresh = throttled(200, async () => {
    try {
      const askedAt = performance.now()
      const [stats, list, sender] = await Promise.all([api.stats(), api.rows(SHOWN_ROWS), api.senderStats()])
      told(stats, askedAt)
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

  const rows = createRows(section, api, controls, refresh)
  const sending = createSending({ section, api, controls, problems, log, watching, refresh })
  const user = (who: UserName) => createTamarUser(who, { section, api, controls, log, watching, refresh })
  const users: Readonly<Record<UserName, TamarUser>> = { alice: user('alice'), bob: user('bob') }
  const showExchange = controls.kept('exchange', async (isLost) => {
    await api.control(isLost ? 'loseExchange' : 'restoreExchange')
    refresh()
  })

  function told(stats: TamarStats, askedAt: number): void {
    const { published, realtimeDelivered, inserted, deliveries, redeliveries, acks, timedOut, statuses } =
      stats
    const { PENDING = 0, DELIVERING = 0, REQUEST_DELIVERED = 0, FINISHED = 0, TIMED_OUT = 0 } = statuses
    const waiting = PENDING + DELIVERING + REQUEST_DELIVERED
    counts.show({
      realtime: published,
      gone: published - realtimeDelivered,
      rows: inserted,
      delivered: deliveries,
      redelivered: redeliveries,
      acked: acks,
      waiting,
      'timed-out': timedOut,
      lost: inserted - FINISHED - TIMED_OUT - waiting,
    })
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
    controls.say('Everything is as at the start.')
    refresh()
  }

  controls.click('enter', async () => {
    await Promise.all(Object.values(users).map((one) => one.enter()))
  })
  controls.click('reset', reset)
}
