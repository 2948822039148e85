// What the tests of the emulator's gateway and of its STOMP share.
import type { TamarRoom } from '../support/room.ts'
import { DESTINATION, rowOf, type StompPeer } from '../support/tamar.ts'

/** How a STOMP socket ends of which the server had enough. */
export const DIED = { code: 1000, reason: 'STOMP died' }

/** Names a row to the gateway. */
export const dispatch = (peer: StompPeer, id: string, headers: Record<string, string> = {}): Promise<void> =>
  peer.confirmed(
    'SEND',
    { destination: DESTINATION, persistent: 'true', ...headers },
    `{"message_id":"${id}"}`,
  )

/** The status of a row, as soon as it is as wanted. */
export async function status(room: TamarRoom, id: string, wanted: string): Promise<void> {
  while ((await rowOf(room, id)).status !== wanted) await new Promise((resolve) => setTimeout(resolve, 2))
}
