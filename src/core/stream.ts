import { IsomqError, type Provider } from './errors.ts'

/** Reads a stream to its end, at most `most` bytes of it; more is a `LIMIT` error and the rest is not read. */
export async function readAll(
  provider: Provider,
  stream: ReadableStream<Uint8Array>,
  most: number,
  what: string,
): Promise<Uint8Array> {
  const reader = stream.getReader()
  const pieces: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return joined(pieces, length)
    length += value.length
    if (length > most) {
      reader.cancel().catch(() => {})
      throw new IsomqError(
        provider,
        'LIMIT',
        `${what} is larger than ${most} bytes; raise the limit to take it`,
      )
    }
    pieces.push(value)
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!
  const whole = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

/** Inflates gzip bytes to at most `most` bytes. */
export async function gunzip(provider: Provider, bytes: Uint8Array, most: number): Promise<Uint8Array> {
  const inflated = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream('gzip') as ReadableWritablePair<Uint8Array, Uint8Array<ArrayBuffer>>)
  try {
    return await readAll(provider, inflated, most, 'compressed content')
  } catch (error) {
    if (error instanceof IsomqError) throw error
    throw new IsomqError(
      provider,
      'PROTOCOL',
      'compressed content is no gzip; ask the sender to send it again',
      {
        cause: error,
      },
    )
  }
}
