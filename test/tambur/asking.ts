// What a page asks for, and the server's half that grants it.
import { modeToken, type TamburAuthorize, type TamburTokenAsk } from 'isomq/tambur'
import { KEYS, service } from './service.ts'

export const ask = { mode: 'presence', stream: 'news', userId: 'me', subscriberId: 'sub-1' } as const
/** What the service wants to see for it. */
export const tokenOf = (asked: TamburTokenAsk): Promise<string> => modeToken({ ...KEYS, ...asked })
/** The handler of a server that asks this hook. */
export const handlerOf = (authorize: TamburAuthorize): ((request: Request) => Promise<Response>) =>
  service().publisher.tokenHandler(authorize)
