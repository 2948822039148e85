import { encodeText } from '../core/bytes.ts'
import { IsomqError } from '../core/errors.ts'
import { toJson } from '../core/json.ts'
import type { TamarSender } from './types.ts'
import { provider, wrong } from './wrong.ts'

/** The longest user id: it is the name of a channel and of a counter, and has a place in a column. */
const MOST = 255

/** @throws IsomqError `CONFIG` when it is no text of 1 to 255 characters, or holds half a character */
export function checkText(name: string, value: unknown): string {
  // Half a character would arrive as another one, and two users would share a channel.
  if (typeof value === 'string' && value !== '' && isShort(value) && !/\p{Surrogate}/u.test(value))
    return value
  throw wrong(`"${name}" must be a text of 1 to ${MOST} whole characters`)
}

/** As MySQL counts, to whom an emoji is one character. */
const isShort = (text: string): boolean =>
  text.length <= MOST || (text.length <= MOST * 2 && [...text].length <= MOST)

/** @throws IsomqError `CONFIG` when it is not what the table has a place for, or holds what is not known */
export function checkSender({ senderType, senderId, ...unknown }: TamarSender): void {
  for (const name of Object.keys(unknown)) throw wrong(`"${name}" is not known; check its spelling`)
  if (senderType !== undefined && senderType !== 'server' && senderType !== 'client') {
    throw wrong('"senderType" must be server or client')
  }
  if (senderId !== undefined && senderId !== null) checkText('senderId', senderId)
}

/** @throws IsomqError `CONFIG` when it is no whole number from 1 to `most` */
export function checkMs(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value
  throw wrong(`"${name}" must be whole milliseconds from 1 to ${most}`)
}

/**
 * The JSON of a payload; that of a command has its type, too.
 *
 * @throws IsomqError `CONFIG` when it has no JSON, `LIMIT` when that is longer than `most` bytes
 */
export function payloadText(payload: unknown, most: number, type?: string): string {
  const json = toJson(payload, (cause) => wrong('the payload must be a JSON value; see the cause', cause))
  const text = type === undefined ? json : `{"type":${JSON.stringify(type)},"data":${json}}`
  // A unit of text is at most 3 bytes: most texts need no counting.
  if (text.length * 3 > most && encodeText(text).length > most) {
    throw new IsomqError(
      provider,
      'LIMIT',
      `the payload's JSON is longer than ${most} bytes; send less, or raise maxPayload`,
    )
  }
  return text
}
