/**
 * The text of a declarative file, parsed: its value, and the line of everything in it. Owns all that YAML can do to a
 * reader: anchors that grow without end, keys that JavaScript takes for its own, numbers that it cannot hold.
 */
import {
  LineCounter,
  Scalar,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  parseDocument,
  type Alias,
  type Document,
  type Node,
  type Pair,
  type YAMLParseError,
} from 'yaml'
import { Fault } from '../ground/errors.ts'
import { readTextFile } from '../ground/text-file.ts'
import { findChangedValue } from './exact-values.ts'
import { isInSecret, NOT_SHOWN, secretPath } from './secret-member.ts'

export type Path = readonly (string | number)[]

const MOST_BYTES = 4 * 1024 * 1024
/** Values of the file, with each alias counted as what it stands for. */
const MOST_VALUES = 1_000_000
/** Resolving one alias takes longer the more there are. */
const MOST_ALIASES = 10_000
const MOST_DEPTH = 100

const NOT_APPLIED = 'nothing was applied'

/** A parsed file. */
export class Source {
  readonly value: unknown
  /** The file, after the variable that names it, where one does. */
  readonly #file: string
  readonly #document: Document
  readonly #lines = new LineCounter()

  /** @throws Fault where the file cannot be read, is no YAML or does more than YAML should */
  constructor(file: string, namedBy: string) {
    this.#file = `${namedBy && `${namedBy}: `}${file}`
    const text = this.#read(file)
    this.#document = this.#parse(text)
    this.#inspect(this.#document.contents)
    // Bounded by the inspection. The library's own count refuses a hundred plain uses of one anchor.
    this.value = this.#document.toJS({ maxAliasCount: -1 }) ?? {}
  }

  /** `file:line` of a path, or of the closest thing around it; with a key, of that key in the mapping there. */
  place(path: Path, key?: string): string {
    const node = this.#nodeAt(path)
    const keyNode = key === undefined ? undefined : this.#findPair(node, key)?.key
    return this.#placeOf(isScalar(keyNode) ? keyNode : node)
  }

  #read(file: string): string {
    const read = readTextFile(file, MOST_BYTES)
    if ('text' in read) return read.text
    throw new Fault(`${this.#file} ${read.why}`, 'name a readable YAML or JSON file')
  }

  #parse(text: string): Document {
    const document = parseDocument(text, { lineCounter: this.#lines, uniqueKeys: true, merge: true })
    // A warning is about a tag that is not known: without it the value means something else.
    const [error] = [...document.errors, ...document.warnings]
    if (!error) return document
    const { line, col } = this.#lines.linePos(error.pos[0])
    // The library reports an overflow of its own stack as an error of the text.
    if (error.message.startsWith('Maximum call stack'))
      throw new Fault(`${this.#file}:${line}: it is nested too deeply to be read`, NOT_APPLIED)
    if (error.code === 'MULTIPLE_DOCS')
      throw new Fault(`${this.#file}:${line}: a second document begins here (---)`, 'one file holds one document')
    const finding = isInSecret(document, error.pos[0]) ? NOT_SHOWN : summaryOf(error)
    throw new Fault(`${this.#file}:${line}:${col}: ${finding}`, 'the file is YAML or JSON')
  }

  /** Refuses what must not become a value. */
  #inspect(contents: unknown): void {
    const fault = (node: unknown, finding: string) => {
      const isHidden = hasRange(node) && isInSecret(this.#document, node.range[0])
      return new Fault(`${this.#placeOf(node)}: ${isHidden ? NOT_SHOWN : finding}`, NOT_APPLIED)
    }
    new Inspection(fault).measure(contents, 0)
    const changed = findChangedValue(this.#document)
    if (!changed) return
    const hidden = secretPath(changed.path)
    const path = hidden ?? changed.path
    throw new Fault(`${this.place(path)}: ${path.join('.')}: ${hidden ? NOT_SHOWN : changed.message}`, NOT_APPLIED)
  }

  #placeOf(node: unknown): string {
    const range = hasRange(node) ? node.range : undefined
    return range ? `${this.#file}:${this.#lines.linePos(range[0]).line}` : this.#file
  }

  /** The node at a path, or the last one on the way there. Aliases and merged mappings are followed. */
  #nodeAt(path: Path): unknown {
    let node: unknown = this.#document.contents
    for (const part of path) {
      const inside = this.#follow(node)
      const next: unknown = isSeq(inside) ? inside.items[Number(part)] : this.#findPair(inside, String(part))?.value
      if (!hasRange(next)) return node
      node = next
    }
    return node
  }

  #follow(node: unknown): unknown {
    return isAlias(node) ? node.resolve(this.#document) : node
  }

  /** A pair of a mapping: its own, else that of a mapping that is merged into it. */
  #findPair(node: unknown, key: string): Pair | undefined {
    const map = this.#follow(node)
    if (!isMap(map)) return undefined
    const own = map.items.find((pair) => nameOf(pair) === key)
    if (own) return own
    for (const source of map.items.filter(isMerge).flatMap(({ value }) => mergedBy(this.#follow(value)))) {
      const found = this.#findPair(source, key)
      if (found) return found
    }
  }
}

/** Walks through a document once, in its order, and counts what it would become. */
class Inspection {
  readonly #fault: (node: unknown, finding: string) => Fault
  /** By anchor: how many values an alias of it stands for; `undefined` while its own node is being measured. */
  readonly #anchored = new Map<string, { node: unknown; values: number | undefined }>()
  #aliases = 0

  constructor(fault: (node: unknown, finding: string) => Fault) {
    this.#fault = fault
  }

  /** @returns how many values the node becomes */
  measure(node: unknown, depth: number): number {
    if (depth > MOST_DEPTH) throw this.#fault(node, `it is nested deeper than ${MOST_DEPTH} levels`)
    if (isAlias(node)) return this.#measureAlias(node)
    const anchor = hasRange(node) ? (node as Node & { anchor?: string }).anchor : undefined // scalars and collections have one
    const entry: { node: unknown; values: number | undefined } = { node, values: undefined }
    if (anchor !== undefined) this.#anchored.set(anchor, entry)
    entry.values = this.#measurePlain(node, depth)
    return entry.values
  }

  #measureAlias(alias: Alias): number {
    this.#aliases += 1
    if (this.#aliases > MOST_ALIASES) throw this.#fault(alias, `more than ${MOST_ALIASES} aliases`)
    const { source } = alias
    const target = this.#anchored.get(source)
    if (!target) throw this.#fault(alias, `*${source}: there is no &${source} above it`)
    if (target.values === undefined) throw this.#fault(alias, `*${source} stands inside &${source} itself`)
    return target.values
  }

  #measurePlain(node: unknown, depth: number): number {
    if (isScalar(node)) return 1
    let values = 1
    for (const item of isMap(node) || isSeq(node) ? node.items : []) {
      if (isPair(item)) this.#requirePlainKey(node, item)
      values += this.measure(isPair(item) ? item.value : item, depth + 1)
      if (values > MOST_VALUES)
        throw this.#fault(
          isPair(item) ? item.value : item,
          `with its aliases it becomes more than ${MOST_VALUES} values`,
        )
    }
    return values
  }

  #requirePlainKey(holder: unknown, pair: Pair): void {
    const name = nameOf(pair)
    if (name === undefined) throw this.#fault(hasRange(pair.key) ? pair.key : holder, 'a key has to be a plain text')
    if (isMerge(pair) && !mergedBy(this.#target(pair.value)).every((each) => isMap(this.#target(each))))
      throw this.#fault(pair.key, '<<: expected a mapping, an alias of one, or a list of these')
  }

  #target(node: unknown): unknown {
    return isAlias(node) ? this.#anchored.get(node.source)?.node : node
  }
}

const hasRange = (node: unknown): node is Node & { range: [number, number, number] } =>
  (isScalar(node) || isMap(node) || isSeq(node) || isAlias(node)) && Array.isArray(node.range)

/** The key of a pair as a text; `undefined` where it is a list, a mapping or nothing. */
function nameOf({ key }: Pair): string | undefined {
  const value = isScalar(key) ? key.value : undefined
  // The library gives a merge key, `<<`, as a symbol.
  if (typeof value === 'symbol') return value.description
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined
}

/** In quotes it is a name like any other. */
const isMerge = (pair: Pair): boolean =>
  nameOf(pair) === '<<' && isScalar(pair.key) && (pair.key.type ?? Scalar.PLAIN) === Scalar.PLAIN

const mergedBy = (value: unknown): unknown[] => (isSeq(value) ? value.items : [value])

/** The library's finding without the picture that follows it. */
const summaryOf = ({ message }: Pick<YAMLParseError, 'message'>): string =>
  message.split('\n')[0]?.replace(/ at line .*$/, '') ?? ''
