import { contract } from './suite.ts'
import { wamp1, wamp2 } from './wamp.ts'

contract(wamp1)
contract(wamp2)
