// node test/tool.mjs test/services/figures.ts: how fast messages go through the real servers of this machine.
import { createTamarClient, type TamarBroker, type TamarClient } from 'isomq/tamar'
import { planetscaleStore } from 'isomq/tamar/planetscale'
import { managementBroker, stompBroker } from 'isomq/tamar/rabbitmq'
import { upstashRedis } from 'isomq/tamar/upstash'
import type { Dispatch } from './amqp.ts'
import { Gateway, idOf } from './gateway.ts'
import { startPlanetScaleProxy } from './planetscale-proxy.ts'
import { GUEST } from './rabbitmq.ts'
import { startStack } from './stack.ts'
import { startUpstashProxy } from './upstash-proxy.ts'

const [IN_FLIGHT, COMMANDS] = [32, 1_000]

/** Does something `count` times, 32 at a time; gives how often per second. */
async function rate(count: number, act: () => Promise<unknown>): Promise<number> {
  let left = count
  const worker = async (): Promise<void> => {
    while (left-- > 0) await act()
  }
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  return Math.round((count / (performance.now() - startedAt)) * 1_000)
}

/** Milliseconds from each answer's way into RabbitMQ to its arrival at who waits for it, in order of size. */
async function answerTimes(client: TamarClient, { rabbit }: Gateway): Promise<number[]> {
  const commands: Dispatch[] = []
  const all = new Promise<void>((resolve) => {
    rabbit.onDispatch = (dispatch) => {
      if (commands.push(dispatch) === COMMANDS) resolve()
    }
  })
  const answeredAt = new Map<string, number>()
  const send = async (): Promise<number> => {
    const id = await client.sendCommand<string>('u', { type: 't' })
    return performance.now() - answeredAt.get(id)!
  }
  const waits = Array.from({ length: COMMANDS }, send)
  await Promise.race([all, Promise.all(waits)])
  // All of them wait now. One after another is answered, so that none waits for the others' turn.
  for (const command of commands) {
    answeredAt.set(idOf(command), performance.now())
    await rabbit.answer(command, JSON.stringify(idOf(command)))
  }
  return (await Promise.all(waits)).sort((a, b) => a - b)
}

const { mysql, redis, rabbit, stop } = await startStack()
const [planetscale, upstash] = [await startPlanetScaleProxy(mysql), await startUpstashProxy(redis)]
const { amqp, stomp, management } = rabbit.ports
const gateway = await Gateway.open({ redis: redis.port, mysql: mysql.port, amqp })
const { url, username, password } = planetscale
const services = {
  redis: upstashRedis({ url: upstash.url, token: upstash.token }),
  store: planetscaleStore({ url, username, password }),
}
const brokers: Record<string, () => TamarBroker> = {
  stomp: () => stompBroker({ url: `ws://127.0.0.1:${stomp}/ws`, ...GUEST }),
  management: () => managementBroker({ url: `http://127.0.0.1:${management}`, ...GUEST }),
}

try {
  for (const [name, open] of Object.entries(brokers)) {
    const broker = open()
    const client = createTamarClient({ ...services, broker })
    await rate(200, () => client.sendReliable('u', 1))
    const reliable = await rate(1_000, () => client.sendReliable('u', 1))
    console.log(`${name}: ${reliable} reliable sends/s with ${IN_FLIGHT} in flight`)
    const steps = [
      await rate(1_000, () => services.redis.incr('u', {})),
      await rate(1_000, () => services.store.select(['u'], {})),
      await rate(1_000, () => broker.publish({ body: '{}' }, {})),
    ]
    console.log(`  of its steps alone: ${steps[0]} INCR/s, ${steps[1]} SELECT/s, ${steps[2]} publishes/s`)
    const times = await answerTimes(client, gateway)
    const at = (share: number): string => times[Math.ceil(times.length * share) - 1]!.toFixed(1)
    console.log(
      `  ${COMMANDS} commands waiting, answered: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, all matched`,
    )
    gateway.rabbit.onDispatch = () => {}
    await client.close()
  }
} finally {
  await gateway.close()
  await Promise.all([planetscale.close(), upstash.close()])
  await stop()
}
