// A WAMP router that others wrote, in a process of its own: prints its URL, and ends when its input ends, so that
// it never outlives the tests. The argument is the folder that it is installed in.
import { createRequire } from 'node:module'
import { join } from 'node:path'

const Router = createRequire(join(process.argv[2], 'package.json'))('fox-wamp')
// What it has to say goes to the console, where only the URL shall be.
const { log } = console
console.log = () => {}
const server = new Router().listenWAMP({ port: 0, host: '127.0.0.1' })
server.once('listening', () => log(`ws://127.0.0.1:${server.address().port}/`))
process.stdin.resume().once('end', () => process.exit(0))
