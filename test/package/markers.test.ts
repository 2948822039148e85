import { describe, expect, test } from 'vitest'
import { bundle, withoutThirdParty } from './bundle.ts'
import { entries } from './entries.ts'

/** Texts that one provider cannot do without and no other has. A new provider adds its line. */
const MARKERS: Readonly<Record<string, readonly string[]>> = {
  tmc: ['mc.api.taobao.com', 'app_key', 'group_name', '__kind', 'taobao.tmc'],
  tamar: ['realtime:user:', 'seq:user:', 'push_messages', 'ws.message.direct', 'passcode'],
  tambur: ['oauth_consumer_key', 'set_mode', 'unset_mode', '/stream/'],
  webmq: ['topicuri', 'authkey', 'wamp.2.json', 'procedure#authreq', 'wamp.close'],
  prism: ['client_id', 'sign_time', '/platform/notify', 'session_check', 'X-Api-'],
}

const text = (entry: string): Promise<string> =>
  bundle(`export * from '${entry}'`, { plugins: [withoutThirdParty] })
const providers = entries.filter(({ name }) => name.slice('isomq/'.length) in MARKERS)

test('every provider has its markers', () => {
  const folders = entries.map(({ name }) => name.split('/')[1]).filter((name) => name && name !== 'errors')
  expect(Object.keys(MARKERS)).toEqual(expect.arrayContaining(folders))
})

describe.each(providers)('$name', ({ name }) => {
  test('holds its own texts', async () => {
    const bundled = await text(name)
    const own = MARKERS[name.slice('isomq/'.length)]!
    expect(own.filter((marker) => !bundled.includes(marker))).toEqual([])
  })
})

describe.each(entries.filter(({ name }) => name !== 'isomq'))('$name', ({ name }) => {
  test('holds no text of another provider', async () => {
    const bundled = await text(name)
    const foreign = Object.entries(MARKERS).flatMap(([provider, marks]) =>
      name.split('/')[1] === provider ? [] : marks,
    )
    expect(foreign.filter((marker) => bundled.includes(marker))).toEqual([])
  })
})

test('a user of isomq who takes one thing gets nothing of what stands beside it', async () => {
  const bundled = await bundle("export { IsomqError } from 'isomq'", { plugins: [withoutThirdParty] })
  expect(
    Object.values(MARKERS)
      .flat()
      .filter((marker) => bundled.includes(marker)),
  ).toEqual([])
})
