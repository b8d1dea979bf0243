/** The parts of a JWT as anybody can write them: nothing of it is verified. */

/** A member of a part of a JWT, where it is text. */
export function textIn(part: string | undefined, name: string): string | undefined {
  try {
    const members: unknown = JSON.parse(Buffer.from(part ?? '', 'base64url').toString())
    const value: unknown = members && typeof members === 'object' ? Reflect.get(members, name) : undefined
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}
