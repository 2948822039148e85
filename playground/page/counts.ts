import type { RoomStats } from './api.ts'
import { duration, part, setText } from './dom.ts'

/** The figures above the time line. They are the server's, so that a client cannot flatter itself. */
export function createCounts(section: HTMLElement) {
  let reconnects = 0
  const set = (name: string, value: string | number) =>
    setText(part(section, `count-${name}`), typeof value === 'number' ? value.toLocaleString('en') : value)

  return {
    show(stats: RoomStats, roundTrip: number | undefined): void {
      const { published, delivered, confirmed, failed, redelivered, waiting, unconfirmed } = stats
      const held = waiting + unconfirmed
      const lost = published - confirmed - held
      for (const [name, value] of Object.entries({
        published,
        delivered,
        confirmed,
        failed,
        redelivered,
        lost,
      }))
        set(name, value)
      set('waiting', held)
      set('round-trip', roundTrip === undefined ? '–' : duration(roundTrip))
      part(section, 'count-lost').dataset.lost = String(lost !== 0)
    },
    reconnected(): void {
      set('reconnects', ++reconnects)
    },
    clear(): void {
      reconnects = 0
      set('reconnects', 0)
    },
  }
}
