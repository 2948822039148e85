// What goes between the gateway and the users. To a user it speaks JSON in text frames:
//   {"type":"realtime","payload":…}
//   {"type":"reliable","id":ID,"seq":N,"payload":…}
//   {"type":"command","id":ID,"seq":N,"command":TYPE,"data":…,"expiresAt":MS}
//   {"type":"error","reason":TEXT}            to what it cannot read
// and the user answers {"type":"ack","id":ID} and, to a command, {"type":"response","id":ID,"response":…}.
import { isJson } from './tamar-json.ts'
import type { Row } from './tamar-services.ts'

/** A realtime message, whose payload is JSON; undefined when it is not. */
export const realtimeFrame = (payload: string): string | undefined =>
  isJson(payload) ? `{"type":"realtime","payload":${payload}}` : undefined

/** The payload goes through as it is, so that numbers of any size stay exact. */
export function frameOf({ id, pushType, seq, payload, expiresAt }: Row): string {
  const head = `"id":${JSON.stringify(id)},"seq":${seq ?? 'null'}`
  if (pushType !== 2) return `{"type":"reliable",${head},"payload":${payload ?? 'null'}}`
  const { type = null, data = null } = (JSON.parse(payload ?? 'null') ?? {}) as Record<string, unknown>
  const rest = { command: type, data, expiresAt: expiresAt ?? null }
  return `{"type":"command",${head},${JSON.stringify(rest).slice(1)}`
}

/** The row that a message of the queue names. */
export function idOf(body: string): string | undefined {
  try {
    const id = (JSON.parse(body) as { message_id?: unknown } | null)?.message_id
    return typeof id === 'string' && id !== '' ? id : undefined
  } catch {
    return undefined
  }
}
