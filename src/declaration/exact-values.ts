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
  const tell = (path: ChangedValue['path'], message: string | undefined) => {
    if (message === undefined) return undefined
    found = { path, message }
    return visit.BREAK
  }
  visit(document, {
    Collection(_, node, ancestors) {
      return tell(pathTo(ancestors, node), describeTag(node))
    },
    Scalar(key, node, ancestors) {
      const message = describeTag(node) ?? (key === 'key' ? describeName(node) : describeScalar(node))
      return tell([...pathTo(ancestors, node), ...(key === 'key' ? [node.source ?? String(node.value)] : [])], message)
    },
  })
  return found
}

/** Tags of values that JSON has. Any other makes an object of a library out of the text. */
const JSON_TAGS = new Set(
  ['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map((name) => `tag:yaml.org,2002:${name}`),
)

const describeTag = ({ tag }: { tag?: string }): string | undefined =>
  tag === undefined || JSON_TAGS.has(tag)
    ? undefined
    : `JSON has no values of ${tag.replace('tag:yaml.org,2002:', '!!')}`

function describeName({ value, source }: Scalar): string | undefined {
  if (value === '__proto__') return 'not a name that a member may have'
  // YAML reads some names as numbers, which can come out as other names.
  return typeof value === 'number' && source !== String(value)
    ? 'a name that reads as a number; write it in quotes'
    : undefined
}

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
