// Subscribing, giving up, unsubscribing, answers and breaks in any order: what is wanted in the end is what the
// server has in the end, and nothing was asked for twice.
import type { WampSubscription } from 'isomq/webmq'
import { describe, expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { rejection } from '../support/events.ts'
import { seeded } from '../support/random.ts'
import { Wamp2Script, type WampScript, wampScript } from '../support/wamp.ts'
import { bench, bench2, VERSIONS } from './bench.ts'

const TOPICS = ['a', 'b', 'c']
const STEPS = 80

/** What a server has after all that it was told, and what of it made no sense. */
function ledger(script: WampScript) {
  const held = new Set<unknown>()
  const odd: string[] = []
  for (const [type, first, second, third] of script.messages) {
    const isNew = type === 5 || type === 32
    if (!isNew && type !== 6 && type !== 34) continue
    const topic = script instanceof Wamp2Script ? (isNew ? third : script.topicOf(second as number)) : first
    if (held.has(topic) === isNew) odd.push(`${isNew ? 'SUBSCRIBE' : 'UNSUBSCRIBE'} of ${topic}`)
    if (isNew) held.add(topic)
    else held.delete(topic)
  }
  return { held: [...held].sort(), odd }
}

interface Held {
  readonly subscription: WampSubscription
  seen: number
}

describe.each(VERSIONS)('whatever happens to subscriptions of version %d, in whatever order', (version) => {
  test.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'they end up as they are wanted (%d)',
    async (seed) => {
      const random = seeded(seed)
      const below = (count: number) => Math.floor(random() * count)
      const b = bench(version, { idleTimeout: 0 })
      const failed: unknown[] = []
      const expected = ({ code }: Error & { code?: string }) => {
        if (code !== 'ABORTED' && code !== 'CONNECTION_LOST') failed.push(code)
      }
      const held: Held[] = []
      const done: Promise<unknown>[] = []
      const comeBack = async () => {
        if (b.session.state !== 'open') (await b.redial()).accept()
        await flush()
      }

      async function subscribe(): Promise<void> {
        const abort = new AbortController()
        const subscribing = b.session.subscribe(TOPICS[below(3)]!, { signal: abort.signal, timeout: 0 })
        const kept = subscribing.then((subscription) => {
          const one = { subscription, seen: 0 }
          subscription.on('event', () => one.seen++)
          held.push(one)
        }, expected)
        done.push(kept)
        if (random() > 0.3) return
        await flush(below(6))
        abort.abort()
      }

      async function step(luck: number): Promise<void> {
        const [one] = luck < 0.3 ? [] : held.slice(below(held.length))
        if (luck < 0.3) await subscribe()
        else if (luck < 0.55 && one) {
          held.splice(held.indexOf(one), 1)
          done.push(one.subscription.unsubscribe({ timeout: 0 }).catch(expected))
        } else if (luck < 0.75 && b.session.state === 'open') b.script.grant()
        else if (luck < 0.85 && b.session.state === 'open') b.network.last.drop()
        else if (luck < 0.95) await comeBack()
        if (random() < 0.5) await flush(below(8))
      }

      await b.open()
      for (let n = 0; n < STEPS; n++) await step(random())
      await comeBack()
      for (let round = 0; round < 6; round++) {
        b.script.grant()
        await flush()
      }
      await Promise.all(done)
      for (const one of held) one.seen = 0
      for (const topic of TOPICS) b.script.event(topic, 1)
      const wanted = [...new Set(held.map(({ subscription }) => subscription.topic))].sort()
      const odd = b.network.sockets.flatMap((socket) => ledger(wampScript(socket, version)).odd)
      expect({ odd, failed, held: ledger(b.script).held }).toEqual({ odd: [], failed: [], held: wanted })
      expect(held.map(({ seen }) => seen)).toEqual(held.map(() => 1))
      expect(b.session.stats().subscriptions).toBe(wanted.length)
    },
  )

  test('10,000 topics at once take no longer than each by itself', async () => {
    const b = bench(version, { answerTimeout: 0 })
    const script = await b.open()
    const topics = Array.from({ length: 10_000 }, (_, n) => `topic${n}`)
    const all = Promise.all(topics.map((topic) => b.session.subscribe(topic, { timeout: 0 })))
    await flush()
    script.grant()
    await all
    expect(b.session.stats().subscriptions).toBe(10_000)
  })
})

test('a grant in the same breath as the abort is given back', async () => {
  const b = bench2()
  const script = await b.open()
  const abort = new AbortController()
  const given = rejection(b.session.subscribe('t', { signal: abort.signal }))
  await flush()
  abort.abort()
  script.grant()
  await given
  await flush()
  expect(script.unsubscribes).toEqual(['t'])
  script.grant()
  await b.subscribe('t')
  expect(script.subscribes).toEqual(['t', 't'])
})
