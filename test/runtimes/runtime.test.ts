import { expect, inject, test } from 'vitest'

// Not the library's own checks: what each runtime alone has.
const scope = globalThis as unknown as {
  readonly Deno?: { readonly version?: unknown }
  readonly Bun?: { readonly version?: unknown }
  readonly document?: object
  readonly process?: { readonly release?: { readonly name?: string }; readonly versions?: { v8?: string } }
  readonly navigator?: { readonly userAgent?: string }
}

function found(): string[] {
  const agent = scope.navigator?.userAgent ?? ''
  const isWorker = agent === 'Cloudflare-Workers'
  const names = {
    deno: scope.Deno?.version !== undefined,
    bun: scope.Bun?.version !== undefined,
    workerd: isWorker,
    chromium: scope.document !== undefined && / (Headless)?Chrome\//.test(agent),
  }
  const others = Object.entries(names).flatMap(([name, is]) => (is ? [name] : []))
  // The others imitate `process`, and Node imitates none of them.
  return others.length > 0 ? others : scope.process?.release?.name === 'node' ? ['node'] : []
}

test('these tests run where they are meant to run', () => {
  expect(found()).toEqual([inject('runtime')])
})
