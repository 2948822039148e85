/** What version 1 tells a session that has signed in; version 2 is held to the same. */
export interface Permissions {
  readonly pubsub: readonly {
    readonly uri: string
    /** Whether it is for all topics that begin so. */
    readonly prefix: boolean
    readonly pub: boolean
    readonly sub: boolean
  }[]
  readonly rpc: readonly { readonly uri: string; readonly prefix?: boolean; readonly call: boolean }[]
}

export const ALL: Permissions = {
  pubsub: [{ uri: '', prefix: true, pub: true, sub: true }],
  rpc: [{ uri: '', prefix: true, call: true }],
}

export const NOTHING: Permissions = { pubsub: [], rpc: [] }

export type Right = 'pub' | 'sub' | 'call'

/** The longest URI that the one in question begins with decides, alone. */
export function allows({ pubsub, rpc }: Permissions, right: Right, uri: string): boolean {
  const granted = right === 'call' ? rpc.filter(({ call }) => call) : pubsub.filter((entry) => entry[right])
  let best: { readonly uri: string; readonly prefix?: boolean } | undefined
  for (const entry of granted) {
    if (uri.startsWith(entry.uri) && entry.uri.length >= (best?.uri.length ?? 0)) best = entry
  }
  return best !== undefined && (best.prefix === true || best.uri === uri)
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const entries = (value: unknown, flags: readonly string[]): boolean =>
  Array.isArray(value) &&
  value.every(
    (entry) =>
      isRecord(entry) &&
      typeof entry.uri === 'string' &&
      flags.every((flag) => typeof entry[flag] === 'boolean'),
  )

export const isPermissions = (value: unknown): value is Permissions =>
  isRecord(value) && entries(value.pubsub, ['prefix', 'pub', 'sub']) && entries(value.rpc, ['call'])
