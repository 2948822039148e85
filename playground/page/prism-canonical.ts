import { canonicalRequest, type PrismSigned, signRequest } from 'isomq/prism'
import { element, part, setText } from './dom.ts'
import { SECRET } from './prism-api.ts'

const MASK = '***'

const PIECES = ['Secret', 'Method', 'Path', 'Headers', 'Query', 'Body', 'Secret'] as const

/** What a request's signature is of, taken apart; the secret is not in it. */
export function takeApart(request: PrismSigned): { name: string; raw: string; escaped: string }[] {
  // An & within the parts is escaped: those that are left join them.
  const pieces = canonicalRequest({ ...request, secret: MASK }).split('&')
  return PIECES.map((name, i) => ({ name, raw: unescaped(pieces[i]!), escaped: pieces[i]! }))
}

/** A path may hold bytes that are no text: it stays as it is. */
function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Shows the seven parts, what they are joined to, and the signature. */
export function showCanonical(section: HTMLElement, request: PrismSigned): void {
  const pieces = takeApart(request).map(({ name, raw, escaped }) => {
    const item = element('li')
    const list = element('dl')
    list.append(element('dt', '', 'as it is'), value(raw), element('dt', '', 'escaped'), value(escaped))
    item.append(element('p', 'name', name === 'Secret' ? `${name} (masked)` : name), list)
    return item
  })
  part(section, 'pieces').replaceChildren(...pieces)
  setText(part(section, 'canonical'), canonicalRequest({ ...request, secret: MASK }))
  setText(part(section, 'sign'), signRequest({ ...request, secret: SECRET }))
  part(section, 'signature').hidden = false
}

function value(text: string): HTMLElement {
  const made = element('dd')
  made.append(text === '' ? element('span', 'empty-text', 'empty') : element('code', '', text))
  return made
}
