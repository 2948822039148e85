import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

// Tests and tools, which may be bundled, are started in the folder of the package.
const script = 'test/webmq/router.mjs'

/** A router that is not ours; it speaks version 2, and has any realm. */
export interface Foreign {
  readonly url: string
  stop(): Promise<void>
}

/** Starts the router that is installed in the folder, on a free port of this machine alone. */
export async function startForeign(folder: string): Promise<Foreign> {
  const child = spawn(process.env.npm_node_execpath ?? 'node', [script, folder], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const url = await Promise.race([
    new Promise<string>((resolve) => createInterface(child.stdout).once('line', resolve)),
    ended.then((): never => {
      throw new Error('the router did not start; see above')
    }),
    new Promise<never>((_, reject) => child.once('error', reject)),
  ])
  return {
    url,
    stop: () => {
      child.stdin.end()
      return ended
    },
  }
}
