import { createTamburConnection, createTamburPublisher } from 'isomq/tambur'
import WebSocket from 'ws'
import { TAMBUR, tamburRoom } from '../support/room.ts'
import type { EventPlug, Handed } from './handed.ts'

const STREAM = 'soak'
const PIECE = 5

const numberOf = (text: string) => text.split(' ').reduce((sum, part) => sum + Number(part), 0)

/** Notes a number under a name. */
function note(numbers: Map<string, number[]>, name: string, n: number): void {
  const known = numbers.get(name)
  if (known) known.push(n)
  else numbers.set(name, [n])
}

export const tambur: EventPlug = async (base) => {
  const { wire, appId, host, control, stats } = tamburRoom(base)
  const { authToken, presenceToken, directToken } = createTamburPublisher({
    ...TAMBUR,
    appId,
    apiHost: host,
    ssl: false,
  })
  let produced = 0
  return {
    points: ['subscribe', 'set_mode', 'command'],
    createClient({ random }) {
      const received = new Map<string, number[]>()
      const arrived = new Map<string, number[]>()
      /** Sees what the network brings before the client does. */
      class Tapped extends WebSocket {
        constructor(url: string) {
          super(url, { perMessageDeflate: false })
          let subscriber = ''
          this.on('message', (data) => {
            const text = String(data)
            if (text.startsWith('id:')) subscriber = text.slice(3)
            else if (text.startsWith('["msg","soak","message"')) {
              note(arrived, subscriber, numberOf((JSON.parse(text) as string[])[3]!))
            }
          })
        }
      }
      const client = createTamburConnection({
        url: wire,
        random,
        WebSocket: Tapped as never,
        reconnect: { minDelay: 5, maxDelay: 100, stableAfter: 0 },
        async token({ mode, stream, userId, subscriberId }) {
          if (mode === 'auth') return authToken(stream, subscriberId)
          return (mode === 'presence' ? presenceToken : directToken)(stream, userId!, subscriberId)
        },
      })
      // Losses of the connection are what this is about; a fault of the client shows in the counts.
      client.on('error', () => {})
      const stream = client.stream(STREAM)
      stream.on('message', ({ text }) => note(received, client.subscriberId!, numberOf(text)))
      return {
        received,
        arrived,
        async open() {
          await stream.open()
          await Promise.all([stream.enableAuth(), stream.enablePresence('me'), stream.enableDirect('me')])
        },
        get isOpen() {
          return stream.state === 'open'
        },
        get reconnects() {
          return client.stats().reconnects
        },
        close: () => client.close(),
      }
    },
    async produce(count) {
      // In pieces, so that connections come and go in between; the emulator counts each from 1.
      for (const last = produced + count; produced < last; ) {
        const piece = Math.min(PIECE, last - produced)
        const before = produced
        produced += piece
        await control('publish', { stream: STREAM, message: `${before} {n}`, count: piece })
      }
    },
    killNext: async (on, frames, seed) => void (await control('killEvery', { frames, on, kills: 1, seed })),
    drop: async (how) => void (await control('drop', how === 'abrupt' ? { abrupt: true } : { code: how })),
    async stats() {
      const { dropped, refusedCommands } = await stats()
      return { dropped: dropped!, refused: refusedCommands! }
    },
    handed: async () => (await control('deliveries')).deliveries as readonly Handed[],
  }
}
