import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { md5Hex } from '../../src/core/md5.ts'
import { compare } from './measure.ts'
import { nanoseconds, type Row } from './report.ts'

type Md5 = (text: string) => string

/** The build that bundlers get; the one for Node hands over to node:crypto. */
async function loadPure(peers: string): Promise<Md5> {
  const file = join(peers, 'node_modules', 'js-md5', 'build', 'md5.mjs')
  return ((await import(pathToFileURL(file).href)) as { default: Md5 }).default
}

const node: Md5 = (text) => createHash('md5').update(text).digest('hex')

/** Texts that differ, so that nothing can be remembered between calls. */
const texts = (length: number): string[] =>
  Array.from({ length: 64 }, (_, i) => `${i}${'app_key12345group_name'.repeat(64)}`.slice(0, length))

/** MD5 of a text to hexadecimal digits, which is what a signature needs. */
export async function md5(peers: string): Promise<Row[]> {
  const pure = await loadPure(peers)
  return [100, 1024].flatMap((length) => {
    const inputs = texts(length)
    // Reading a digit makes the text of the digest; some engines put that off until somebody looks.
    const run = (digest: Md5) => (i: number) => digest(inputs[i & 63]!).charCodeAt(31)
    const { results, ratio } = compare({ isomq: run(md5Hex), 'js-md5': run(pure), 'node:crypto': run(node) })
    const figures = nanoseconds(results)
    return [
      { what: `MD5 of ${length} B, against js-md5`, ratio: ratio('isomq', 'js-md5'), target: 1, figures },
      {
        what: `MD5 of ${length} B, against node:crypto (native)`,
        ratio: ratio('isomq', 'node:crypto'),
        figures,
      },
    ]
  })
}
