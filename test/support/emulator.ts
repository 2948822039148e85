import { inject } from 'vitest'
import {
  APP,
  PRISM,
  type PrismRoom,
  prismRoom as prismRoomAt,
  type Room,
  room as roomAt,
  TAMAR,
  TAMBUR,
  type TamarRoom,
  type TamburRoom,
  tamarRoom as tamarRoomAt,
  tamburRoom as tamburRoomAt,
  WEBMQ,
  type WebmqRoom,
  webmqRoom as webmqRoomAt,
} from './room.ts'

export { APP, PRISM, TAMAR, TAMBUR, WEBMQ }

/** A room of its own in the TMC emulator of this test run. */
export const room = (): Room => roomAt(inject('playground'))

/** A room of its own in the Prism emulator of this test run. */
export const prismRoom = (): PrismRoom => prismRoomAt(inject('playground'))

/** A room of its own in the Tamar emulator of this test run. */
export const tamarRoom = (): TamarRoom => tamarRoomAt(inject('playground'))

/** A room of its own in the Tambur emulator of this test run. */
export const tamburRoom = (): TamburRoom => tamburRoomAt(inject('playground'))

/** A room of its own in the WebMQ emulator of this test run. */
export const webmqRoom = (): WebmqRoom => webmqRoomAt(inject('playground'))
