import { inject } from 'vitest'
import { Room } from './peer.ts'

/** A room of its own in the emulator of this test run, with raw peers. */
export const newRoom = (): Room => new Room(inject('playground'), `room-${crypto.randomUUID()}`)
