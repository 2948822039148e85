import { contract } from './suite.ts'
import { tmc } from './tmc.ts'

contract(tmc)
