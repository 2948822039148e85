import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** What it returns collects all garbage. */
export function collector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}
