import { createPrismClient, type PrismMessage } from 'isomq/prism'
import { PRISM, prismRoom } from '../support/room.ts'
import type { SoakPlug } from './plug.ts'

/** Unacknowledged messages per connection: what a kill throws back. */
const WINDOW = 200

/** Tags begin anew with each connection: what a message is stands in its body. */
const PRODUCED = 'produced'
const PUBLISHED = 'published'

export const prism: SoakPlug = async (base) => {
  const { wire, control, stats } = prismRoom(base)
  await control('settings', { prefetch: WINDOW })
  let produced = 0
  return {
    createClient({ maxBuffered, random }) {
      const notify = createPrismClient({ ...PRISM, baseUrl: wire, random }).notify({
        maxBuffered,
        // Few enough that slow handlers make the buffer run full.
        concurrency: 2,
        redeliverAfter: 200,
        reconnect: { minDelay: 5, maxDelay: 100, stableAfter: 0 },
      })
      return { ...notify, publish: (n) => notify.publish('soak', `${PUBLISHED} ${n}`) }
    },
    async produce(count) {
      // The emulator counts each batch from 1.
      const batch = produced
      produced += count
      await control('produce', { count, key: 'soak', type: 'text/plain', body: `${PRODUCED} ${batch} {n}` })
    },
    idOf({ body }: PrismMessage) {
      const [origin, ...numbers] = body.split(' ')
      return { n: numbers.reduce((sum, n) => sum + Number(n), 0), published: origin === PUBLISHED }
    },
    killNext: async (on, frames, seed) => void (await control('killEvery', { frames, on, kills: 1, seed })),
    drop: async (how) => void (await control('drop', how === 'abrupt' ? { abrupt: true } : { code: how })),
    async stats() {
      const { dropped, waiting, unacked, publishesTaken } = await stats()
      return { dropped: dropped!, left: waiting! + unacked!, taken: publishesTaken! }
    },
  }
}
