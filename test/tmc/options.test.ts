import { createTmcClient, IsomqError, type TmcClientOptions } from 'isomq/tmc'
import { expect, test } from 'vitest'

const right: TmcClientOptions = { appKey: '1', appSecret: 's' }
const wrong: [option: string, value: unknown][] = [
  ['appKey', ''],
  ['appKey', 12345678],
  ['appSecret', ''],
  ['sign', 'S'],
  ['groupName', ''],
  ['url', 'http://mc.api.taobao.com/'],
  ['url', 'mc.api.taobao.com'],
  ['connections', 0],
  ['pullInterval', -1],
  ['concurrency', 1.5],
  ['maxBuffered', 0],
  ['maxPending', Number.POSITIVE_INFINITY],
  ['handlerTimeout', 2 ** 31],
  ['answerTimeout', '2000'],
  ['connectTimeout', null],
  ['idleTimeout', Number.NaN],
  ['maxContent', 0],
  ['dedupe', true],
  ['reconnect', true],
  ['reconnect', { minDelay: '500' }],
  ['reconnect', { maxDelay: 2 ** 31 }],
  ['reconnect', { refused: 1 }],
  ['sdk', ''],
  ['intranetIp', 7],
  ['headers', { token: 7 }],
  ['headers', null],
  ['WebSocket', {}],
  ['clock', { now: 1 }],
  ['random', 0.5],
  ['logger', console],
  ['apSecret', 'a typing mistake'],
]

test.each(wrong)('the option %s is refused by name: %j', (option, value) => {
  const make = () => createTmcClient({ ...right, [option]: value } as TmcClientOptions)
  expect(make).toThrow(IsomqError)
  expect(make).toThrow(new RegExp(`the option "${option}"`))
})

test.each([undefined, null, 'options', 7])('options that are no object are refused: %j', (options) => {
  expect(() => createTmcClient(options as unknown as TmcClientOptions)).toThrow(
    /the options must be an object/,
  )
})

test('a missing app key is named; either a secret or a signer must be there', () => {
  expect(() => createTmcClient({ appSecret: 's' } as TmcClientOptions)).toThrow(
    'the option "appKey" is missing',
  )
  expect(() => createTmcClient({ appKey: '1' })).toThrow(/"appSecret" and "sign"/)
  expect(() => createTmcClient({ ...right, sign: () => '' })).toThrow(/"appSecret" and "sign"/)
})

test('the options are not changed, and later changes to them change nothing', () => {
  const options = Object.freeze({
    ...right,
    reconnect: Object.freeze({ minDelay: 1, retries: Number.POSITIVE_INFINITY }),
  })
  const client = createTmcClient(options)
  expect(client.state).toBe('idle')
  expect(options).toEqual({ ...right, reconnect: { minDelay: 1, retries: Number.POSITIVE_INFINITY } })
})
