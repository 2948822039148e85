// The other side of the bench's WAMP clients: started as a process of its own, so that it takes no time from them.
// It publishes what it is told to and answers calls, through the router that the argument names; a file tells, even
// those who stand still, when the router has passed that on.
import { writeFileSync } from 'node:fs'
import { ready } from './stream.ts'
import { ECHO, eventOf, TOPIC, WampSocket } from './wamp-wire.ts'

interface Order {
  readonly publish?: number
  readonly answer?: number
  readonly flag: string
}

const socket = await WampSocket.connect(process.argv[2]!)
/** Calls that were answered and not asked for yet: they may come before the order. */
let answered = 0
let wake = () => {}
await socket.register(ECHO, () => {
  answered++
  wake()
})
process.on('message', async ({ publish = 0, answer = 0, flag }: Order) => {
  for (let i = 0; i < publish; i++) socket.publish(TOPIC, [eventOf(i)])
  while (answered < answer) {
    await new Promise<void>((resolve) => {
      wake = resolve
    })
  }
  answered -= answer
  // The router answers in order.
  await socket.settled()
  writeFileSync(flag, '')
})
process.on('disconnect', () => process.exit())
ready(0)
