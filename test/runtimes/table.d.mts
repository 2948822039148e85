/** What this process is: `node`, `bun` or `deno`. */
export function thisRuntime(): string
