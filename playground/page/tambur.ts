import { createControls } from './controls.ts'
import { createCounts } from './counts.ts'
import { duration, part, plural, setText, textOf, throttled } from './dom.ts'
import { createLog } from './log.ts'
import type { Problems } from './problems.ts'
import type { LiveEvent } from './server.ts'
import { createTamburApi, type TamburStats } from './tambur-api.ts'
import { createTamburUser, type TamburUser } from './tambur-user.ts'
import { NAMES, type UserName } from './twins.ts'

/** With a wire, connections break as networks do. */
const WIRED = { wired: true }
const REFUSED = 'refused on request'
const AHEAD = 600

/** The section about Tambur.io's streams. */
export function startTambur(section: HTMLElement, room: string, problems: Problems): void {
  const { outage, problem, solved } = problems
  const api = createTamburApi(room)
  const controls = createControls(section, problems)
  const counts = createCounts(section)
  const log = createLog(part(section, 'log'))
  let gaps = 0
  let missed = 0
  let refusals = 0
  let number = 0

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
  const settle = async () => room === 'default' || (await api.control('settings', WIRED))

  /** What is done before could not be seen, nor would it go over a wire. */
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

  const user = (who: UserName) =>
    createTamburUser(who, {
      section,
      api,
      controls,
      problems,
      log,
      watching,
      refresh,
      reconnected: counts.reconnected,
      gap(ms) {
        gaps++
        missed += ms
        refresh()
      },
    })
  const showSkew = controls.kept('skew', async (on) => {
    await api.control('skew', { seconds: on ? AHEAD : 0 })
    refresh()
  })
  const users: Readonly<Record<UserName, TamburUser>> = { alice: user('alice'), bob: user('bob') }
  const both = Object.values(users)

  function told(stats: TamburStats, askedAt: number): void {
    const { published, directs, delivered, directsDelivered, refusedCommands, skew } = stats
    counts.show({
      published,
      direct: directs,
      delivered: delivered + directsDelivered,
      received: both.reduce((sum, { received }) => sum + received, 0),
      refused: refusedCommands,
      gaps,
      missed: missed === 0 ? '–' : duration(missed),
    })
    showSkew(skew !== 0, askedAt)
    show()
  }

  function show(): void {
    for (const one of both) one.show()
    controls.armed('refuse', refusals)
    setText(part(section, 'target'), target() ?? 'nobody: connect first')
  }

  function taken(event: LiveEvent): void {
    switch (event.type) {
      case 'published': {
        const { message, receivers } = event
        const reached = receivers === 0 ? 'nobody: gone' : plural(Number(receivers), 'subscriber')
        log('server', `message ${message} to ${targetOf(event)} reached ${reached}`)
        break
      }
      case 'command':
        log(...commandOf(event))
        if (event.response === REFUSED) refusals = Math.max(0, refusals - 1)
        break
      case 'refused':
        log('server', `refused ${event.what}: ${event.reason} (${event.code})`, 'error')
        break
      case 'malformed':
        log('server', `could not read a command: ${event.reason}`, 'error')
    }
    show()
    refresh()
  }

  function commandOf(event: LiveEvent): ['server', string, 'error'?] {
    const { command, mode, stream, response } = event
    const asked = [command, mode, stream].filter((word) => word !== undefined).join(' ')
    const text = `${nameOf(String(event.subscriber))}: ${asked} → ${response}`
    return response === 'ok' ? ['server', text] : ['server', text, 'error']
  }

  function nameOf(subscriber: string): string {
    const who = (Object.keys(users) as UserName[]).find((one) => users[one].was(subscriber))
    return who === undefined ? `subscriber ${subscriber.slice(0, 8)}` : NAMES[who]
  }

  const targetOf = ({ is, stream, subscriber }: LiveEvent): string =>
    is === 'private' ? nameOf(String(subscriber)) : is === 'auth' ? `auth:${stream}` : String(stream)

  /** Where the form publishes to; nothing for somebody who is not connected. */
  function target(): string | undefined {
    const to = part<HTMLSelectElement>(section, 'to').value
    const stream = part<HTMLInputElement>(section, 'stream').value
    if (to === 'stream') return stream
    if (to === 'auth') return `auth:${stream}`
    const id = users[to as UserName].subscriberId
    return id === undefined ? undefined : `private:${id}`
  }

  async function publish(count: number): Promise<void> {
    await watching
    const to = target()
    if (to === undefined) return problem('There is no subscriber id to publish to: connect the user first.')
    const text = part<HTMLTextAreaElement>(section, 'message').value
    const messages = Array.from({ length: count }, () => text.replaceAll('{n}', String(++number)))
    const answer = await api.publish(to, messages)
    controls.say(`The Worker has published ${plural(answer.published, 'message')} to ${to}.`)
    if (answer.problem)
      problem(`The Worker could not publish. ${answer.problem.code}: ${answer.problem.message}`)
    refresh()
  }

  async function reset(): Promise<void> {
    await Promise.all(both.map((one) => one.reset()))
    await api.control('reset')
    await settle()
    gaps = missed = refusals = number = 0
    log.clear()
    counts.clear()
    controls.say('Everything is as at the start.')
    show()
    refresh()
  }

  controls.click('enter', async () => {
    await watching
    const entered = await Promise.all(both.map((one) => one.enter()))
    const isDone = entered.every((one) => one)
    controls.say(
      isDone ? 'Alice and Bob are there, with every mode on.' : 'Not everything worked: see below.',
    )
  })
  controls.click('refuse', async () => {
    // Counted before it is armed: somebody may run into it at once.
    controls.armed('refuse', ++refusals)
    try {
      await api.control('refuseTokens', { count: 1, reason: REFUSED })
    } catch (thrown) {
      controls.armed('refuse', --refusals)
      throw thrown
    }
    controls.say('The server will refuse the next token: switch a mode on, or break a connection.')
  })
  controls.click('reset', reset)
  controls.submit('publish', (count) => publish(Number(count || 1)))
  for (const name of ['to', 'stream']) part(section, name).addEventListener('input', show)
  show()
}
