import { IsomqError, type TamarClient } from 'isomq/tamar'
import { type Gateway, idOf, type Row } from './gateway.ts'

/** What the caller of a send was told. */
export interface Send {
  /** The message's number, which is its payload. */
  readonly n: number
  /** Of a send that resolved. */
  readonly id?: string
  /** Of one that did not: the error's code, and what its details say of the row. */
  readonly code?: string
  readonly row?: unknown
  readonly messageId?: unknown
}

/** What is there, and whether it is what the callers were told. */
export interface Verdict {
  readonly rows: number
  /** Rejected sends by what they said of their row. */
  readonly told: { readonly true: number; readonly false: number; readonly unknown: number }
  /** Rows of those that did not know. */
  readonly unknownRows: number
  /** Resolved sends whose message came to the gateway. */
  readonly dispatched: number
  /** Times that a message came to the gateway again. */
  readonly duplicates: number
  /** Rows of rejected sends that had not come to the gateway and did after `dispatch(messageId)`. */
  readonly recovered: number
  /** Resolved sends without a row or a dispatch, and rows that stayed without one. */
  readonly lost: number
  /** Rejected sends that said of their row what is not so, or nothing. */
  readonly untrue: number
  /** Rows beyond the first of a message, or with a number of the sequence that another row of the user has. */
  readonly doubled: number
  /** Messages that named no row. */
  readonly strays: number
  /** Rejected sends with a code that is not one of this. */
  readonly odd: number
}

/** Holds what the callers were told against the table and the queue; afterwards dispatches what had not been. */
export async function judge(
  sends: readonly Send[],
  gateway: Gateway,
  prefix: string,
  client: TamarClient,
): Promise<Verdict> {
  const { rabbit } = gateway
  await rabbit.settle()
  const rows = await gateway.rows('target_user_id LIKE ?', `${prefix}-%`)
  const ids = new Map<string, string[]>()
  for (const { id, payload } of rows) ids.set(payload!, [...(ids.get(payload!) ?? []), id!])
  const idsOf = ({ n }: Send): readonly string[] => ids.get(String(n)) ?? []

  const resolved = sends.filter(({ id }) => id !== undefined)
  const rejected = sends.filter(({ id }) => id === undefined)
  const told = (row: unknown): readonly Send[] => rejected.filter((send) => send.row === row)
  const came = new Set(rabbit.dispatches.map(idOf))
  const duplicates = rabbit.dispatches.length - came.size
  const isThere = (send: Send): boolean => idsOf(send).length === 1 && idsOf(send)[0] === send.id
  const isOut = ({ id }: Send): boolean => came.has(id!)

  const waiting = rejected.flatMap((send) => idsOf(send).filter((id) => !came.has(id)))
  for (const send of rejected) await again(send, idsOf(send), client)
  await rabbit.settle()
  const cameAtLast = new Set(rabbit.dispatches.map(idOf))
  const lostRows = rows.filter(({ id }) => !cameAtLast.has(id!)).length
  const known = new Set(rows.map(({ id }) => id))

  return {
    rows: rows.length,
    told: { true: told(true).length, false: told(false).length, unknown: told('unknown').length },
    unknownRows: told('unknown').filter((send) => idsOf(send).length > 0).length,
    dispatched: resolved.filter(isOut).length,
    duplicates,
    recovered: waiting.filter((id) => cameAtLast.has(id)).length,
    lost: resolved.filter((send) => !isThere(send) || !isOut(send)).length + lostRows,
    untrue: rejected.filter((send) => !isTrue(send, idsOf(send))).length,
    doubled: rows.length - ids.size + (rows.length - new Set(rows.map(placeOf)).size),
    strays: [...cameAtLast].filter((id) => !known.has(id)).length,
    odd: rejected.filter(({ code }) => code !== 'PROVIDER').length,
  }
}

const placeOf = ({ target_user_id, seq }: Row): string => `${target_user_id} ${seq}`

/** Whether a rejected send said of its row what is so. */
function isTrue({ row, messageId }: Send, ids: readonly string[]): boolean {
  if (row === false) return ids.length === 0
  const isIts = ids.length === 1 && ids[0] === messageId
  if (row === true) return isIts
  return row === 'unknown' && typeof messageId === 'string' && (isIts || ids.length === 0)
}

/** What a caller does after a failure: dispatches the row, and learns of one that is not known whether it exists. */
async function again({ row, messageId }: Send, ids: readonly string[], client: TamarClient): Promise<void> {
  if (typeof messageId !== 'string' || row === false) return
  try {
    await client.dispatch(messageId)
  } catch (error) {
    const isMissing = error instanceof IsomqError && error.details.row === false
    if (!isMissing || ids.length > 0) throw error
  }
}
