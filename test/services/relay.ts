import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A way to a server that can be broken. */
export interface Relay {
  readonly port: number
  /** How many connections went through it. */
  readonly connections: number
  /** Breaks all connections, and says how many; new ones are taken. */
  cut(): number
  /** Lets nothing through in either direction until `resume`, as a network that has failed does. */
  pause(): void
  resume(): void
  close(): Promise<void>
}

/** Opens a way to a port of this machine, byte by byte. */
export async function openRelay(to: number): Promise<Relay> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let connections = 0
  let paused = false

  const server = createServer((incoming) => {
    connections++
    const outgoing = connect(to, '127.0.0.1')
    const pair = [incoming, outgoing] as const
    pairs.add(pair)
    incoming.pipe(outgoing)
    outgoing.pipe(incoming)
    if (paused) hold(pair)
    for (const socket of pair) {
      // An error is a close with a reason, which nobody asks for.
      socket.on('error', () => {})
      socket.once('close', () => {
        pairs.delete(pair)
        for (const one of pair) one.destroy()
      })
    }
  })
  const where = { port: 0, host: '127.0.0.1', backlog: 4_096 }
  await new Promise<void>((resolve) => server.listen(where, resolve))

  const cut = (): number => {
    for (const pair of pairs) for (const socket of pair) socket.destroy()
    return pairs.size
  }
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections
    },
    cut,
    pause() {
      paused = true
      for (const pair of pairs) hold(pair)
    },
    resume() {
      if (!paused) return
      paused = false
      for (const [incoming, outgoing] of pairs) {
        incoming.pipe(outgoing)
        outgoing.pipe(incoming)
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        cut()
      }),
  }
}

function hold([incoming, outgoing]: readonly [Socket, Socket]): void {
  incoming.unpipe(outgoing).pause()
  outgoing.unpipe(incoming).pause()
}
