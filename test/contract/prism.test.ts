import { prism } from './prism.ts'
import { contract } from './suite.ts'

contract(prism)
