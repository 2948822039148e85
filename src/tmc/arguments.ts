import { IsomqError } from '../core/errors.ts'
import type { TmcProduceFields } from './frames.ts'
import { exactId } from './message.ts'
import type { TmcProduceInput } from './types.ts'

const wrong = (text: string, cause?: unknown) => new IsomqError('tmc', 'CONFIG', text, { cause })

/** A message id as an exact integer. */
export function readId(id: string | bigint): bigint {
  const exact = exactId(id)
  if (exact === undefined) throw wrong('a message id must be a bigint or decimal text, of 64 bits')
  return exact
}

/** A message to produce, its content as text. */
export function readProduce({ topic, content, session }: TmcProduceInput): TmcProduceFields {
  if (typeof topic !== 'string' || topic === '') throw wrong('"topic" must be a text that is not empty')
  if (session !== undefined && typeof session !== 'string') throw wrong('"session" must be a text')
  let cause: unknown
  try {
    const text: unknown = typeof content === 'string' ? content : JSON.stringify(content)
    if (typeof text === 'string') return { topic, content: text, session }
  } catch (error) {
    cause = error
  }
  throw wrong('"content" must be a text or a JSON value', cause)
}
