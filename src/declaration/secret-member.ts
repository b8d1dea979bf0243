/** Members that take a reference to a secret. By mistake the secret itself may stand there, so no message shows what does. */
import { isNode, isScalar, visit, type Document } from 'yaml'

const SECRET_MEMBERS: ReadonlySet<unknown> = new Set(['client_secret', 'password'])

/** The finding about anything that stands there. */
export const NOT_SHOWN =
  'not shown, because it may be a secret; expected a reference, { env: VARIABLE } or { file: PATH }'

/** A path as far as the first member of a secret; `undefined` where it has none. */
export function secretPath<T>(path: readonly T[]): T[] | undefined {
  const at = path.findIndex((part) => SECRET_MEMBERS.has(part))
  return at < 0 ? undefined : path.slice(0, at + 1)
}

/** Whether the text at an offset is part of such a member. */
export function isInSecret(document: Document, offset: number): boolean {
  let isInside = false
  visit(document, {
    Pair(_, { key, value }) {
      if (!isScalar(key) || !SECRET_MEMBERS.has(key.value)) return undefined
      const start = key.range?.[0] ?? Infinity
      const end = (isNode(value) && value.range?.[2]) || Infinity
      isInside ||= start <= offset && offset <= end
      return isInside ? visit.BREAK : undefined
    },
  })
  return isInside
}
