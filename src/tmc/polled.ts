import { type Courier, Delivery } from '../core/delivery.ts'
import type { TmcValue } from './codec.ts'
import { contentJson, type TmcMessage } from './message.ts'
import type { TopAnswer } from './top.ts'

const text = (value: unknown): string | undefined =>
  value === undefined || value === null ? undefined : String(value)

/** `yyyy-MM-dd HH:mm:ss` in GMT+8, as the gateway writes times. */
function readTime(value: unknown): Date | undefined {
  const time = new Date(`${String(value).replace(' ', 'T')}+08:00`)
  return Number.isNaN(time.getTime()) ? undefined : time
}

/** A message that the gateway gave out. */
export class PolledDelivery extends Delivery implements TmcMessage {
  readonly id: string
  readonly topic: string
  readonly content: string
  readonly publisher: string | undefined
  readonly time: Date | undefined
  readonly outTime: Date | undefined
  readonly userId: string | undefined
  readonly nick: string | undefined
  readonly dataId: string | undefined
  readonly retried = 0
  readonly headers: ReadonlyMap<string, TmcValue> = new Map()

  constructor(courier: Courier, receivedAt: number, answer: TopAnswer) {
    super(courier, undefined, receivedAt)
    this.id = text(answer.id) ?? ''
    this.topic = text(answer.topic) ?? ''
    this.content = text(answer.content) ?? ''
    this.publisher = text(answer.pub_app_key)
    this.time = readTime(answer.pub_time)
    this.userId = text(answer.user_id)
    this.nick = text(answer.user_nick)
  }

  json<T = unknown>({ exact = false }: { exact?: boolean } = {}): T {
    return contentJson<T>(this.content, exact)
  }
}
