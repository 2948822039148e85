import type { ControlledRoom } from './control.ts'
import { Faults } from './faults.ts'
import type { Session, SessionRoom } from './session.ts'
import type { TamarRoom } from './tamar-room.ts'

export const LINES = ['stomp', 'user', 'http'] as const
export type LineName = (typeof LINES)[number]

/** The connections of one kind, with what can go wrong on them: what happens to one kind leaves the others alone. */
export class Line implements ControlledRoom, SessionRoom {
  readonly sessions = new Set<Session>()
  faults = new Faults()
  lastConnection = 0
  readonly #room: TamarRoom

  constructor(room: TamarRoom) {
    this.#room = room
  }

  get store(): TamarRoom['store'] {
    return this.#room.store
  }

  get settings(): object {
    return this.#room.settings
  }

  set settings(settings: object) {
    this.#room.settings = settings as TamarRoom['settings']
  }

  get counters(): TamarRoom['counters'] {
    return this.#room.counters
  }

  tick(): void {
    this.#room.tick()
  }

  reset(): void {
    this.#room.reset()
  }

  crash(): void {
    this.#room.crash()
  }
}
