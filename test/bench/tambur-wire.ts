import { Buffer } from 'node:buffer'
import { FRAME_SIZE } from './stream.ts'

// Tambur's socket as its documents have it, for the server of the bench and the bare client.
export const SUBSCRIBER = 'a0629978-28d8-4fd4-b862-f67e9b6dfd8f'

/** Who subscribes this has all its streams, and wants the messages. */
export const START = 'start'

export const streamOf = (i: number): string => `stream-${String(i).padStart(4, '0')}`

const message = (stream: string, i: number, note: string): string =>
  JSON.stringify(['msg', stream, '', JSON.stringify({ tid: 56876327000000 + i, payment: '1299.00', note })])
const padding = 'x'.repeat(FRAME_SIZE - message(streamOf(0), 0, '').length)

/** Message number `i` of so many streams that take turns. */
export const messageText = (i: number, streams: number): string => message(streamOf(i % streams), i, padding)

/** The same as a WebSocket frame; such a one needs no mask. */
export function messageFrame(i: number, streams: number): Buffer {
  const text = Buffer.from(messageText(i, streams))
  return Buffer.concat([Buffer.from([0x81, 126, text.length >> 8, text.length & 255]), text])
}
