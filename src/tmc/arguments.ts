import { IsomqError } from '../core/errors.ts'
import type { TmcProduceFields } from './frames.ts'
import type { TmcProduceInput } from './types.ts'

const wrong = (text: string, cause?: unknown) => new IsomqError('tmc', 'CONFIG', text, { cause })

/** A message id as an exact integer. */
export function readId(id: string | bigint): bigint {
  const exact =
    typeof id === 'bigint' || (typeof id === 'string' && /^-?\d{1,20}$/.test(id)) ? BigInt(id) : undefined
  if (exact !== undefined && BigInt.asIntN(64, exact) === exact) return exact
  throw wrong('a message id must be a bigint or decimal text of 64 bits; a number cannot hold it')
}

/** A message to produce, its content as text. */
export function readProduce({ topic, content, session }: TmcProduceInput): TmcProduceFields {
  if (typeof topic !== 'string' || topic === '') throw wrong('"topic" must be a text that is not empty')
  if (session !== undefined && typeof session !== 'string') throw wrong('"session" must be a text')
  return session === undefined
    ? { topic, content: asText(content) }
    : { topic, content: asText(content), session }
}

function asText(content: unknown): string {
  if (typeof content === 'string') return content
  try {
    const text = JSON.stringify(content)
    if (text !== undefined) return text
  } catch (cause) {
    throw wrong('"content" cannot be written as JSON; give its text', cause)
  }
  throw wrong('"content" must be a text or a JSON value')
}
