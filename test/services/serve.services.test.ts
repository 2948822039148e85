// The servers by one command, as somebody uses them who wants to try Tamar.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { Client } from '@planetscale/database'
import { fromEnv } from 'isomq/tamar'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { amqpPeer } from './amqp.ts'
import { lacking } from './services.ts'

const QUEUE = 'ws.message.direct.queue'

interface Served {
  readonly child: ChildProcess
  readonly env: Readonly<Record<string, string>>
  /** All that listens somewhere. */
  readonly ports: readonly number[]
  readonly amqp: number
}

async function serve(): Promise<Served> {
  // Those of this run would be taken for its own.
  const { npm_lifecycle_event: _, ...clean } = process.env
  const child = spawn(process.execPath, ['test/tool.mjs', 'test/services/serve.ts'], {
    env: clean,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  for await (const line of createInterface(child.stdout)) {
    lines.push(line)
    if (line.includes('Ctrl-C')) break
  }
  const env = Object.fromEntries(
    lines.filter((line) => /^MSG_\w+=/.test(line)).map((line) => line.split('=', 2) as [string, string]),
  )
  const text = lines.join('\n')
  const ports = [...text.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port))
  return { child, env, ports, amqp: Number(/amqp:\S+:(\d+)/.exec(text)?.[1]) }
}

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

describe.skipIf(lacking)('npm run services', () => {
  let served: Served
  beforeEach(async () => {
    served = await serve()
  })
  afterEach(() => {
    served.child.kill('SIGKILL')
  })

  test('what it prints is what fromEnv needs, and after Ctrl-C no server is left', async () => {
    const { child, env, ports, amqp } = served
    expect(ports).toHaveLength(7)
    expect(await Promise.all(ports.map(listens))).not.toContain(false)

    for (const url of [env.MSG_RABBITMQ_URL!, `http://127.0.0.1:${ports[2]}`]) {
      const client = fromEnv({ ...env, MSG_RABBITMQ_URL: url })
      const id = await client.sendReliable('u', { from: url })
      await client.close()
      const { MSG_MYSQL_URL, MSG_MYSQL_USER: username, MSG_MYSQL_PASSWORD: password } = env
      const planet = new Client({
        url: MSG_MYSQL_URL!.replace('://', `://${username}:${password}@`),
      })
      const { rows } = await planet.execute('SELECT * FROM push_messages WHERE id = ?', [id])
      expect(rows).toMatchObject([{ target_user_id: 'u', payload: { from: url }, status: 'PENDING' }])
    }
    const connection = await amqpPeer(amqp)
    const channel = await connection.createConfirmChannel()
    expect(await channel.assertQueue(QUEUE, { durable: true })).toMatchObject({ messageCount: 2 })
    await connection.close()

    const ended = once(child, 'exit')
    child.kill('SIGINT')
    expect(await ended).toEqual([0, null])
    expect(await Promise.all(ports.map(listens))).not.toContain(true)
  })
})
