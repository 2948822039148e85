import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { webmqRoom } from '../support/emulator.ts'

const python = spawnSync('python3', ['--version']).status === 0

test.skipIf(!python)(
  'a Python client with the habits of the PHP connector pushes, signs in and receives',
  async () => {
    const { push, control, stats } = webmqRoom()
    await control('settings', { anonymous: false })
    const { port, pathname } = new URL(push)
    const script = fileURLToPath(new URL('./peer.py', import.meta.url))
    const child = spawn('python3', [script, port, pathname.replace(/\/push$/, '')])
    let output = ''
    const take = (data: Buffer) => {
      output += data
    }
    child.stdout.on('data', take)
    child.stderr.on('data', take)
    const exit = await new Promise((resolve) => child.on('close', resolve))
    expect([exit, output.trim()]).toEqual([0, 'received 4'])
    expect(await stats()).toMatchObject({
      requests: 6,
      published: 5,
      delivered: 4,
      signIns: 1,
      refused: 1,
      malformed: 0,
      forbidden: 0,
    })
  },
)
