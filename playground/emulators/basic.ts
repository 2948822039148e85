/** Name and password of Basic authentication; with a colon in the password. */
export function basicOf(headers: Headers): readonly [user: string, password: string] | undefined {
  const [, code] = /^Basic ([\w+/=]+)$/i.exec(headers.get('authorization') ?? '') ?? []
  if (code === undefined) return undefined
  try {
    const bytes = Uint8Array.from(atob(code), (sign) => sign.charCodeAt(0))
    const [, user = '', password = ''] = /^([^:]*):(.*)$/s.exec(new TextDecoder().decode(bytes)) ?? []
    return [user, password]
  } catch {
    return undefined
  }
}
