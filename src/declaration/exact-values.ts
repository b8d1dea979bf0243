/** Values of a YAML document that would not reach a token as they are written. */
import { isPair, isScalar, isSeq, visit, type Document, type Node, type Pair, type Scalar } from 'yaml'
import { describeInexact, isExactNumber, isSafeNumber } from '../ground/exact-json.ts'

export interface ChangedValue {
  path: (string | number)[]
  message: string
}

/** The first value that JSON cannot hold as it is written, or that JSON readers change. */
export function findChangedValue(document: Document): ChangedValue | undefined {
  let found: ChangedValue | undefined
  visit(document, {
    Scalar(key, node, ancestors) {
      const message = key === 'key' ? describeName(node.value) : describeScalar(node)
      if (message === undefined) return undefined
      const own = key === 'key' ? [String(node.value)] : []
      found = { path: [...pathTo(ancestors, node), ...own], message }
      return visit.BREAK
    },
  })
  return found
}

const describeName = (name: unknown): string | undefined =>
  name === '__proto__' ? 'not a name that a member may have' : undefined

function describeScalar({ value, source }: Scalar): string | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : 'a text with half a character'
  if (typeof value === 'bigint') return describeInexact(String(value))
  if (typeof value !== 'number') return undefined
  if (!Number.isFinite(value) && !/\d/.test(source ?? '')) return 'JSON has no such number'
  return isExact(value, source ?? String(value)) ? undefined : describeInexact(source ?? String(value))
}

/** YAML has forms of its own for integers: `0x1f`, `0o17`. The others are written as in JSON, but for a sign or a dot. */
const isExact = (value: number, source: string): boolean =>
  /^[-+]?[\d.]+(?:[eE][-+]?\d+)?$/.test(source) ? isExactNumber(source) : isSafeNumber(value)

/** The keys and places that lead to a node. */
function pathTo(ancestors: readonly (Document | Node | Pair)[], node: Node): (string | number)[] {
  const line = [...ancestors, node]
  return line.flatMap((each, at): (string | number)[] => {
    const inside = line[at + 1]
    if (isPair(each) && isScalar(each.key) && inside !== each.key) return [String(each.key.value)]
    return isSeq(each) ? [each.items.indexOf(inside)] : []
  })
}
