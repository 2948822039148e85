import { inject } from 'vitest'
import { type Peer, Room } from './peer.ts'

/** A room of its own in the emulator of this test run, with raw peers. */
export const newRoom = (): Room => new Room(inject('playground'), `room-${crypto.randomUUID()}`)

export const status = (answer: { statusCode?: number; statusPhrase?: string }): unknown[] => [
  answer.statusCode,
  answer.statusPhrase,
]

/** Waits until the room has dealt with all that the peer sent: it answers the last with an error. */
export async function settled(peer: Peer): Promise<void> {
  await peer.request(99, [], 1_000_000)
  for (;;) {
    const frame = await peer.frames.next()
    if (frame.flag === 1_000_000) return
  }
}
