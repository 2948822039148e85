import { randomId, randomText } from './webmq-payload.ts'
import type { Message } from './webmq-session.ts'

/** Messages that a server should not send. */
export const ODD = ['secondWelcome', 'unknownMessage', 'wrongArity', 'foreignEvent', 'foreignResult'] as const
export type Odd = (typeof ODD)[number]

/** Messages that can be cut short. */
export const SHORT = ['event', 'result', 'error', 'welcome', 'subscribed'] as const
export type Short = (typeof SHORT)[number]

const UNKNOWN_TYPE = 99

/** Version 1 does not confirm a subscription: its shortest message stands for that. */
const CUT: Readonly<Record<1 | 2, Readonly<Record<Short, Message>>>> = {
  1: { event: [8], result: [3], error: [4, 'x'], welcome: [0], subscribed: [8, 'http://example.com/x'] },
  2: { event: [36, 1], result: [50], error: [8, 48], welcome: [2], subscribed: [33, 1] },
}

/** Such a message, in the version of a session. */
export function odd(kind: Odd, version: 1 | 2, short: Short): Message {
  switch (kind) {
    case 'secondWelcome':
      return version === 1
        ? [0, randomText(), 1, 'again']
        : [2, randomId(), { roles: { broker: {}, dealer: {} } }]
    case 'unknownMessage':
      return [UNKNOWN_TYPE, 1, {}]
    case 'wrongArity':
      return CUT[version][short]
    case 'foreignEvent':
      return version === 1
        ? [8, 'http://example.com/nobody-subscribed-to-this', 'foreign']
        : [36, randomId(), randomId(), {}, ['foreign']]
    case 'foreignResult':
      return version === 1 ? [3, randomText(), 'foreign'] : [50, randomId(), {}, ['foreign']]
  }
}
