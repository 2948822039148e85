import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as it came. */
export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface Reply {
  readonly status: number
  readonly body: unknown
}

/** What goes wrong with a request. */
export interface Fault {
  /**
   * `error` an error of the service (status 503 unless told), `html` a page (502 unless told), `half` the first half
   * of the answer, `hang` no answer until `heal`, `cut` the connection breaks.
   */
  readonly what: 'error' | 'html' | 'half' | 'hang' | 'cut'
  /** Before the work, which then is not done, or after it. */
  readonly when: 'before' | 'after'
  readonly status?: number
  /** How many requests it happens to. Default 1. */
  readonly times?: number
  /** Which ones. Default all. */
  readonly to?: (request: Received) => boolean
}

export interface Front {
  /** `http://ADDRESS:PORT`, without a slash at the end. */
  readonly url: string
  /** Every request, in order. */
  readonly requests: readonly Received[]
  /** Faults wait until their requests come, each for its own, in the order of these calls. */
  fault(fault: Fault): void
  /** Forgets the faults that wait, and breaks the connections that hang. */
  heal(): void
  close(): Promise<void>
}

/** What stands behind the front. */
export interface Service {
  /** Does the work. */
  answer(request: Received): Promise<Reply>
  /** The body of an error in the shape of the service. */
  failure(text: string): unknown
  /** Takes a request that does not end with one answer; says whether it did. */
  stream?(request: Received, response: ServerResponse): boolean
  close(): Promise<void>
}

const PAGE = '<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>'

/** Puts an HTTP server, with faults on order, in front of a service. */
export async function openFront(service: Service): Promise<Front> {
  const requests: Received[] = []
  const hanging = new Set<IncomingMessage>()
  let faults: (Fault & { left: number })[] = []

  const next = (request: Received): Fault | undefined => {
    const fault = faults.find(({ to }) => to?.(request) ?? true)
    if (fault !== undefined && --fault.left === 0) faults = faults.filter((one) => one !== fault)
    return fault
  }

  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    allowBrowsers(incoming, response)
    if (incoming.method === 'OPTIONS') return void response.writeHead(204).end()
    const request = await receive(incoming)
    requests.push(request)
    const fault = next(request)
    if (fault?.when === 'before') return spoil(fault, { status: 200, body: service.failure('of the test') })
    if (fault === undefined && service.stream?.(request, response)) return
    const reply = await service.answer(request)
    if (fault !== undefined) return spoil(fault, reply)
    send(response, reply.status, JSON.stringify(reply.body))

    function spoil({ what, status }: Fault, { status: usual, body }: Reply): void {
      const text = JSON.stringify(body)
      if (what === 'error') send(response, status ?? 503, JSON.stringify(service.failure('of the test')))
      if (what === 'html') send(response, status ?? 502, PAGE, 'text/html; charset=utf-8')
      if (what === 'half') send(response, status ?? usual, text.slice(0, text.length / 2))
      if (what === 'hang') hanging.add(incoming)
      if (what === 'cut') incoming.socket.destroy()
    }
  }

  const server = createServer((incoming, response) => {
    serve(incoming, response).catch((error: Error) => {
      if (!response.headersSent) send(response, 500, JSON.stringify(service.failure(error.message)))
    })
  })
  // Room for a thousand sends at once, each with a connection of its own.
  const where = { port: 0, host: '127.0.0.1', backlog: 4_096 }
  await new Promise<void>((resolve) => server.listen(where, resolve))
  const heal = (): void => {
    faults = []
    for (const { socket } of hanging) socket.destroy()
    hanging.clear()
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    fault: (fault) => void faults.push({ ...fault, left: fault.times ?? 1 }),
    heal,
    async close() {
      heal()
      await closed(server)
      await service.close()
    },
  }
}

async function receive(incoming: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk as Buffer)
  const { method = '', url: path = '', headers } = incoming
  return { method, path, headers, body: Buffer.concat(chunks).toString() }
}

function send(response: ServerResponse, status: number, text: string, type = 'application/json'): void {
  response.writeHead(status, { 'content-type': type }).end(text)
}

/** The drivers run in browsers too, and send headers of their own. */
function allowBrowsers({ headers }: IncomingMessage, response: ServerResponse): void {
  response.setHeader('access-control-allow-origin', '*')
  response.setHeader('access-control-allow-headers', headers['access-control-request-headers'] ?? '*')
  response.setHeader('access-control-allow-methods', 'GET, POST')
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
