import { part, setText, textOf } from './dom.ts'
import type { Problems } from './problems.ts'

/** What a card shows of its client. */
export interface ShownClient {
  readonly state: string
  readonly isStopping: boolean
  readonly failures: number
}

export const isOff = ({ state }: { readonly state: string }): boolean =>
  state === 'idle' || state === 'closed'

/** The buttons of a section, and what it says to those who press them. */
export function createControls(section: HTMLElement, { problem }: Problems) {
  /** Runs what a button asks for; what goes wrong is shown. */
  const run = (act: () => Promise<unknown>) => act().catch((thrown) => problem(textOf(thrown)))

  /** A fault that is still to come. */
  function armed(name: string, count: number): void {
    setText(part(section, name).querySelector('.armed')!, count === 0 ? '' : ` (${count} to come)`)
  }

  function checked(name: string, act: (on: boolean) => unknown): void {
    part<HTMLInputElement>(section, name).addEventListener('change', ({ target }) =>
      run(async () => act((target as HTMLInputElement).checked)),
    )
  }

  /**
   * The same for what the server keeps. Gives what shows the server's word, which does not count when it was asked
   * for before the visitor's last change was done.
   */
  function kept(
    name: string,
    act: (on: boolean) => Promise<unknown>,
  ): (on: boolean, askedAt: number) => void {
    let changedAt = 0
    checked(name, async (on) => {
      changedAt = Number.POSITIVE_INFINITY
      await act(on).finally(() => {
        changedAt = performance.now()
      })
    })
    return (on, askedAt) => {
      if (askedAt > changedAt) part<HTMLInputElement>(section, name).checked = on
    }
  }

  /** Says something in a place of its own. */
  function sayIn(name: string, text: string, isProblem = false): void {
    setText(part(section, name), text)
    part(section, name).toggleAttribute('data-problem', isProblem)
  }

  return {
    say: (text: string) => setText(part(section, 'said'), text),
    sayIn,
    run,
    armed,
    click(name: string, act: () => Promise<unknown>): void {
      part(section, name).addEventListener('click', () => run(act))
    },
    checked,
    kept,
    /** `act` is told the value of the button that was pressed. */
    submit(name: string, act: (value: string) => Promise<unknown>): void {
      part(section, name).addEventListener('submit', (event) => {
        event.preventDefault()
        const button = (event as SubmitEvent).submitter as HTMLButtonElement | null
        run(() => act(button?.value ?? ''))
      })
    },
    showClient(name: string, client: ShownClient, sums: string): void {
      const badge = part(section, `${name}-state`)
      badge.dataset.state = client.state
      setText(badge, client.state)
      setText(
        part(section, `${name}-toggle`),
        client.isStopping ? 'Stopping …' : isOff(client) ? 'Start' : 'Stop',
      )
      armed(`${name}-fail`, client.failures)
      setText(part(section, `${name}-sums`), sums)
    },
  }
}
export type Controls = ReturnType<typeof createControls>
