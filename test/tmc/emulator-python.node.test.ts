import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, inject, test } from 'vitest'
import { newRoom } from './rooms.ts'

const python = spawnSync('python3', ['--version']).status === 0

test.skipIf(!python)(
  'a Python client with the habits of the seed signs in, receives and confirms',
  async () => {
    const room = newRoom()
    await room.control('settings', { window: 3 })
    await room.control('produce', { count: 5, content: '{"n":{n}}' })
    const script = fileURLToPath(new URL('./seed_peer.py', import.meta.url))
    const child = spawn('python3', [script, new URL(inject('playground')).port, `/tmc/${room.name}/`, '5'])
    let output = ''
    child.stdout.on('data', (data) => {
      output += data
    })
    child.stderr.on('data', (data) => {
      output += data
    })
    const exit = await new Promise((resolve) => child.on('close', resolve))
    expect([exit, output.trim().split('\n').at(-1)]).toEqual([0, 'confirmed 5'])
    expect(await room.stats()).toMatchObject({ confirmed: 5, confirmsUnknown: 0, waiting: 0, unconfirmed: 0 })
  },
)
