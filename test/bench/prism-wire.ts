import { Buffer } from 'node:buffer'
import { FRAME_SIZE } from './stream.ts'

// Prism's notify as its documents have it, for the server of the bench and the bare clients: isomq's own codec is
// what they are to measure.
export const PUBLISH = 1
export const CONSUME = 2
export const ACK = 3

/** Consuming the default queue brings a stream of messages; consuming this one, what the client publishes. */
export const ECHO = 'echo'
/** Round trips that are under way at once. */
export const IN_FLIGHT = 32

export const KEY = 'order.created'
export const TYPE = 'application/json'

/** A text behind its length in two bytes. */
function short(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.from([bytes.length >> 8, bytes.length & 255, ...bytes])
}

export const consumeFrame = (queue: string): Buffer =>
  Buffer.concat([Buffer.from([CONSUME]), ...(queue === '' ? [] : [short(queue)])])

const head = Buffer.concat([Buffer.from([PUBLISH]), short(KEY)])
const tail = short(TYPE)

export function publishFrame(body: string): Buffer {
  const size = Buffer.byteLength(body)
  const frame = Buffer.allocUnsafe(head.length + 4 + size + tail.length)
  head.copy(frame)
  frame.writeUInt32BE(size, head.length)
  frame.write(body, head.length + 4)
  tail.copy(frame, head.length + 4 + size)
  return frame
}

/** What a publish holds. */
export function readPublish(frame: Buffer): [key: string, body: string, type: string] {
  let at = 1
  const take = (size: 2 | 4): string => {
    const length = frame.readUIntBE(at, size)
    at += size + length
    return frame.toString('utf8', at - length, at)
  }
  return [take(2), take(4), take(2)]
}

/** The tag of a server's delivery number `i`: odd and beyond 2^53, so that no double holds it. */
export const tagOf = (i: number): string => String(2n ** 53n + 1n + 2n * BigInt(i))

/** As a Go server writes it: the tag is a number. */
export function delivery(tag: string, key: string, body: string, type: string): string {
  const fields = { app: 'bench', client_id: 'umjj5xj6', key, type, body, time: 1400567172 }
  return `${JSON.stringify(fields).slice(0, -1)},"tag":${tag}}`
}

export const ackFrame = (tag: string): Buffer => Buffer.from(`\x03${tag}`, 'latin1')
/** The ack of who has not read what it acks: as long as another. */
export const BLIND_ACK: Buffer = ackFrame('0'.repeat(16))

const body = (i: number, note: string): string =>
  JSON.stringify({ tid: 56876327000000 + i, payment: '1299.00', note })
const padding = FRAME_SIZE - delivery(tagOf(0), KEY, body(0, ''), TYPE).length
/** The body of message number `i`, such that its delivery has the size that was agreed on. */
export const bodyOf = (i: number): string => body(i, 'x'.repeat(padding))
