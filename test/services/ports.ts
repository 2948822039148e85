import { createServer } from 'node:net'

/** Below the ports that systems give to outgoing connections, which would take one while its server is down. */
const [FIRST, LAST] = [12_000, 32_000]

/** Ports of this machine that nobody listens on, none of them twice. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>()
  while (found.size < count) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
    if (await isFree(port)) found.add(port)
  }
  return [...found]
}

/** Asks by listening: on the address that the servers use, and on all. */
async function isFree(port: number): Promise<boolean> {
  return (await canListen(port, '127.0.0.1')) && (await canListen(port))
}

const canListen = (port: number, host?: string): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host }, () => server.close(() => resolve(true)))
  })
