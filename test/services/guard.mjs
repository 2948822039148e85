// Ends what the tests have started as soon as they end themselves, however that comes: their end closes its input.
// Each line of the input is a JSON object: `{ "add": WHAT }` or `{ "drop": WHAT }`, WHAT being one of
// `{ "group": PID }`, `{ "epmd": PORT }` and `{ "folder": PATH }`.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'

const held = new Set()

const end = {
  group: (pid) => process.kill(-pid, 'SIGKILL'),
  epmd: (port) => spawnSync('epmd', ['-port', String(port), '-kill'], { stdio: 'ignore', timeout: 5_000 }),
  folder: (path) => rmSync(path, { recursive: true, force: true, maxRetries: 5 }),
}

// Interrupting a run interrupts all its processes at once; this one has work to do then.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {})

createInterface(process.stdin)
  .on('line', (line) => {
    const { add, drop } = JSON.parse(line)
    if (add) held.add(JSON.stringify(add))
    else held.delete(JSON.stringify(drop))
  })
  .on('close', () => {
    // In the order in which they came, processes first: they write into their folders.
    const left = [...held].map((text) => JSON.parse(text))
    for (const kind of ['group', 'epmd', 'folder'])
      for (const what of left) {
        try {
          if (kind in what) end[kind](what[kind])
        } catch {
          // It has ended before.
        }
      }
  })
