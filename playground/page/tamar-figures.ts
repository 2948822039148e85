import type { TamarStats } from './tamar-api.ts'

type Figures = Readonly<Record<string, number | string>>
type Statuses = TamarStats['statuses']

/** The figures of a room whose servers are embedded: they know all that happened. */
export function figuresOf(stats: TamarStats): Figures {
  const { published, realtimeDelivered, inserted, statuses } = stats
  const { waiting, FINISHED, TIMED_OUT } = sumsOf(statuses)
  return {
    ...gatewayOf(stats),
    realtime: published,
    gone: published - realtimeDelivered,
    rows: inserted,
    waiting,
    lost: inserted - FINISHED - TIMED_OUT - waiting,
  }
}

/**
 * The same for real servers: the rows are those in the table, the rest is what the gateway has seen. How many rows
 * there should be, nobody knows of a table that others write to and clean up.
 */
export function realFiguresOf(stats: TamarStats, statuses: Statuses): Figures {
  const { realtime, realtimeDelivered } = stats
  return {
    ...gatewayOf(stats),
    realtime,
    gone: realtime - realtimeDelivered,
    rows: Object.values(statuses).reduce((sum, count) => sum + count, 0),
    waiting: sumsOf(statuses).waiting,
    lost: '–',
  }
}

const gatewayOf = ({ deliveries, redeliveries, acks, timedOut }: TamarStats): Figures => ({
  delivered: deliveries,
  redelivered: redeliveries,
  acked: acks,
  'timed-out': timedOut,
})

function sumsOf({
  PENDING = 0,
  DELIVERING = 0,
  REQUEST_DELIVERED = 0,
  FINISHED = 0,
  TIMED_OUT = 0,
}: Statuses) {
  return { waiting: PENDING + DELIVERING + REQUEST_DELIVERED, FINISHED, TIMED_OUT }
}
