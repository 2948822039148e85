import { IsomqError } from '../core/errors.ts'
import { textOrJson } from '../core/json.ts'
import type { TmcProduceFields } from './frames.ts'
import { exactId } from './message.ts'
import type { TmcProduceInput } from './types.ts'

export const wrong = (text: string, cause?: unknown): IsomqError =>
  new IsomqError('tmc', 'CONFIG', text, { cause })

/** A message id as an exact integer. */
export function readId(id: string | bigint): bigint {
  const exact = exactId(id)
  if (exact === undefined) throw wrong('a message id must be a bigint or decimal text, of 64 bits')
  return exact
}

/** What the option `sign` returned. */
export function readSignature(signature: unknown): string {
  if (typeof signature === 'string' && signature !== '') return signature
  throw wrong('the option "sign" must return a text that is not empty')
}

/** A message to produce, its content as text. */
export function readProduce(message: TmcProduceInput): TmcProduceFields {
  const { topic, content, session } = message ?? {}
  if (typeof topic !== 'string' || topic === '') throw wrong('"topic" must be a text that is not empty')
  if (session !== undefined && typeof session !== 'string') throw wrong('"session" must be a text')
  const text = textOrJson(content, (cause) => wrong('"content" must be a text or a JSON value', cause))
  return { topic, content: text, session }
}
