/** All texts that something would show, however deep: names, values, stacks, causes, what is not enumerable. */
export function everything(things: readonly unknown[]): string {
  const texts: string[] = []
  const seen = new Set<unknown>()
  const visit = (it: unknown): void => {
    if (typeof it === 'string') texts.push(it)
    else if (typeof it === 'symbol' || typeof it === 'bigint') texts.push(String(it))
    else if (it instanceof Uint8Array) texts.push(new TextDecoder().decode(it))
    if (typeof it !== 'object' || it === null || seen.has(it)) return
    seen.add(it)
    try {
      texts.push(String(it))
    } catch {
      // It has no text of its own, only what is in it.
    }
    if (it instanceof Map) for (const entry of it) visit(entry)
    for (const key of Reflect.ownKeys(it)) {
      visit(key)
      visit((it as Record<PropertyKey, unknown>)[key])
    }
  }
  for (const thing of things) visit(thing)
  return texts.join('\n')
}
