import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

const PATIENCE = 15 * 60_000
// The tools see a pipe, and some would guess.
const COLOUR = process.stdout.isTTY && !process.env.NO_COLOR ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }

/** Runs a command in the repository; gives its exit code and all that it printed. It is ended when it takes too long. */
export function run([file, ...args], env = {}, patience = PATIENCE) {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd: root,
      env: { ...process.env, npm_node_execpath: process.execPath, ...COLOUR, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: patience,
    })
    let output = ''
    const take = (data) => {
      output += data
    }
    child.stdout.setEncoding('utf8').on('data', take)
    child.stderr.setEncoding('utf8').on('data', take)
    child.once('error', ({ message }) => resolve({ code: 1, output: message }))
    child.once('close', (code, signal) => {
      const ended = signal ? `\n${file} was ended by ${signal}\n` : ''
      resolve({ code: code ?? 1, output: output + ended })
    })
  })
}
