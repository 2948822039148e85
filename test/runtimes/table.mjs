/** What this process is: `node`, `bun` or `deno`. Whoever starts one says so in ISOMQ_RUNTIME. */
export function thisRuntime() {
  const found = process.versions.bun ? 'bun' : globalThis.Deno ? 'deno' : 'node'
  return process.env.ISOMQ_RUNTIME ?? found
}
