import { createTmcClient } from 'isomq/tmc'
import { WebSocket } from 'ws'
import { encodeConfirm } from '../../src/tmc/frames.ts'
import { requirePeer } from './peers.ts'
import type { StreamClient } from './stream.ts'
import { TOKEN } from './tmc-wire.ts'

const account = { appKey: '12345', appSecret: 'secret', groupName: 'default' }
let sink: unknown

/** A user's work: reads the message, and is done. */
export const work = (content: unknown): void => {
  sink = content
}
export const lastContent = (): unknown => sink

/** `seen` is called for every message. */
export const isomq = async (url: string, seen: () => void = () => {}): Promise<() => Promise<void>> => {
  const client = createTmcClient({ ...account, url })
  client.on('message', (message) => {
    work(message.content)
    seen()
  })
  client.on('error', (error) => {
    console.error(error)
    process.exit(1)
  })
  await client.connect()
  return () => client.close()
}

/** The limit of the runtime: the same frames both ways, and nothing is read or written but by the socket. */
export const bare: StreamClient = async (url) => {
  const confirm = encodeConfirm(TOKEN, 1384120100044242953n)
  const socket = new WebSocket(url)
  socket.binaryType = 'arraybuffer'
  socket.onmessage = ({ data }) => {
    work(data)
    socket.send(confirm)
  }
  await new Promise((resolve, reject) => {
    socket.onopen = resolve
    socket.onerror = reject
  })
  socket.send(new Uint8Array([0]))
  return () => socket.terminate()
}

interface PeerClient {
  _ws: { close(): void; removeAllListeners(event: string): void } | null
  _interval: ReturnType<typeof setInterval>
  connect(url: string, callback: (message: { content: string }, done: () => void) => void): void
}
type PeerClass = new (appKey: string, secret: string, group: string) => PeerClient

interface PeerSocket {
  prototype: { emit(event: string, ...args: unknown[]): boolean }
}

/** ali-topsdk, held to say nothing and to stay closed, neither of which it offers. */
export function aliTopsdk(peers: string): StreamClient {
  const { TmcClient } = requirePeer<{ TmcClient: PeerClass }>(peers, 'ali-topsdk', './lib/tmc/tmcClient.js')
  repair(requirePeer<PeerSocket>(peers, 'ali-topsdk', 'ws'))
  const { log } = console
  return async (url) => {
    console.log = () => {}
    const client = new TmcClient(account.appKey, account.appSecret, account.groupName)
    client.connect(url, ({ content }, done) => {
      work(content)
      done()
    })
    return () => {
      clearInterval(client._interval)
      // It would start again, and say so.
      client._ws?.removeAllListeners('close')
      client._ws?.close()
      console.log = log
    }
  }
}

/** It reads an argument of `message` events that the `ws` which it asks for no longer gives, and would crash. */
function repair({ prototype }: PeerSocket): void {
  const { emit } = prototype
  prototype.emit = function (event, ...args) {
    if (event === 'message') args[1] = { binary: typeof args[0] !== 'string' }
    return emit.call(this, event, ...args)
  }
}
