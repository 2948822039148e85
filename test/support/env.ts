// Global setup: one playground, with every emulator, for all tests of a run.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** `http://ADDRESS:PORT` of the playground, without a slash at the end. */
    playground: string
    /** What the tests are meant to run in. */
    runtime: string
  }
}

const script = fileURLToPath(new URL('playground.mjs', import.meta.url))

export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  // A process of its own, since miniflare needs Node and this may be Bun or Deno.
  const child = spawn(process.env.npm_node_execpath ?? 'node', [script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const [url] = await Promise.race([
    new Promise<[string]>((resolve) => createInterface(child.stdout).once('line', (line) => resolve([line]))),
    ended.then((): never => {
      throw new Error('the playground did not start; see above')
    }),
    new Promise<never>((_, reject) => child.once('error', reject)),
  ])
  provide('playground', url)
  return () => {
    child.stdin.end()
    return ended
  }
}
