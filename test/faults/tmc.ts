import { createTmcClient, type TmcMessage } from 'isomq/tmc'
import { APP, room } from '../support/room.ts'
import type { SoakClient, SoakPlug } from './plug.ts'

const ID_BASE = 7_104_300_000_000_000_000n

/** Unconfirmed messages per connection: what a kill throws back. */
const WINDOW = 200

export const tmc: SoakPlug = async (base) => {
  const { wire, control, stats } = room(base)
  await control('settings', {
    redeliverAfter: 200,
    confirmTimeout: 1_000,
    window: WINDOW,
    idBase: String(ID_BASE),
  })
  return {
    createClient: ({ maxBuffered, random }) =>
      createTmcClient({
        ...APP,
        url: wire,
        maxBuffered,
        random,
        // Few enough that slow handlers make the buffer run full.
        concurrency: 2,
        reconnect: { minDelay: 5, maxDelay: 100, stableAfter: 0 },
      }) as SoakClient,
    produce: async (count) =>
      void (await control('produce', { count, content: '{"status":"TRADE_CLOSED"}' })),
    idOf: ({ id }: TmcMessage) => ({ n: Number(BigInt(id) - ID_BASE), published: false }),
    killNext: async (on, frames, seed) =>
      void (await control('killEvery', { frames, on: on === 'ack' ? 'confirm' : on, kills: 1, seed })),
    drop: async (how) => void (await control('drop', how === 'abrupt' ? { abrupt: true } : { code: how })),
    async stats() {
      const { dropped, waiting, unconfirmed } = await stats()
      return { dropped: dropped!, left: waiting! + unconfirmed! }
    },
  }
}
