import { expect } from 'vitest'
import type { User } from './twins.ts'
import type { Visit } from './visit.ts'

export type Kind = 'realtime' | 'reliable' | 'command'

export interface Sending {
  readonly to?: User
  readonly count?: 1 | 10
  readonly via?: 'stomp' | 'http'
  /** Seconds that a command may take. */
  readonly timeout?: number
  /** Whether the Worker waits for the answer to a command. */
  readonly wait?: boolean
}

/** Has the Worker send, and waits until it says that it has. */
export async function send(one: Visit, kind: Kind, sending: Sending = {}): Promise<void> {
  const { to = 'alice', count = 1, via = 'stomp', timeout = 60, wait = true } = sending
  await fill(one, kind, { to, via })
  if (kind === 'command') {
    await one.part('timeout').fill(String(timeout))
    await one.part('wait').setChecked(wait)
  }
  await one.part('said').evaluate((said) => said.replaceChildren())
  await one.click(`send-${count}`)
  const name = { alice: 'Alice', bob: 'Bob' }[to]
  const what = `${count} ${kind} message${count === 1 ? '' : 's'} to ${name}`
  if (kind !== 'command' || !wait) return one.says('said', `The Worker has sent ${what}.`)
  // Whoever answers without being asked may be faster.
  const said = new RegExp(`^(The Worker sends ${what}, and waits\\.|${name} answered .*|TIMEOUT: .*)$`)
  await one.part('said').filter({ hasText: said }).waitFor()
}

/** Fills in the form. */
export async function fill(
  one: Visit,
  kind: Kind,
  { to = 'alice', via = 'stomp' }: Sending = {},
): Promise<void> {
  await one.part('kind').selectOption(kind)
  await one.part('to').selectOption(to)
  await one.part('via').selectOption(via)
}

/** Brings users online, or takes them offline. */
export async function go(one: Visit, how: 'online' | 'offline', ...users: readonly User[]): Promise<void> {
  for (const user of users) {
    await one.click(`${user}-toggle`)
    await one.says(`${user}-state`, how)
  }
  // The page closes a socket at once; the gateway has to hear of it.
  await expect
    .poll(async () => (await online(one)).filter((user) => users.includes(user)))
    .toEqual(how === 'online' ? users : [])
}

async function online(one: Visit): Promise<User[]> {
  const { online } = (await one.stats()) as unknown as { online: readonly { user: User }[] }
  return online.map(({ user }) => user).sort()
}

/** The table as the page shows it, newest first: number, user, kind, status. */
export const rows = (one: Visit): Promise<string[]> =>
  one
    .part('row')
    .evaluateAll((items) =>
      items.map((item) =>
        Array.from(item.querySelectorAll('.seq, .source, .push, .status'), (found) => found.textContent).join(
          ' ',
        ),
      ),
    )

/** At rest: every row is settled, page and emulator agree, and nothing is missing. */
export async function atRest(
  one: Visit,
  total: number,
  counts: Readonly<Record<string, number>> = {},
): Promise<void> {
  const all = { rows: total, waiting: 0, lost: 0, ...counts }
  for (const [name, count] of Object.entries(all)) await one.says(`count-${name}`, count)
  expect((await one.stats()).inserted).toBe(total)
}

/** Rows 1 to n of a user, in the order in which they should arrive. */
export const news = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => `reliable: #${first + i} {"news":${first + i}}`)
