import { Buffer } from 'node:buffer'
import { createTamburConnection, type WebSocketLike } from 'isomq/tambur'
import { work } from './clients.ts'
import { type Comparison, compare } from './measure.ts'
import { count, type Row } from './report.ts'
import { messageText, SUBSCRIBER, streamOf } from './tambur-wire.ts'

/** Messages that take turns, as in a burst of the server. */
const BURST = 1_000

/** A socket without a network, whose far side answers every command with ok. */
class Loop implements WebSocketLike {
  static last: Loop
  binaryType = ''
  readonly readyState = 1
  onopen: ((event: never) => void) | null = null
  onmessage: ((event: never) => void) | null = null
  onerror: ((event: never) => void) | null = null
  onclose: ((event: never) => void) | null = null

  constructor() {
    Loop.last = this
    queueMicrotask(() => {
      this.onopen?.({} as never)
      this.receive(`id:${SUBSCRIBER}`)
    })
  }

  receive(data: string): void {
    this.onmessage?.({ data } as never)
  }

  send(frame: string): void {
    const [, handle] = JSON.parse(frame) as [string, number]
    queueMicrotask(() => this.receive(JSON.stringify(['ack', handle, 'ok'])))
  }

  close(): void {
    queueMicrotask(() => this.onclose?.({ code: 1000, reason: '' } as never))
  }
}

/** Reads message number `i` off the network: a text that nobody has seen before. */
function reader(streams: number): (i: number) => string {
  const frames = Array.from({ length: BURST }, (_, i) => messageText(i, streams))
  const all = Buffer.from(frames.join(''))
  const size = frames[0]!.length
  return (i) => {
    const from = (i % BURST) * size
    return all.toString('latin1', from, from + size)
  }
}

type Client = (streams: number) => Promise<(frame: string) => void>

const isomq: Client = async (streams) => {
  const tambur = createTamburConnection({ url: 'ws://loop', WebSocket: Loop, idleTimeout: 0 })
  await tambur.connect()
  const socket = Loop.last
  for (let i = 0; i < streams; i++) {
    const stream = tambur.stream(streamOf(i))
    stream.on('message', ({ text }) => work(text))
    await stream.open()
  }
  return (frame) => socket.receive(frame)
}

/** One Map: the least there is to find what belongs to a stream. */
const flat: Client = async (streams) => {
  const handlers = new Map<string, (text: string) => void>()
  for (let i = 0; i < streams; i++) handlers.set(streamOf(i), (text) => work(text))
  return (frame) => {
    const [type, stream, , text] = JSON.parse(frame) as [string, string, string, string]
    if (type === 'msg') handlers.get(stream)!(text)
  }
}

/** A Map in the Map: the least for handlers that are added and taken off by kind. */
const nested: Client = async (streams) => {
  const handlers = new Map<string, Map<string, ((text: string) => void)[]>>()
  for (let i = 0; i < streams; i++) {
    handlers.set(streamOf(i), new Map([['message', [(text: string) => work(text)]]]))
  }
  return (frame) => {
    const [type, stream, , text] = JSON.parse(frame) as [string, string, string, string]
    if (type === 'msg') for (const handler of handlers.get(stream)!.get('message')!) handler(text)
  }
}

const CLIENTS = { isomq, 'one Map': flat, 'Map of Maps': nested }

/**
 * What a message costs from its text to its handler, without a network whose share covers that: with many streams it
 * costs more by what their handlers lie apart in memory, which bare Maps show, too.
 */
export async function tamburDispatch(many: number): Promise<Row> {
  const candidates: Record<string, (i: number) => void> = {}
  for (const [name, client] of Object.entries(CLIENTS)) {
    for (const streams of [1, many]) {
      const [receive, read] = [await client(streams), reader(streams)]
      candidates[`${name}, ${streams}`] = (i) => receive(read(i))
    }
  }
  const comparison = compare(candidates)
  const [ours, ...bare] = Object.keys(CLIENTS).map((name) => of(comparison, name, many))
  return {
    what: `${count(many)} open streams against one, without a network`,
    ratio: ours!.ratio,
    figures: [ours!, ...bare].map(({ text }) => text).join('; '),
  }
}

function of({ results, ratio }: Comparison, name: string, many: number): { ratio: number; text: string } {
  const ns = (streams: number) => count(results.find((one) => one.name === `${name}, ${streams}`)!.ns)
  const against = ratio(`${name}, ${many}`, `${name}, 1`)
  return { ratio: against, text: `${name} ${against.toFixed(2)} x (${ns(many)} ns, ${ns(1)} ns)` }
}
