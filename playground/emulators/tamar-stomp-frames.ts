import { StompError } from './tamar-destinations.ts'
import { encodeFrame } from './tamar-frames.ts'
import { headersOf } from './tamar-headers.ts'
import type { Queued } from './tamar-queue.ts'
import type { Subscription } from './tamar-subscriptions.ts'

const VERSIONS = ['1.2', '1.1', '1.0'] as const
const ALL_VERSIONS = '1.0,1.1,1.2'

/** The newest version that both sides speak. */
export function versionOf(headers: ReadonlyMap<string, string>): string {
  const offered = headers.get('accept-version')?.split(',') ?? ['1.0']
  const version = VERSIONS.find((one) => offered.includes(one))
  if (version !== undefined) return version
  throw new StompError('Version mismatch', `Supported versions are ${ALL_VERSIONS}\n`)
}

export function connectedFrame(session: string, beat: string, version: string): Uint8Array {
  const head = [
    ['server', 'RabbitMQ/3.10.8'],
    ['session', session],
    ['heart-beat', beat],
    ['version', version],
  ] as const
  return encodeFrame('CONNECTED', head)
}

export const receiptFrame = (id: string): Uint8Array => encodeFrame('RECEIPT', [['receipt-id', id]])

export function messageFrame(
  { id, noAck }: Subscription,
  message: Queued,
  tag: string,
  version: string,
): Uint8Array {
  const { destination, redelivered, rest } = headersOf(message)
  const head: [string, string][] = []
  if (id !== undefined) head.push(['subscription', id])
  head.push(['destination', destination], ['message-id', tag], ['redelivered', redelivered])
  if (!noAck && version === '1.2') head.push(['ack', tag])
  return encodeFrame('MESSAGE', [...head, ...rest], message.body)
}

export function errorFrame(title: string, text: string): Uint8Array {
  const body = new TextEncoder().encode(text)
  const head = [
    ['message', title],
    ['content-type', 'text/plain'],
    ['version', ALL_VERSIONS],
    ['content-length', String(body.length)],
  ] as const
  return encodeFrame('ERROR', head, body)
}
