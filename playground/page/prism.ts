import { createControls } from './controls.ts'
import { createCounts } from './counts.ts'
import { part, textOf, throttled } from './dom.ts'
import { createLog } from './log.ts'
import { createPrismApi, type PrismStats } from './prism-api.ts'
import { createCalling } from './prism-call.ts'
import { createNotifying } from './prism-notify.ts'
import { createUser } from './prism-user.ts'
import type { Problems } from './problems.ts'
import type { LiveEvent } from './server.ts'

/** With tags that a room gives out once, each tells which message a handler had. */
const UNIQUE = { uniqueTags: true }

/** The section about ShopEx's gateway. */
export function startPrism(section: HTMLElement, room: string, problems: Problems): void {
  const { outage, solved } = problems
  const api = createPrismApi(room)
  const controls = createControls(section, problems)
  const counts = createCounts(section)
  const log = createLog(part(section, 'log'))

  const refresh = throttled(200, async () => {
    try {
      const askedAt = performance.now()
      told(await api.stats(), askedAt)
      solved()
    } catch (thrown) {
      outage(textOf(thrown))
    }
  })

  /** The room belongs to this page, save that of the default name, in which others may test. */
  const settle = async () => room === 'default' || (await api.control('settings', UNIQUE))

  /** What is sent before could not be seen. */
  const watching = new Promise<void>((resolve) => {
    api.watchRoom(taken, (isLive) => {
      if (!isLive) return outage('The live view has lost its connection to the server; trying again.')
      controls.run(async () => {
        await settle()
        resolve()
      })
      refresh()
    })
  })

  const calling = createCalling(section, api, controls, refresh)
  const user = createUser(section, api, controls)
  const notifying = createNotifying({ section, api, controls, counts, problems, log, watching, refresh })

  function told(stats: PrismStats, askedAt: number): void {
    calling.told(stats.skew, askedAt)
    notifying.told(stats)
  }

  function taken(event: LiveEvent): void {
    switch (event.type) {
      case 'refused':
        log('server', `refused ${event.method} ${event.path}: ${event.reason} (${event.code})`, 'error')
        if (event.code === 'refused') calling.refused()
        break
      case 'malformed':
        log('server', `could not read a command: ${event.reason}`, 'error')
        break
      case 'signedIn':
        log('server', `${event.user} has logged in`)
        break
      case 'tokens':
        log('server', `gave tokens for a ${event.grant === 'code' ? 'code' : 'refresh token'}`)
        break
      case 'signedOut':
        log('server', 'a browser has logged out')
        break
    }
    notifying.taken(event)
    refresh()
  }

  controls.click('reset', async () => {
    await notifying.stop()
    await api.control('reset')
    await settle()
    await user.reset()
    calling.reset()
    notifying.clear()
    log.clear()
    counts.clear()
    controls.say('Everything is as at the start.')
    refresh()
  })
}
