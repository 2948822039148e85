import { flush } from '../support/clock.ts'
import { watch } from './bench.ts'

/** Takes what a loop has, until it ends or waits. */
export async function taken(loop: AsyncIterableIterator<{ text: string }>, most = 10_000): Promise<string[]> {
  const texts: string[] = []
  for (let i = 0; i < most; i++) {
    const next = loop.next()
    const waiting = watch(next)
    await flush(5)
    if (waiting.state !== 'resolved') {
      next.catch(() => {})
      break
    }
    const { done, value } = await next
    if (done) break
    texts.push(value.text)
  }
  return texts
}
