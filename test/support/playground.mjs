// Starts a playground, prints its URL, and ends it when its input ends, so that it never outlives the tests.
import { startPlayground } from '../../playground/host.mjs'

const playground = await startPlayground()
process.stdin.resume().once('end', async () => {
  await playground.stop()
  process.exit(0)
})
console.log(playground.url)
