// Frames of STOMP 1.2 as RabbitMQ writes and reads them.
import { describe, expect, test } from 'vitest'
import { createStompReader, encodeStomp, HEART_BEAT, type StompFrame } from '../../src/tamar/stomp.ts'
import { rejection } from '../support/events.ts'
import { seeded } from '../support/random.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const read = (...pieces: (string | Uint8Array)[]): StompFrame[] => {
  const reader = createStompReader()
  return pieces.flatMap((piece) => reader(piece))
}
const frame = (command: string, headers: Record<string, string> = {}, body = '') => ({
  command,
  headers,
  body,
})

describe('a frame that is written', () => {
  test('has a command, headers in their order, a blank line, a body and NUL', () => {
    expect(encodeStomp('SEND', { destination: '/a', receipt: '1' }, '{"a":1}')).toBe(
      'SEND\ndestination:/a\nreceipt:1\n\n{"a":1}\0',
    )
    expect(encodeStomp('DISCONNECT', {})).toBe('DISCONNECT\n\n\0')
  })

  test('leaves out headers that are undefined, and keeps empty ones', () => {
    expect(encodeStomp('SEND', { a: undefined, b: '' })).toBe('SEND\nb:\n\n\0')
  })

  test('has escapes for colon, backslash and line ends, in names and values', () => {
    expect(encodeStomp('SEND', { 'a:b': 'c\\d\r\n:' })).toBe('SEND\na\\cb:c\\\\d\\r\\n\\c\n\n\0')
  })

  // STOMP 1.2 has no escapes in CONNECT, but RabbitMQ reads them there as everywhere else.
  test('has them in CONNECT, too, where RabbitMQ expects them', () => {
    expect(encodeStomp('CONNECT', { passcode: 'a:b\\c\nd' })).toBe('CONNECT\npasscode:a\\cb\\\\c\\nd\n\n\0')
  })

  test.each(['', 'a', ':', '\\', '\n', '\r', '\\n', '\\\\c', ' a ', 'é王😀', ':\\:\n\r\\'])(
    'gives back the header %j',
    (value) => {
      expect(read(encodeStomp('MESSAGE', { [`x${value}`]: value }, value))).toEqual([
        frame('MESSAGE', { [`x${value}`]: value }, value),
      ])
    },
  )
})

describe('a frame that is read', () => {
  test('may be text or bytes', () => {
    const text = 'RECEIPT\nreceipt-id:1\n\n\0\n'
    expect(read(text)).toEqual([frame('RECEIPT', { 'receipt-id': '1' })])
    expect(read(bytes(text))).toEqual(read(text))
  })

  test('may come with others in one message', () => {
    expect(read('A\n\n1\0\nB\n\n2\0C\n\n3\0\n\n\n')).toEqual([
      frame('A', {}, '1'),
      frame('B', {}, '2'),
      frame('C', {}, '3'),
    ])
  })

  test('may be cut anywhere', () => {
    const body = 'é王😀\n\0x'
    const all = bytes(
      `\n\nMESSAGE\r\nk:v\\c\r\ncontent-length:${bytes(body).length}\r\n\r\n${body}\0\nRECEIPT\n\n\0\n`,
    )
    const whole = read(all)
    expect(whole).toEqual([
      frame('MESSAGE', { k: 'v:', 'content-length': String(bytes(body).length) }, body),
      frame('RECEIPT'),
    ])
    for (let at = 0; at <= all.length; at++)
      expect(read(all.subarray(0, at), all.subarray(at))).toEqual(whole)
    expect(read(...Array.from(all, (byte) => Uint8Array.of(byte)))).toEqual(whole)
  })

  test('may be cut at random, many of them', () => {
    const random = seeded(11)
    const frames = Array.from({ length: 200 }, (_, i) =>
      frame('MESSAGE', { 'correlation-id': `c${i}\n:` }, 'ü'.repeat(Math.floor(random() * 50))),
    )
    const all = bytes(
      frames.map(({ command, headers, body }) => encodeStomp(command, headers, body)).join('\n'),
    )
    const pieces: Uint8Array[] = []
    for (let at = 0; at < all.length; ) {
      const next = at + 1 + Math.floor(random() * 60)
      pieces.push(all.subarray(at, next))
      at = next
    }
    expect(read(...pieces)).toEqual(frames)
  })

  test('is not changed when the bytes of a piece are used again', () => {
    const reader = createStompReader()
    const piece = bytes('RECEIPT\nreceipt-id:1\n\nabc')
    expect(reader(piece)).toEqual([])
    expect(reader('\0')).toEqual([frame('RECEIPT', { 'receipt-id': '1' }, 'abc')])
  })

  test('with signs of life before, between and behind is itself', () => {
    expect(read(HEART_BEAT)).toEqual([])
    expect(read('\n\r\n', 'A\n\n\0', '\n', '\n', 'B\n\n\0\r\n')).toEqual([frame('A'), frame('B')])
  })

  test('ends at its length, whatever NUL is in its body', () => {
    expect(read('A\ncontent-length:3\n\n\0\0\0\0B\n\n\0')).toEqual([
      frame('A', { 'content-length': '3' }, '\0\0\0'),
      frame('B'),
    ])
    expect(read('A\ncontent-length:0\n\n\0')).toEqual([frame('A', { 'content-length': '0' })])
  })

  test('counts its length in bytes', () => {
    expect(read('A\ncontent-length:2\n\né\0')).toEqual([frame('A', { 'content-length': '2' }, 'é')])
  })

  test('keeps the first of a header that comes twice, and spaces as they are', () => {
    expect(read('A\nk:1\nk:2\n x : y \n\n\0')).toEqual([frame('A', { k: '1', ' x ': ' y ' })])
  })

  test('has headers of any name, and none besides', () => {
    const [{ headers }] = read('A\n__proto__:1\nconstructor:2\n\n\0') as [StompFrame]
    expect(Object.entries(headers)).toEqual([
      ['__proto__', '1'],
      ['constructor', '2'],
    ])
    expect(headers.toString).toBeUndefined()
  })

  test('with an escape that there is none of keeps it', () => {
    expect(read('A\nk:a\\tb\\\n\n\0')).toEqual([frame('A', { k: 'a\\tb\\' })])
  })

  test('of a megabyte is read', () => {
    const body = 'x'.repeat(1_000_000)
    const all = bytes(encodeStomp('MESSAGE', {}, body))
    expect(read(all.subarray(0, 400_000), all.subarray(400_000))).toEqual([frame('MESSAGE', {}, body)])
  })
})

describe('a long frame in small pieces', () => {
  test.each<[string, Record<string, string>, string]>([
    ['of text', {}, 'x'],
    ['of NULs, whose length it tells', { 'content-length': '300000' }, '\0'],
  ])('%s is read, and what follows it', (_, headers, unit) => {
    const body = unit.repeat(300_000)
    const all = bytes(`${encodeStomp('MESSAGE', headers, body)}\n${encodeStomp('RECEIPT', {})}`)
    const pieces = Array.from({ length: Math.ceil(all.length / 7) }, (_, i) => all.subarray(i * 7, i * 7 + 7))
    expect(read(...pieces)).toEqual([frame('MESSAGE', headers, body), frame('RECEIPT')])
  })

  test('is refused as soon as it shows that it is none', () => {
    const reader = createStompReader()
    const page = bytes(`<html>\n\n${'x'.repeat(1_000)}`)
    expect(() => {
      for (const byte of page) reader(Uint8Array.of(byte))
    }).toThrow('no STOMP frame')
  })
})

describe('what is no frame', () => {
  test.each<[string, string]>([
    ['HTML', '<html>\n\n</html>\0'],
    ['a JSON text', '{"a":1}\n\n\0'],
    ['a command in small letters', 'connected\n\n\0'],
    ['a header without a colon', 'A\nheader\n\n\0'],
    ['a length that is none', 'A\ncontent-length:abc\n\n\0'],
    ['a negative length', 'A\ncontent-length:-1\n\n\0'],
    ['a negative length that leads into the frame before', 'A\n\n\0B\ncontent-length:-23\n\n\0'],
    ['half a byte', 'A\ncontent-length:1.5\n\nab\0'],
    ['a length in hexadecimal', 'A\ncontent-length:0x1\n\na\0'],
    ['a body that is longer than it says', 'A\ncontent-length:1\n\nab\0'],
    ['a NUL where a command should be', '\0\n\n\0'],
  ])('is an error: %s', async (_, text) => {
    expect(await rejection((async () => read(text))())).toMatchObject({
      name: 'IsomqError',
      code: 'PROTOCOL',
      provider: 'tamar',
    })
  })

  test('is an error once it is too long, and not kept for ever', async () => {
    const reader = createStompReader()
    const megabyte = new Uint8Array(2 ** 20).fill(65)
    const failed = rejection(
      (async () => {
        for (let i = 0; i < 20; i++) reader(megabyte)
      })(),
    )
    expect(await failed).toMatchObject({ code: 'PROTOCOL' })
    const announced = createStompReader()
    expect(() => announced('A\ncontent-length:99999999999999999999\n\n')).toThrow('longer than')
  })

  test('never takes for ever, whatever it is', () => {
    const random = seeded(5)
    const parts = [
      'A',
      'MESSAGE',
      '\n',
      '\r',
      '\0',
      ':',
      '\\',
      'content-length',
      '-',
      '5',
      '1e3',
      'é',
      '\n\n',
    ]
    for (let round = 0; round < 3_000; round++) {
      const text = Array.from({ length: 12 }, () => parts[Math.floor(random() * parts.length)]).join('')
      try {
        read(text, 'A\n\n\0')
      } catch (error) {
        expect(error).toMatchObject({ code: 'PROTOCOL' })
      }
    }
  })
})
