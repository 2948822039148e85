import { encodeConfirm } from '../../src/tmc/frames.ts'

// What the streaming server for TMC and its clients have agreed on.
export const TOKEN = '3a5e8d28-20b1-40dd-8e2d-a0b1c2d3e4f5'
export const CONFIRM_SIZE: number = encodeConfirm(TOKEN, 0n).length
