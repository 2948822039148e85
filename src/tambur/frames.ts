import { decodeText } from '../core/bytes.ts'
import { IsomqError } from '../core/errors.ts'
import type { Frame } from '../core/socket.ts'
import { provider } from './wrong.ts'

/** What the service sends. */
export type TamburFrame =
  | { readonly type: 'id'; readonly subscriberId: string }
  | { readonly type: 'ack'; readonly handle: number; readonly response: string }
  | { readonly type: 'msg'; readonly stream: string; readonly kind: string; readonly data: unknown }

export const fault = (text: string): IsomqError => new IsomqError(provider, 'PROTOCOL', text)

/**
 * Reads a frame of the service.
 *
 * @throws IsomqError `PROTOCOL` when it is none
 */
export function readFrame(raw: Frame): TamburFrame {
  const text = typeof raw === 'string' ? raw : decodeText(raw)
  if (text.startsWith('id:')) {
    const subscriberId = text.slice(3)
    if (/^[\w.-]{1,128}$/.test(subscriberId)) return { type: 'id', subscriberId }
    throw fault('a handshake without a subscriber id')
  }
  const [type, first, second, data] = listOf(text)
  if (type === 'ack' && Number.isSafeInteger(first)) {
    return { type, handle: first as number, response: textOf(second) }
  }
  if (type === 'msg' && typeof first === 'string') {
    // What has no kind is an ordinary message.
    return {
      type,
      stream: first,
      kind: typeof second === 'string' ? second : '',
      data: checked(second, data),
    }
  }
  throw fault('a frame that is neither an ack nor a message')
}

function listOf(text: string): unknown[] {
  try {
    const list: unknown = JSON.parse(text)
    if (Array.isArray(list)) return list
  } catch {
    // Its text would quote the frame.
  }
  throw fault('a frame that is not a JSON array')
}

/** Modes have data of their own shape; an ordinary message is text, and JSON stays readable as its text. */
function checked(kind: unknown, data: unknown): unknown {
  if (kind !== 'presence' && kind !== 'direct') return textOf(data)
  const [user, what] = Array.isArray(data) ? data : []
  const isUser = typeof user === 'string'
  if (isUser && kind === 'direct') return [user, textOf(what)]
  if (isUser && (what === 'up' || what === 'down')) return [user, what]
  throw fault(`a ${kind} message without what belongs to it`)
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  try {
    return JSON.stringify(value) ?? ''
  } catch {
    throw fault('a frame that is nested too deeply')
  }
}
