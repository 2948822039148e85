import { expect, test } from 'vitest'
import { gunzip, readAll } from '../../src/core/stream.ts'
import { rejection } from '../support/events.ts'

const streamOf = (...pieces: Uint8Array[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece)
      controller.close()
    },
  })

const zipped = async (bytes: Uint8Array<ArrayBuffer>) =>
  new Uint8Array(
    await new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer(),
  )

test('a stream is read to its end, in one piece or several, up to just the limit', async () => {
  const [a, b] = [Uint8Array.of(1, 2), Uint8Array.of(3)]
  expect(await readAll('tmc', streamOf(a, b), 3, 'it', 'send less')).toEqual(Uint8Array.of(1, 2, 3))
  expect(await readAll('tmc', streamOf(a), 2, 'it', 'send less')).toEqual(a)
  expect(await readAll('tmc', streamOf(), 0, 'it', 'send less')).toEqual(new Uint8Array(0))
})

test('one byte more than the limit is LIMIT, and the rest is not read', async () => {
  let pulled = 0
  let cancelled = false
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled++
      controller.enqueue(new Uint8Array(10))
    },
    cancel() {
      cancelled = true
    },
  })
  expect(await rejection(readAll('tmc', endless, 25, 'it', 'send less'))).toMatchObject({
    code: 'LIMIT',
    retryable: false,
    message: 'tmc: it exceeds 25 bytes; send less',
  })
  expect([pulled < 6, cancelled]).toEqual([true, true])
})

test('gzip is inflated up to its limit; what is no gzip is PROTOCOL', async () => {
  const bytes = new Uint8Array(100_000).fill(7)
  const packed = await zipped(bytes)
  expect(await gunzip('tmc', packed, 100_000)).toEqual(bytes)
  expect(await rejection(gunzip('tmc', packed, 99_999))).toMatchObject({
    code: 'LIMIT',
    message: 'tmc: compressed content exceeds 99999 bytes; raise maxContent',
  })
  expect(await rejection(gunzip('tmc', packed.slice(0, 30), 100_000))).toMatchObject({ code: 'PROTOCOL' })
  expect(await rejection(gunzip('tmc', new Uint8Array(40), 100_000))).toMatchObject({ code: 'PROTOCOL' })
})
