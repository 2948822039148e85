import type { Stored } from './store.ts'

export interface MessageFields {
  readonly topic: string
  readonly content: string
  readonly publisher: string
  readonly nick: string
  /** An int64 as text. */
  readonly userId: string
  /** An int64 as text. */
  readonly dataId: string
}

/** The message's id is its sequence number and the room's base. */
export type StoredMessage = Stored<MessageFields>

export const COLUMNS: Readonly<Record<keyof MessageFields, string>> = {
  topic: 'topic',
  content: 'content',
  publisher: 'publisher',
  nick: 'nick',
  userId: 'user_id',
  dataId: 'data_id',
}
