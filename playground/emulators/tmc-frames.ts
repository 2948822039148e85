import type { TmcFrame, TmcFrameInit, TmcValue } from 'isomq/tmc'
import type { StoredMessage } from './tmc-store.ts'

/** A delivery with the headers, formats and order of the production service; `tries` counts this one too. */
export function dataFrame(
  token: string,
  id: string,
  message: StoredMessage,
  content: TmcValue,
  now: number,
): TmcFrameInit {
  const born = BigInt(message.born)
  const dataId = BigInt(message.dataId)
  return {
    type: 'send',
    token,
    headers: [
      ['topic', { type: 'string', value: message.topic }],
      ['userid', { type: 'int64', value: BigInt(message.userId) }],
      ['__kind', { type: 'byte', value: 3 }],
      ['publisher', { type: 'string', value: message.publisher }],
      ['retried', { type: 'byte', value: Math.min(message.tries - 1, 255) }],
      ['content', content],
      ['id', { type: 'int64', value: BigInt(id) }],
      ['data_id', { type: 'int64', value: dataId }],
      ['time', { type: 'date', value: born }],
      ['nick', { type: 'string', value: message.nick }],
      ['dataid', { type: 'int64', value: dataId }],
      ['born_time', { type: 'int64', value: born }],
      ['outtime', { type: 'date', value: BigInt(now) }],
    ],
  }
}

/** The text, gzip'ed, if it has at least `from` bytes; 0 is never. */
export function gzipped(content: string, from: number): Promise<Uint8Array> | undefined {
  // Saves the encoding where the text is too short anyhow.
  if (from === 0 || content.length * 3 < from) return undefined
  const bytes = new TextEncoder().encode(content)
  return bytes.length < from ? undefined : gzip(bytes as Uint8Array<ArrayBuffer>)
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const zipped = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'))
  return new Uint8Array(await new Response(zipped).arrayBuffer())
}

/** A string header, or "" where there is none. */
export function text(frame: TmcFrame, key: string): string {
  const header = frame.headers.get(key)
  return header?.type === 'string' ? (header.value ?? '') : ''
}

/** An integer of any width: some clients write the smallest that holds it. */
export function integer(value: TmcValue | undefined): bigint | undefined {
  switch (value?.type) {
    case 'byte':
    case 'int16':
    case 'int32':
    case 'int64':
      return BigInt(value.value)
  }
}
