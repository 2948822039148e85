// node test/tool.mjs test/tmc/exit.ts STATE URL: brings a client into a state, closes it, and has nothing more to do.
import { createTmcClient } from 'isomq/tmc'
import { APP } from '../support/room.ts'

const [state, url] = process.argv.slice(2)
const client = createTmcClient({ ...APP, url })
client.on('error', () => {})

const reached = new Promise<void>((resolve) => {
  client.on('state', ({ to }) => to === state && resolve())
})
if (state !== 'idle') {
  client.on('message', () => {})
  await reached
}
await client.close()
console.log(`closed from ${state}`)
