import { element, part, setText } from './dom.ts'
import { startPrism } from './prism.ts'
import { createProblems, type Problems } from './problems.ts'
import { startTamar } from './tamar.ts'
import { startTambur } from './tambur.ts'
import { startTmc } from './tmc.ts'
import { startWebmq } from './webmq.ts'

/** By the id of the section in index.html; a section begins its work when it is first shown. */
const PROVIDERS: Readonly<Record<string, (section: HTMLElement, room: string, problems: Problems) => void>> =
  {
    tmc: startTmc,
    prism: startPrism,
    tamar: startTamar,
    tambur: startTambur,
    webmq: startWebmq,
  }

/** Names that the server's paths have taken. */
const TAKEN =
  /^(api|api-sandbox|app|balancer|call|control|events|isomq|isomq-app|oauth|publish|push|redis|router|socket|user|wire|ws)$/

/** The room of the URL, else a new one that is put there, so that a reload finds it again. */
function findRoom(): string {
  const url = new URL(location.href)
  const wanted = url.searchParams.get('room') ?? ''
  if (/^[\w-]{1,40}$/.test(wanted) && !TAKEN.test(wanted)) return wanted
  const room = crypto.randomUUID().slice(0, 8)
  url.searchParams.set('room', room)
  history.replaceState(null, '', url)
  return room
}

function start(): void {
  const problems = createProblems()
  addEventListener('error', ({ message }) => problems.problem(`This page has failed: ${message}`))
  addEventListener('unhandledrejection', ({ reason }) =>
    problems.problem(`This page has failed: ${(reason as Error)?.message ?? reason}`),
  )
  const room = findRoom()
  setText(part(document, 'room'), room)

  const sections = [...document.querySelectorAll<HTMLElement>('section[data-provider]')]
  const started = new Set<string>()
  const nav = part(document, 'providers')
  const links = sections.map((section) => {
    const link = element('a', '', section.dataset.provider)
    link.setAttribute('href', `#${section.id}`)
    return link
  })
  nav.append(...links)
  nav.hidden = sections.length < 2

  function show(): void {
    const chosen = sections.find(({ id }) => `#${id}` === location.hash) ?? sections[0]!
    part<HTMLAnchorElement>(document, 'new-room').href = `?#${chosen.id}`
    sections.forEach((section, i) => {
      section.hidden = section !== chosen
      if (section === chosen) links[i]!.setAttribute('aria-current', 'page')
      else links[i]!.removeAttribute('aria-current')
    })
    if (started.has(chosen.id)) return
    started.add(chosen.id)
    PROVIDERS[chosen.id]?.(chosen, room, problems)
  }
  // By its address, the visitor would leave the section's.
  document.querySelector('.skip')!.addEventListener('click', (event) => {
    event.preventDefault()
    document.querySelector('main')!.focus()
  })
  addEventListener('hashchange', () => {
    show()
    // The browser looked for a section that was not shown yet.
    scrollTo(0, 0)
  })
  show()
}

start()
