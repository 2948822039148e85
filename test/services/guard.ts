import { type ChildProcess, spawn } from 'node:child_process'

/** What must not outlive the tests: a process group, the port mapper of Erlang on a port, a folder. */
export type Leftover = { readonly group: number } | { readonly epmd: number } | { readonly folder: string }

// Tests and tools, which may be bundled, are started in the folder of the package.
const script = 'test/services/guard.mjs'
let guard: ChildProcess | undefined

/** Sees to it that something is gone after this process, even when it crashes; gives what to call when it is gone. */
export function guarded(what: Leftover): () => void {
  tell({ add: what })
  return () => tell({ drop: what })
}

function tell(line: object): void {
  guard ??= start()
  guard.stdin!.write(`${JSON.stringify(line)}\n`)
}

function start(): ChildProcess {
  // In a group of its own, or what ends the tests by force may end it too.
  const child = spawn(process.env.npm_node_execpath ?? 'node', [script], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
  })
  // Nothing waits for it: it waits for this process.
  child.unref()
  const pipe = child.stdin as unknown as { unref(): void }
  pipe.unref()
  return child
}
