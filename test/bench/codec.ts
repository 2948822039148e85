import { Buffer } from 'node:buffer'
import { decodeFrame } from '../../src/tmc/codec.ts'
import { confirmFrames, encodeConfirm } from '../../src/tmc/frames.ts'
import vectors from '../vectors/tmc.json' with { type: 'json' }
import { compare } from './measure.ts'
import { requirePeer } from './peers.ts'
import { nanoseconds, type Row } from './report.ts'

interface PeerCodec {
  readMessage(frame: Buffer): unknown
  writeMessage(message: object): Buffer
}

const TOKEN = '3a5e8d28-20b1-40dd-8e2d-a0b1c2d3e4f5'
const ID = 1384120100044242953n

/** The data frame of the vectors that has every header which the production server sends. */
function dataFrame(): Buffer {
  const cases = vectors.cases as readonly { name: string; input: { frame_hex?: string } }[]
  const found = cases.find(({ name }) => name.startsWith('data: as the production server writes it'))
  return Buffer.from(found!.input.frame_hex!, 'hex')
}

/** Reading a data frame and writing a confirm frame, against the codec of ali-topsdk. */
export function codec(peers: string): Row[] {
  // Its first use of the old Buffer constructor prints a warning, which is not ours to print.
  process.noDeprecation = true
  const { TmcCodec } = requirePeer<{ TmcCodec: new () => PeerCodec }>(
    peers,
    'ali-topsdk',
    './lib/tmc/tmcCodec.js',
  )
  const peer = new TmcCodec()
  const frame = dataFrame()
  const read = compare({ isomq: () => decodeFrame(frame), 'ali-topsdk': () => peer.readMessage(frame) })

  const confirm = confirmFrames(TOKEN)
  const id = String(ID)
  const message = { protocolVersion: 2, messageType: 2, token: TOKEN }
  const write = compare({
    confirmFrames: () => confirm(ID),
    encodeConfirm: () => encodeConfirm(TOKEN, ID),
    'ali-topsdk': () => peer.writeMessage({ ...message, content: { __kind: 2, id } }),
  })
  return [
    {
      what: 'decode a data frame',
      ratio: read.ratio('isomq', 'ali-topsdk'),
      target: 3,
      figures: nanoseconds(read.results),
    },
    {
      what: 'encode a confirm frame, as the client does (confirmFrames)',
      ratio: write.ratio('confirmFrames', 'ali-topsdk'),
      target: 8,
      figures: nanoseconds(write.results.filter(({ name }) => name !== 'encodeConfirm')),
    },
    {
      what: 'encode a confirm frame from scratch (encodeConfirm)',
      ratio: write.ratio('encodeConfirm', 'ali-topsdk'),
      figures: nanoseconds(write.results.slice(1)),
    },
  ]
}
