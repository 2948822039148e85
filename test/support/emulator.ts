import { inject } from 'vitest'
import { APP, type Room, room as roomAt } from './room.ts'

export { APP }

/** A room of its own in the TMC emulator of this test run. */
export const room = (): Room => roomAt(inject('playground'))
