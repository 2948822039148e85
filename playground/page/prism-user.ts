import type { DemoAnswer, ShownSession } from '../prism-demo.ts'
import type { Controls } from './controls.ts'
import { part, setText } from './dom.ts'
import type { PrismApi } from './prism-api.ts'

/** Kept by the tab while it is at the gateway's pages. */
const AWAY = 'prism-away'

/** The part of the section that logs a user in and out. */
export function createUser(section: HTMLElement, api: PrismApi, controls: Controls) {
  const { run, click } = controls
  let session: ShownSession | null = null

  function say(text: string, isProblem = false): void {
    setText(part(section, 'user-said'), text)
    part(section, 'user-said').toggleAttribute('data-problem', isProblem)
  }

  function show({ session: now, answer, problem }: DemoAnswer): void {
    session = now
    const badge = part(section, 'user-state')
    badge.dataset.state = now === null ? 'idle' : 'open'
    setText(badge, now === null ? 'nobody' : 'logged in')
    for (const name of ['session', 'in']) part(section, name).hidden = now === null
    part(section, 'out').hidden = now !== null
    setText(part(section, 'user'), now?.user ?? '')
    setText(part(section, 'token'), now?.token ?? '')
    const data = part(section, 'me-data')
    data.hidden = answer === undefined
    setText(data, answer === undefined ? '' : JSON.stringify(answer.data, null, 2))
    if (problem !== undefined) say(`${problem.code}: ${problem.message}`, true)
    count()
  }

  /** The rest of the token's time. */
  function count(): void {
    if (session === null) return
    const left = Math.ceil((session.expiresAt - Date.now()) / 1000)
    const at = new Date(session.expiresAt).toLocaleTimeString('en-GB')
    setText(part(section, 'expiry'), left > 0 ? `at ${at}, in ${clock(left)}` : `has ended at ${at}`)
  }

  const ask = async (what: Promise<DemoAnswer>, text: (answer: DemoAnswer) => string) => {
    const answer = await what
    if (answer.problem === undefined) say(answer.session === null ? 'Nobody is logged in.' : text(answer))
    show(answer)
  }

  /** Where the visitor was before the login or logout, both of which load the page anew. */
  async function comeBack(): Promise<void> {
    const isBack = sessionStorage.getItem(AWAY) !== null
    sessionStorage.removeItem(AWAY)
    show(await api.session())
    if (isBack) part(section, session === null ? 'login' : 'me').focus()
  }
  const leave = () => sessionStorage.setItem(AWAY, '')

  part<HTMLAnchorElement>(section, 'login').href = api.loginUrl
  part(section, 'login').addEventListener('click', leave)
  part<HTMLFormElement>(section, 'logout-form').action = api.logoutUrl
  part(section, 'logout-form').addEventListener('submit', leave)
  click('me', () =>
    ask(
      api.user('me'),
      ({ answer }) =>
        `The Worker called /demo/me as the user: ${answer?.status}, request ${answer?.requestId}.`,
    ),
  )
  click('refresh', () =>
    ask(api.user('refresh'), () => 'The Worker exchanged the refresh token for new tokens.'),
  )
  click('expire', async () => {
    await api.control('expireTokens', { which: 'access' })
    say(
      'The gateway takes the token for expired from now on, ahead of its time: call /demo/me, and the client exchanges it and asks again.',
    )
  })
  setInterval(count, 1000)
  run(comeBack)

  return {
    /** The gateway has forgotten everybody. */
    async reset(): Promise<void> {
      await api.logOut()
      say('')
      show({ session: null })
    },
  }
}

/** Such as `59:07`. */
const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
