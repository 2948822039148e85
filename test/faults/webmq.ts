import { createWampSession, IsomqError } from 'isomq/webmq'
import WebSocket from 'ws'
import { webmqRoom } from '../support/room.ts'
import type { CallCounts, EventPlug, Handed } from './handed.ts'

const TOPIC = 'com.example.soak'
/** Never answered: each of these waits when its connection is killed. */
const SLOW = 'com.example.demo.slow'
const ECHO = 'com.example.demo.echo'
const [SLOW_CALLS, ECHO_CALLS] = [3, 5]
const MINUTE = 60_000
const PIECE = 5

type Message = readonly unknown[]

/** What only the wire can tell: the types of the version's messages, and where they hold what. */
const WIRE = {
  1: { protocol: 'wamp', welcome: 0, event: 8, call: 2, payload: (message: Message) => message[2] },
  2: {
    protocol: 'wamp.2.json',
    welcome: 2,
    event: 36,
    call: 48,
    payload: (message: Message) => (message[4] as Message)[0],
  },
} as const

const numberOf = (text: unknown) => (text as string).split(' ').reduce((sum, part) => sum + Number(part), 0)

/** Notes a number under a name. */
function note(numbers: Map<string, number[]>, name: string, n: number): void {
  const known = numbers.get(name)
  if (known) known.push(n)
  else numbers.set(name, [n])
}

/** Calls by their numbers, which stand on the wire as `#5`. */
class Calls {
  readonly #open = new Set<number>()
  readonly #sent = new Set<number>()
  #last = 0
  #counts = { answered: 0, lost: 0, hung: 0, twice: 0, odd: 0 }

  /** The connection took a frame. */
  sent(frame: string): void {
    const n = Number(/"#(\d+)"/.exec(frame)?.[1])
    if (this.#sent.has(n)) this.#counts.twice++
    this.#sent.add(n)
  }

  async make(call: (mark: string) => Promise<unknown>): Promise<boolean> {
    const n = ++this.#last
    this.#open.add(n)
    try {
      await call(`#${n}`)
      this.#counts.answered++
      return true
    } catch (error) {
      if (error instanceof IsomqError && error.code === 'CONNECTION_LOST') this.#counts.lost++
      else this.#counts.odd++
      return false
    } finally {
      this.#open.delete(n)
    }
  }

  /** Whatever was sent on a connection that is over must have been told by now. */
  over(): void {
    for (const n of this.#open) if (this.#sent.has(n)) this.#counts.hung++
  }

  counts(): CallCounts {
    return { made: this.#last, ...this.#counts }
  }
}

/** Events and calls of a session of either version. */
export const webmq =
  (version: 1 | 2): EventPlug =>
  async (base) => {
    const { wire, control, stats } = webmqRoom(base)
    const { protocol, welcome, event: eventType, call: callType, payload } = WIRE[version]
    await control('settings', { strictIds: true, speaks: [protocol] })
    let produced = 0
    return {
      points: ['command', 'result'],
      createClient({ random }) {
        const received = new Map<string, number[]>()
        const arrived = new Map<string, number[]>()
        const calls = new Calls()
        /** Sees what the network brings before the session does, and what goes out. */
        class Tapped extends WebSocket {
          constructor(url: string, protocols: string[]) {
            super(url, protocols, { perMessageDeflate: false })
            let id = ''
            this.on('message', (data) => {
              const message = JSON.parse(String(data)) as Message
              if (message[0] === welcome) id = String(message[1])
              else if (message[0] === eventType) note(arrived, id, numberOf(payload(message)))
            })
          }

          override send(data: string): void {
            if (data.startsWith(`[${callType},`)) calls.sent(data)
            super.send(data)
          }
        }
        const session = createWampSession({
          url: wire,
          version,
          random,
          WebSocket: Tapped as never,
          reconnect: { minDelay: 5, maxDelay: 100, stableAfter: 0 },
        })
        const call = (procedure: string, ...args: unknown[]) =>
          calls.make((mark) => session.call(procedure, [...args, mark], { timeout: 0 }))
        // Losses of the connection are what this is about; a fault of the session shows in the counts.
        session.on('error', () => {})
        session.on('state', async ({ to }) => {
          if (to !== 'open') return
          // What was lost has been told, one turn later at most.
          await new Promise(setImmediate)
          if (session.state === 'open') calls.over()
          for (let n = 0; n < SLOW_CALLS; n++) call(SLOW, MINUTE)
          for (let n = 0; n < ECHO_CALLS; n++) if (!(await call(ECHO))) return
        })
        return {
          received,
          arrived,
          async open() {
            const subscription = await session.subscribe(TOPIC)
            subscription.on('event', ({ event }) =>
              note(received, String(session.sessionId), numberOf(event)),
            )
          },
          get isOpen() {
            return session.state === 'open' && session.stats().subscriptions === 1
          },
          get reconnects() {
            return session.stats().reconnects
          },
          async close() {
            await session.close()
            await new Promise(setImmediate)
            calls.over()
          },
          calls: () => calls.counts(),
        }
      },
      async produce(count) {
        // In pieces, so that connections come and go in between; the emulator counts each from 1.
        for (const last = produced + count; produced < last; ) {
          const piece = Math.min(PIECE, last - produced)
          const before = produced
          produced += piece
          await control('publish', { topic: TOPIC, event: `${before} {n}`, count: piece })
        }
      },
      killNext: async (on, frames, seed) =>
        void (await control('killEvery', {
          frames,
          on: on === 'delivery' ? 'event' : on,
          kills: 1,
          seed,
        })),
      drop: async (how) => void (await control('drop', how === 'abrupt' ? { abrupt: true } : { code: how })),
      async stats() {
        const { dropped, forbidden, malformed, oddIds } = await stats()
        return { dropped: dropped!, refused: forbidden! + malformed! + oddIds! }
      },
      async handed() {
        const { deliveries } = (await control('deliveries')) as unknown as {
          deliveries: readonly Delivered[]
        }
        return deliveries.map(({ session, ended, publications }) => ({
          subscriber: String(session),
          ended,
          messages: publications,
        }))
      },
    }
  }

interface Delivered extends Pick<Handed, 'ended'> {
  readonly session: string | number
  readonly publications: Handed['messages']
}
