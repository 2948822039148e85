import { decodeFrame, encodeFrame, type TmcFrame, type TmcFrameInit, type TmcValue } from 'isomq/tmc'
import type { FakeSocket } from './socket.ts'

export const byte = (value: number): TmcValue => ({ type: 'byte', value })
export const text = (value: string): TmcValue => ({ type: 'string', value })
export const int64 = (value: bigint | number): TmcValue => ({ type: 'int64', value: BigInt(value) })

export const kindOf = (frame: TmcFrame): number | undefined =>
  frame.headers.get('__kind')?.value as number | undefined

/** A data message with what every message has; further headers come behind. */
export function dataFrame(id: bigint | number, headers: [string, TmcValue][] = []): TmcFrameInit {
  const own: [string, TmcValue][] = [
    ['__kind', byte(3)],
    ['id', int64(id)],
    ['topic', text('taobao_trade_TradeCreate')],
    ['content', text(`{"n":${id}}`)],
  ]
  return { type: 'send', token: 'T', headers: new Map([...own, ...headers]) }
}

/** The TMC server's side of a fake socket. */
export class TmcScript {
  readonly socket: FakeSocket

  constructor(socket: FakeSocket) {
    this.socket = socket
  }

  /** All frames of the client, in order. */
  get frames(): TmcFrame[] {
    return this.socket.sent.map((frame) => decodeFrame(frame as Uint8Array))
  }

  ofKind(kind: number): TmcFrame[] {
    return this.frames.filter((frame) => frame.type === 'send' && kindOf(frame) === kind)
  }

  /** The sign-in, once the client has sent it. */
  get connect(): TmcFrame | undefined {
    return this.frames.find(({ type }) => type === 'connect')
  }

  get pulls(): number {
    return this.ofKind(1).length
  }

  get confirmed(): string[] {
    return this.ofKind(2).map(({ headers }) => String(headers.get('id')?.value))
  }

  get failed(): { id: string; reason: string }[] {
    return this.ofKind(20).map(({ headers }) => ({
      id: String(headers.get('id')?.value),
      reason: String(headers.get('msg')?.value),
    }))
  }

  get produced(): { flag: number; topic: string; content: string; session: unknown }[] {
    return this.ofKind(3).map(({ flag = 0, headers }) => ({
      flag,
      topic: String(headers.get('topic')?.value),
      content: String(headers.get('content')?.value),
      session: headers.get('session')?.value,
    }))
  }

  send(frame: TmcFrameInit): void {
    this.socket.bytes(encodeFrame(frame))
  }

  /** Opens the socket and acks the sign-in that follows. */
  accept(token = 'T'): void {
    this.socket.open()
    this.send({ type: 'connectack', flag: this.connect?.flag, token })
  }

  refuse(code = 25, phrase = 'invalid signature'): void {
    this.socket.open()
    this.send({ type: 'connectack', flag: this.connect?.flag, statusCode: code, statusPhrase: phrase })
  }

  deliver(...ids: (bigint | number)[]): void {
    for (const id of ids) this.send(dataFrame(id))
  }

  answer(
    flag: number,
    status: Pick<TmcFrameInit, 'statusCode' | 'statusPhrase' | 'type'> | object = {},
  ): void {
    this.send({ type: 'sendack', flag, token: 'T', ...status })
  }
}
