import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { tamburRoom } from '../support/emulator.ts'

const python = spawnSync('python3', ['--version']).status === 0

test.skipIf(!python).each([
  ['plus', { textFrames: 8, binaryFrames: 0 }],
  ['percent', { textFrames: 0, binaryFrames: 8 }],
])(
  'a Python client with the habit "%s" publishes, subscribes, shows tokens and receives',
  async (habit, frames) => {
    const { host, appId, stats } = tamburRoom()
    const script = fileURLToPath(new URL('./peer.py', import.meta.url))
    const child = spawn('python3', [script, habit, host.split(':')[1]!, appId, '4'])
    let output = ''
    const take = (data: Buffer) => {
      output += data
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    const exit = await new Promise((resolve) => child.on('close', resolve))
    expect([exit, output.trim()]).toEqual([0, 'received 12'])
    expect(await stats()).toMatchObject({
      restCalls: 13,
      refused: 1,
      published: 12,
      delivered: 12,
      commands: 8,
      refusedCommands: 2,
      directs: 1,
      balancerCalls: 1,
      malformed: 0,
      ...frames,
    })
  },
)
