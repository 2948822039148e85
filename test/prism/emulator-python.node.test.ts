import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { prismRoom } from '../support/emulator.ts'

const python = spawnSync('python3', ['--version']).status === 0

test.skipIf(!python).each([
  ['php', { binaryFrames: 13, textFrames: 0 }],
  ['go', { binaryFrames: 0, textFrames: 13 }],
])(
  'a Python client with the habits of the %s SDK calls, publishes, receives and acknowledges',
  async (habit, frames) => {
    const { baseUrl, stats } = prismRoom()
    const { port, pathname } = new URL(baseUrl)
    const script = fileURLToPath(new URL('./peer.py', import.meta.url))
    const child = spawn('python3', [script, habit, port, pathname, '6'])
    let output = ''
    const take = (data: Buffer) => {
      output += data
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    const exit = await new Promise((resolve) => child.on('close', resolve))
    expect([exit, output.trim()]).toEqual([0, 'acknowledged 6'])
    expect(await stats()).toMatchObject({
      calls: 7,
      refused: 0,
      published: 6,
      publishesTaken: 5,
      acked: 6,
      acksUnknown: 0,
      malformed: 1,
      waiting: 0,
      unacked: 0,
      ...frames,
    })
  },
)
