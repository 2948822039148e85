import { contract } from './suite.ts'
import { tambur } from './tambur.ts'

contract(tambur)
