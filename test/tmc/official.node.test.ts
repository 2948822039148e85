// The official JavaScript client, as it is on npm, against the emulator: the proof that the emulator does not
// merely agree with our own client.
import { expect, inject, onTestFinished, test } from 'vitest'
import { peers, requirePeer } from '../bench/peers.ts'
import { APP, room } from '../support/room.ts'

interface OfficialClient {
  _interval: ReturnType<typeof setInterval>
  _ws: { removeAllListeners(event: string): void; close(): void } | null
  connect(url: string, handler: (message: Record<string, unknown>, done: () => void) => void): void
  autoPull(): void
}
type OfficialClass = new (appKey: string, appSecret: string, groupName: string) => OfficialClient

/** The `ws` that it asks for no longer gives the argument that it reads, so that it crashes on every frame. */
function repair({ prototype }: { prototype: { emit(event: string, ...args: unknown[]): boolean } }): void {
  const { emit } = prototype
  prototype.emit = function (event, ...args) {
    if (event === 'message') args[1] = { binary: typeof args[0] !== 'string' }
    return emit.call(this, event, ...args)
  }
}

const folder = peers()

test.skipIf(folder === undefined)('ali-topsdk signs in, receives, confirms and pulls', async () => {
  const { TmcClient } = requirePeer<{ TmcClient: OfficialClass }>(
    folder!,
    'ali-topsdk',
    './lib/tmc/tmcClient.js',
  )
  repair(requirePeer(folder!, 'ali-topsdk', 'ws'))
  const { url, control, stats } = room(inject('playground'))
  await control('produce', { count: 20, size: 400 })
  const client = new TmcClient(APP.appKey, APP.appSecret, 'default')
  onTestFinished(() => {
    clearInterval(client._interval)
    client._ws?.removeAllListeners('close')
    client._ws?.close()
  })
  const ids = new Set<unknown>()
  let enough = 20
  let reached = () => {}
  client.connect(url, ({ id }, done) => {
    ids.add(id)
    done()
    if (ids.size === enough) reached()
  })
  const all = () =>
    new Promise<void>((resolve) => {
      reached = resolve
      if (ids.size >= enough) resolve()
    })
  await all()
  // With no window the server sends only what is pulled.
  await control('settings', { window: 0 })
  await control('produce', { count: 10 })
  enough = 30
  client.autoPull()
  await all()
  // The confirm of the last message is on its way.
  while ((await stats()).confirmed! < 30) {}
  expect(await stats()).toMatchObject({ signIns: 1, refused: 0, delivered: 30, confirmed: 30, malformed: 0 })
  expect([...ids][0]).toBe('7104300000000000001')
})
