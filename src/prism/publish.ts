import { encodeText } from '../core/bytes.ts'
import { IsomqError } from '../core/errors.ts'
import { textOrJson } from '../core/json.ts'
import { encodePublish } from './codec.ts'
import { provider, wrong } from './wrong.ts'

/**
 * The frame of a publish.
 *
 * @throws IsomqError `LIMIT` when it is larger than the server takes, `CONFIG` when it is no message
 */
export function publishFrame(
  { maxKey, maxBody }: { maxKey: number; maxBody: number },
  routingKey: string,
  body: unknown,
  contentType: string | undefined,
): Uint8Array<ArrayBuffer> {
  if (typeof routingKey !== 'string' || routingKey === '')
    throw wrong('"routingKey" must be a text that is not empty')
  if (contentType !== undefined && (typeof contentType !== 'string' || contentType === '')) {
    throw wrong('"contentType" must be a text that is not empty')
  }
  const [bytes, type] = bytesOf(body)
  check('the routing key', encodeText(routingKey).length, maxKey, 'maxKey')
  check('the body', bytes.length, maxBody, 'maxBody')
  return encodePublish({ routingKey, body: bytes, contentType: contentType ?? type })
}

function bytesOf(body: unknown): [bytes: Uint8Array, contentType: string] {
  if (typeof body === 'string') return [encodeText(body), 'text/plain']
  if (body instanceof ArrayBuffer) return [new Uint8Array(body), 'application/octet-stream']
  if (ArrayBuffer.isView(body)) {
    return [new Uint8Array(body.buffer, body.byteOffset, body.byteLength), 'application/octet-stream']
  }
  const json = textOrJson(body, (cause) => wrong('the body must be a text, bytes or a JSON value', cause))
  return [encodeText(json), 'application/json']
}

function check(what: string, bytes: number, most: number, option: string): void {
  if (bytes <= most) return
  const text = `${what} has ${bytes} bytes, and the server takes ${most}; shorten it, or raise ${option} if yours takes more`
  throw new IsomqError(provider, 'LIMIT', text, { details: { bytes, most } })
}
