// Calls, answers and lost connections in any order: once all is quiet, the service has what the user wants, no less and
// no more, and nobody is in a roster who is not there.
import { expect, test } from 'vitest'
import { flush } from '../support/clock.ts'
import { seeded } from '../support/random.ts'
import type { FakeSocket } from '../support/socket.ts'
import { type TamburCommand, TamburScript } from '../support/tambur.ts'
import { bench } from './bench.ts'

const STREAMS = ['a', 'b'] as const
const MODES = ['auth', 'presence', 'direct'] as const
type Mode = (typeof MODES)[number]
const OTHERS = ['her', 'him', 'them']

/** The service on one socket: it takes commands one after the other, and what it says arrives later, in order. */
class Service {
  readonly script: TamburScript
  readonly subscribed = new Map<string, Map<Mode, string>>()
  /** What is wrong with the commands that arrived. */
  readonly wrong: string[] = []
  readonly #others: ReadonlyMap<string, ReadonlySet<string>>
  readonly #said: unknown[] = []
  #taken = 0

  constructor(socket: FakeSocket, others: ReadonlyMap<string, ReadonlySet<string>>) {
    this.script = new TamburScript(socket)
    this.#others = others
  }

  get isQuiet(): boolean {
    return this.#taken === this.script.commands.length && this.#said.length === 0
  }

  take(): void {
    const command = this.script.commands[this.#taken]
    if (!command) return
    this.#taken++
    const response = this.#run(command)
    if (response !== 'ok') this.wrong.push(`${command.name} ${command.args.join(' ')}: ${response}`)
    this.#said.push(['ack', command.handle, response])
    const [mode, stream = ''] = command.args
    if (command.name === 'set_mode' && mode === 'presence' && response === 'ok') {
      for (const user of this.#others.get(stream)!) this.#said.push(['msg', stream, 'presence', [user, 'up']])
    }
  }

  #run({ name, args }: TamburCommand): string {
    const [first = '', stream = '', ...rest] = args
    if (name === 'subscribe') {
      if (this.subscribed.has(first)) return 'already_subscribed'
      this.subscribed.set(first, new Map())
      return 'ok'
    }
    if (name === 'unsubscribe') return this.subscribed.delete(first) ? 'ok' : 'not_subscribed'
    const modes = this.subscribed.get(stream)
    if (!modes) return 'not_subscribed'
    const user = rest[0] ?? ''
    if (name === 'unset_mode') {
      if (first === 'direct' && modes.get('direct') !== user) return 'not_set'
      return modes.delete(first as Mode) ? 'ok' : 'not_set'
    }
    if (modes.has(first as Mode)) return 'already_set'
    modes.set(first as Mode, first === 'auth' ? '' : user)
    return rest.at(-1) === `${this.script.id} ${rest.length > 1 ? user : ''}` ? 'ok' : 'invalid_token'
  }

  /** Somebody else comes or goes. */
  tell(stream: string, user: string, state: string): void {
    if (this.subscribed.get(stream)?.has('presence'))
      this.#said.push(['msg', stream, 'presence', [user, state]])
  }

  say(): void {
    const frame = this.#said.shift()
    if (frame) this.script.send(frame)
  }
}

test.each(Array.from({ length: 60 }, (_, i) => i + 1))('any order of things, seed %i', async (seed) => {
  const random = seeded(seed)
  const below = (n: number) => Math.floor(random() * n)
  const pick = <T>(all: readonly T[]): T => all[below(all.length)]!
  const others = new Map(STREAMS.map((name) => [name as string, new Set<string>()]))
  const tokens: (() => void)[] = []
  const b = bench({
    reconnect: { minDelay: 0, maxDelay: 0, stableAfter: 0 },
    idleTimeout: 0,
    token: ({ userId = '', subscriberId }) =>
      new Promise((resolve) => tokens.push(() => resolve(`${subscriberId} ${userId}`))),
  })
  let service: Service | undefined
  const wrong: string[] = []
  b.network.onDial = (socket) => {
    wrong.push(...(service?.wrong ?? []))
    service = new Service(socket, others)
  }
  const streams = STREAMS.map((name) => b.client.stream(name))
  const aborts: AbortController[] = []
  const limits = () => {
    if (below(3) > 0) return { timeout: 0 }
    const abort = new AbortController()
    aborts.push(abort)
    return { timeout: 0, signal: abort.signal }
  }
  const user = () => pick(['me', 'myself'])
  const calls: Promise<unknown>[] = []
  const call = (run: () => Promise<void>) => calls.push(run().catch((error) => error))
  const steps: Record<string, () => unknown> = {
    open: () => call(() => pick(streams).open(limits())),
    close: () => call(() => pick(streams).close()),
    auth: () => call(() => pick(streams).enableAuth(limits())),
    presence: () => call(() => pick(streams).enablePresence(user(), limits())),
    direct: () => call(() => pick(streams).enableDirect(user(), limits())),
    noAuth: () => call(() => pick(streams).disableAuth()),
    noPresence: () => call(() => pick(streams).disablePresence()),
    noDirect: () => call(() => pick(streams).disableDirect()),
    abort: () => aborts.splice(below(aborts.length), 1)[0]?.abort(),
    token: () => tokens.splice(below(tokens.length), 1)[0]?.(),
    connect: () => b.network.sockets.length > 0 && service!.script.accept(),
    take: () => service?.take(),
    say: () => service?.say(),
    other() {
      const [name, who] = [pick(STREAMS), pick(OTHERS)]
      const isThere = others.get(name)!.delete(who) || !others.get(name)!.add(who)
      service?.tell(name, who, isThere ? 'down' : 'up')
    },
    drop: () => below(4) === 0 && service?.script.socket.drop(),
    time: () => b.clock.advance(1),
  }
  const often = [...Object.keys(steps), 'take', 'take', 'say', 'say', 'token', 'open']
  for (let n = 0; n < 300; n++) {
    await steps[pick(often)]!()
    await flush(below(12))
  }
  b.client.connect().catch(() => {})
  for (let n = 0; n < 300; n++) {
    for (const step of ['time', 'connect', 'token', 'take', 'say']) await steps[step]!()
    await flush()
  }
  expect([service!.isQuiet, tokens.length, b.client.state]).toEqual([true, 0, 'open'])
  // Only a mode that was given up before its answer may be asked for when it is set, or unset when it is not.
  expect([...wrong, ...service!.wrong].filter((line) => /token|subscribe/.test(line))).toEqual([])
  for (const stream of streams) {
    const modes = service!.subscribed.get(stream.name)
    expect([stream.name, stream.state]).toEqual([stream.name, modes ? 'open' : 'closed'])
    const roster = modes?.has('presence') ? others.get(stream.name)! : []
    expect([stream.name, ...[...stream.present].sort()]).toEqual([stream.name, ...[...roster].sort()])
    const isOn = async (disable: () => Promise<void>) => {
      const error = disable().then(
        () => undefined,
        (error: { code: string }) => error,
      )
      await flush()
      for (let n = 0; n < 5; n++) for (const step of ['take', 'say']) await steps[step]!()
      return (await error)?.code !== 'CONFIG'
    }
    const service_ = new Set(modes?.keys())
    expect({
      auth: await isOn(() => stream.disableAuth()),
      presence: await isOn(() => stream.disablePresence()),
      direct: await isOn(() => stream.disableDirect()),
    }).toEqual({
      auth: service_.has('auth'),
      presence: service_.has('presence'),
      direct: service_.has('direct'),
    })
  }
  expect(b.statuses.filter(({ type }) => type === 'refused')).toEqual([])
})
