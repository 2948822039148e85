import { IsomqError, type Provider } from './errors.ts'

/**
 * Reads a stream to its end, at most `most` bytes of it; more is a `LIMIT` error, which ends with the remedy, and the
 * rest is not read.
 */
export async function readAll(
  provider: Provider,
  stream: ReadableStream<Uint8Array>,
  most: number,
  what: string,
  remedy: string,
): Promise<Uint8Array> {
  const reader = stream.getReader()
  const pieces: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    // Most come in one piece.
    if (done && length === pieces[0]?.length) return pieces[0]
    if (done) return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer())
    length += value.length
    if (length > most) {
      reader.cancel().catch(() => {})
      throw new IsomqError(provider, 'LIMIT', `${what} exceeds ${most} bytes; ${remedy}`)
    }
    pieces.push(value)
  }
}

/** Inflates gzip bytes to at most `most` bytes. */
export async function gunzip(provider: Provider, bytes: Uint8Array, most: number): Promise<Uint8Array> {
  const inflated = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream('gzip') as ReadableWritablePair<Uint8Array, Uint8Array<ArrayBuffer>>)
  try {
    return await readAll(provider, inflated, most, 'compressed content', 'raise maxContent')
  } catch (error) {
    if (error instanceof IsomqError) throw error
    throw new IsomqError(provider, 'PROTOCOL', 'compressed content is broken; ask the sender for it', {
      cause: error,
    })
  }
}
