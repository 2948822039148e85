// Go's client sends commands as text frames, lengths included, whether they are UTF-8 or not.
import { expect, test } from 'vitest'
import { prismRoom as room } from '../support/emulator.ts'
import { connected } from './raw.ts'

test.each([
  ['k', 128, 'text/plain'],
  ['k', 0xed, 'text/plain'],
  ['k', 0xff, ''],
  ['k', 0x80ff, 'application/json'],
  ['k', 0xc280, 'text/plain'],
  ['k', 0xe4b8, 'text/plain'],
  ['k', 0xffff, 'text/plain'],
  ['', 40_000, ''],
  ['k'.repeat(200), 3, 'text/plain'],
  ['k'.repeat(255), 200, 'text/plain'],
  ['订单.\ufffd', 200, 'text/plain'],
])(
  'a publication of Go arrives when its lengths are no UTF-8: key %s, %i bytes, type %s',
  async (key, size, type) => {
    const { baseUrl, wire } = room()
    const body = `${'中\ufffd'.repeat(20)}${'x'.repeat(65_536)}`
    const bytes = Buffer.from(size > 120 ? body : 'abc').subarray(0, size)
    for (const url of [baseUrl, wire]) {
      const peer = await connected(url)
      peer.publish(key, bytes, type, (frame) => peer.sendText(frame))
      const { text } = await peer.deliveries.next()
      expect(JSON.parse(text)).toMatchObject({ key, body: bytes.toString() })
      expect(JSON.parse(text).type ?? '').toBe(type)
      peer.ack(/\d+\}$/.exec(text)![0].slice(0, -1))
    }
  },
)

test.each([
  ['0100016b000000c8616263000174', 'a body that is too short for its length'],
  ['0100016b00000083ffffff000174', 'a body that is no text'],
  ['0100ff6b', 'an end in the middle'],
])('a text frame that cannot be told is malformed: %s, %s', async (hex) => {
  const { baseUrl, stats } = room()
  const peer = await connected(baseUrl, null)
  peer.sendText(Buffer.from(hex, 'hex'))
  expect(await peer.errors.next()).toBe('malformed')
  expect(await stats()).toMatchObject({ malformed: 1, published: 0, textFrames: 1 })
})
