import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { guarded } from './guard.ts'

/** A server of the tests' own. */
export interface Server {
  /** Ends it at once, as a crash does (SIGKILL); resolves when it is gone. */
  kill(): Promise<void>
  /** Starts it again, after `kill` if need be, on the same ports and data; resolves when it takes connections. */
  restart(): Promise<void>
  /** Ends it and removes all that it leaves behind. */
  stop(): Promise<void>
}

/** How a server is started. */
export interface Recipe {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** What it prints when it takes connections. */
  readonly ready: RegExp
  /** All that it writes is in there; a folder of `temporary`. */
  readonly folder: string
  /** Ends what it starts and leaves behind. */
  clean?(): void
}

/** How long a server may take to start, in milliseconds. */
const PATIENCE = 60_000

/** A new folder that is gone with this process at the latest. */
export function temporary(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `isomq-${name}-`))
  guarded({ folder })
  return folder
}

/** Starts a server; when that fails, nothing of it is left. */
export async function start(recipe: Recipe): Promise<Server> {
  let running: Running | undefined
  const stop = async (): Promise<void> => {
    await running?.kill()
    running = undefined
    recipe.clean?.()
    rmSync(recipe.folder, { recursive: true, force: true, maxRetries: 5 })
  }
  const server: Server = {
    async kill() {
      await running?.kill()
      running = undefined
    },
    async restart() {
      await server.kill()
      running = launch(recipe)
      await running.ready
    },
    stop,
  }
  try {
    await server.restart()
    return server
  } catch (error) {
    await stop()
    throw error
  }
}

interface Running {
  readonly ready: Promise<void>
  kill(): Promise<void>
}

function launch({ name, command, args, env, ready: pattern }: Recipe): Running {
  // A group of its own, so that all its processes can be ended at once.
  const options = { env: { ...process.env, ...env }, detached: true } as const
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const release = child.pid === undefined ? () => {} : guarded({ group: child.pid })
  void ended.then(release)
  return {
    ready: ready(child, name, pattern),
    async kill() {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
      process.kill(-child.pid, 'SIGKILL')
      await ended
    },
  }
}

function ready(child: ChildProcess, name: string, pattern: RegExp): Promise<void> {
  let output = ''
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(timer)
      reject(new Error(`${name} did not start: ${why}\n${output.slice(-2_000)}`))
    }
    const timer = setTimeout(() => fail(`it was not ready within ${PATIENCE} ms`), PATIENCE)
    const take = (data: string): void => {
      // What it prints later is of no use, and has to be read all the same.
      if (output.length < 1_000_000) output += data
      if (!pattern.test(output)) return
      clearTimeout(timer)
      resolve()
    }
    child.stdout!.setEncoding('utf8').on('data', take)
    child.stderr!.setEncoding('utf8').on('data', take)
    child.once('error', ({ message }) => fail(message))
    child.once('close', (code, signal) => fail(`it ended with ${signal ?? code}`))
  })
}
