import { contract } from './suite.ts'
import { tamar } from './tamar.ts'

contract(tamar)
