import { IsomqError, type WampEvent, type WampMatch, type WampSubscription } from 'isomq/webmq'
import { type Controls, isOff } from './controls.ts'
import { duration, element, part, partName, textOf } from './dom.ts'
import type { SessionPart, Wanted } from './webmq-session.ts'

const KEPT = 100

interface Row extends Wanted {
  subscription: WampSubscription | undefined
}

/** The part of the section that subscribes, and shows what arrives. */
export function createTopics(
  section: HTMLElement,
  controls: Controls,
  holder: () => SessionPart,
  changed: () => void,
) {
  const { run, say, submit } = controls
  const rows: Row[] = []
  const events = part(section, 'events')
  const topic = part<HTMLInputElement>(section, 'topic')
  const match = part<HTMLSelectElement>(section, 'match')
  const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
  let received = 0
  let gaps = 0

  function show(): void {
    const { session } = holder()
    for (const option of match.options) option.disabled = session.version === 1 && option.value !== 'exact'
    if (match.selectedOptions[0]?.disabled) match.value = 'exact'
    const items = rows.map((row) => {
      const item = element('li')
      item.dataset.testid = partName(section, 'subscription')
      const name = element('span', 'subject')
      name.append(element('code', '', row.topic))
      if (row.match !== 'exact') name.append(` (${row.match})`)
      const button = element('button', '', 'Unsubscribe') as HTMLButtonElement
      button.type = 'button'
      button.append(element('span', 'quiet', ` from ${row.topic}`))
      button.addEventListener('click', () => run(() => unsubscribe(row)))
      item.append(name, button)
      return item
    })
    part(section, 'subscriptions').replaceChildren(...items)
  }

  const drop = (row: Row): void => {
    const at = rows.indexOf(row)
    if (at >= 0) rows.splice(at, 1)
    show()
  }

  async function ask(row: Row): Promise<void> {
    const { session } = holder()
    try {
      const subscription = await session.subscribe(row.topic, { match: row.match })
      row.subscription = subscription
      subscription.on('event', (event) => arrived(event, row))
    } catch (thrown) {
      // It may be wanted by the next session.
      if (thrown instanceof IsomqError && /^(PROVIDER|CONFIG)$/.test(thrown.code)) drop(row)
      throw thrown
    }
  }

  async function subscribe(): Promise<void> {
    const wanted = { topic: topic.value.trim(), match: match.value as WampMatch }
    if (rows.some((row) => row.topic === wanted.topic && row.match === wanted.match)) {
      return say(`${wanted.topic} is subscribed to already.`)
    }
    const row: Row = { ...wanted, subscription: undefined }
    rows.push(row)
    show()
    const part = holder()
    if (isOff(part.session)) await part.open()
    else await ask(row)
    if (row.subscription !== undefined) {
      const how = part.session.version === 1 ? 'sent; version 1 does not answer it' : 'confirmed'
      say(`Subscribed to ${wanted.topic}: ${how}.`)
    }
    changed()
  }

  async function unsubscribe(row: Row): Promise<void> {
    drop(row)
    // Its button is gone, and with it the place of the keyboard.
    topic.focus()
    await row.subscription?.unsubscribe()
    say(`Unsubscribed from ${row.topic}.`)
    changed()
  }

  function arrived({ topic, args, kwargs, publication, receivedAt }: WampEvent, { match }: Row): void {
    received++
    const more = [
      match === 'exact' ? '' : `by the ${match} match`,
      publication === undefined ? '' : `publication ${publication}`,
    ]
    const values = args.map((value) => JSON.stringify(value)).join(', ')
    const named = Object.keys(kwargs).length > 0 ? ` ${JSON.stringify(kwargs)}` : ''
    add('event', `${time.format(receivedAt)} · ${topic}`, values + named, more)
    changed()
  }

  function add(name: string, head: string, body: string, more: readonly string[] = []): void {
    const item = element('li', name)
    item.dataset.testid = partName(section, name)
    item.append(element('p', 'subject', head), element('code', '', body))
    const facts = more.filter((text) => text !== '').join(' · ')
    if (facts !== '') item.append(element('p', 'about', facts))
    events.prepend(item)
    while (events.childElementCount > KEPT) events.lastElementChild!.remove()
    part(section, 'events-empty').hidden = true
  }

  submit('subscribe', subscribe)

  return {
    show,
    get received() {
      return received
    },
    get gaps() {
      return gaps
    },
    gap(ms: number): void {
      gaps++
      const text = 'the session was away; what was published meanwhile is gone'
      add('gap', `${time.format(Date.now())} · gap of ${duration(ms)}`, text)
    },
    /** The server did not restore it. */
    refused(topic: string): void {
      for (const row of rows.filter((row) => row.topic === topic)) drop(row)
    },
    /** The session is another one. */
    replaced(): void {
      const { version } = holder().session
      for (const row of [...rows]) {
        row.subscription = undefined
        if (version === 1 && row.match !== 'exact') drop(row)
      }
      show()
    },
    /** Asks a new session for what the last one had. */
    async opened(): Promise<void> {
      const asked = rows.filter(({ subscription }) => subscription === undefined)
      for (const result of await Promise.allSettled(asked.map(ask))) {
        if (result.status === 'rejected') throw new Error(textOf(result.reason))
      }
    },
    clear(): void {
      rows.length = 0
      received = gaps = 0
      events.replaceChildren()
      part(section, 'events-empty').hidden = false
      show()
    },
  }
}
export type Topics = ReturnType<typeof createTopics>
