import { type Courier, Delivery } from '../core/delivery.ts'
import { IsomqError } from '../core/errors.ts'
import { parseExact } from '../core/json.ts'
import type { Session } from '../core/session.ts'
import type { PrismDeliveryFields } from './codec.ts'
import type { PrismMessage } from './notifytypes.ts'
import { provider } from './wrong.ts'

/** A message that a socket brought. */
export class PrismDelivery extends Delivery implements PrismMessage {
  readonly tag: string
  readonly key: string
  readonly type: string | undefined
  readonly body: string
  readonly time: Date | undefined
  readonly clientId: string | undefined
  readonly app: string | undefined

  constructor(courier: Courier, from: Session, receivedAt: number, fields: PrismDeliveryFields) {
    super(courier, from, receivedAt)
    this.tag = fields.tag
    this.key = fields.key
    this.type = fields.type
    this.body = fields.body
    this.time = fields.time
    this.clientId = fields.clientId
    this.app = fields.app
  }

  json<T = unknown>({ exact = false }: { exact?: boolean } = {}): T {
    try {
      return (exact ? parseExact(this.body) : JSON.parse(this.body)) as T
    } catch (cause) {
      throw new IsomqError(provider, 'PROTOCOL', 'the body is not JSON; read its text', { cause })
    }
  }
}
