import { entries } from './entries.ts'

/** What a user's code does with one provider; a new provider adds its own. */
interface Use {
  /** An expression that throws an `IsomqError`; `m` is the imported entry. */
  readonly fails: string
  /** TypeScript that only compiles when the types of the entry have arrived. */
  readonly types: string
}

const USES: Readonly<Record<string, Use>> = {
  'isomq/tmc': {
    fails: 'm.decodeFrame(new Uint8Array(0))',
    types: `
import { createTmcClient, decodeFrame, type TmcFrame } from 'isomq/tmc'
export const frame: TmcFrame = decodeFrame(new Uint8Array(0))
// @ts-expect-error a frame's type is one of four words
export const wrong: 'data' = frame.type
export async function consume(): Promise<void> {
  const client = createTmcClient({ appKey: '1', appSecret: 's', groupName: 'default' })
  client.on('message', async (message) => console.log(message.topic))
  // @ts-expect-error there is no such event
  client.on('mesage', () => {})
  await client.close()
}`,
  },
}

const names = entries.map(({ name }) => name)

/** What `program` reports. */
export interface Report {
  readonly exports: Readonly<Record<string, readonly string[]>>
  /** Whether what each provider throws is the `IsomqError` of `isomq/errors` and of `isomq`. */
  readonly same: Readonly<Record<string, boolean>>
}

/** JavaScript that imports every entry and ends with a `report`. */
export const program: string = `
${names.map((name, i) => `import * as m${i} from '${name}'`).join('\n')}
const modules = { ${names.map((name, i) => `'${name}': m${i}`).join(', ')} }
const fails = { ${Object.entries(USES).map(([name, { fails }]) => `'${name}': (m) => ${fails}`)} }
const same = {}
for (const [name, fail] of Object.entries(fails)) {
  try {
    fail(modules[name])
  } catch (error) {
    same[name] = ['isomq', 'isomq/errors'].every((from) => error instanceof modules[from].IsomqError)
  }
}
const exports = Object.fromEntries(Object.entries(modules).map(([name, module]) => [name, Object.keys(module).sort()]))
const report = { exports, same }
`

/** TypeScript that uses every entry. */
export const typed: Readonly<Record<string, string>> = {
  'all.ts': names.map((name, i) => `export * as m${i} from '${name}'`).join('\n'),
  'errors.ts': `
import { IsomqError } from 'isomq/errors'
import { IsomqError as Same } from 'isomq'
export const code = (error: unknown): string => (error instanceof IsomqError ? error.code : '')
export const same: typeof IsomqError = Same
// @ts-expect-error the codes are a closed union
export const wrong = (error: IsomqError): boolean => error.code === 'CONFG'`,
  ...Object.fromEntries(Object.entries(USES).map(([name, { types }]) => [`${name.split('/')[1]}.ts`, types])),
}

export const providers: readonly string[] = Object.keys(USES)
