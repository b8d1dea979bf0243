/**
 * Fills a snippet. Each snippet is a real file of its language in `resource/` or `client/`, with three kinds of marks:
 *
 * - a placeholder in quotes, `"__ISSUER__"`, becomes a literal of the language;
 * - a bare placeholder, `__ISSUER__`, becomes a word of a shell command, as comments show them;
 * - a line that ends with `//? NAME` (or `#? NAME`) stays only if the condition holds, or one of several. Such a mark
 *   alone on its line begins a block, which ends at `//? end`.
 */
import { readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { shell } from '../../ground/shell-word.ts'

/** The values of placeholders, and the conditions of marks. An object becomes a literal in languages that read JSON. */
export interface Filling {
  values: Readonly<Record<string, string | object>>
  conditions: Readonly<Record<string, boolean>>
}

type Literal = (value: string | object) => string

/** Python, Go and YAML read the strings of JSON. */
const json: Literal = (value) => JSON.stringify(value)

const javascript: Literal = (value) =>
  typeof value === 'string' && !/['\\\n]/.test(value) ? `'${value}'` : JSON.stringify(value)

const shellWord: Literal = (value) => shell(typeof value === 'string' ? value : JSON.stringify(value))

const LITERALS: Readonly<Record<string, Literal>> = {
  '.mjs': javascript,
  '.js': javascript,
  '.py': json,
  '.go': json,
  '.yaml': json,
  '.sh': shellWord,
  '.conf': shellWord,
}

/** @param file path below this folder, such as `resource/express.mjs` */
export function fillFile(file: string, filling: Filling): string {
  const template = readFileSync(new URL(file, import.meta.url), 'utf8')
  return fill(template, LITERALS[extname(file)] ?? json, filling)
}

const MARK = /(?:\/\/|#)\? /

function fill(template: string, literal: Literal, { values, conditions }: Filling): string {
  const lines = keepLines(template.split('\n'), conditions)
  const valueOf = (name: string): string | object => known(values, name)
  return lines
    .join('\n')
    .replace(/"__([A-Z_]+)__"|'__([A-Z_]+)__'|__([A-Z_]+)__/g, (_all, double?: string, single?: string, bare = '') => {
      const quoted = double ?? single
      return quoted === undefined ? shellWord(valueOf(String(bare))) : literal(valueOf(quoted))
    })
}

/** The text before the mark of a line, and the names of the conditions behind it. */
function readMark(line: string): { text: string; names: string } | undefined {
  const mark = MARK.exec(line)
  const names = mark ? line.slice(mark.index + mark[0].length) : ''
  return mark && names !== '' ? { text: line.slice(0, mark.index).trimEnd(), names } : undefined
}

/**
 * The lines whose conditions hold, without their marks.
 * @throws Error for a block inside a block, or without an end
 */
function keepLines(lines: string[], conditions: Filling['conditions']): string[] {
  let block: boolean | undefined
  const kept = lines.flatMap((line) => {
    const mark = readMark(line)
    if (!mark) return block === false ? [] : [line]
    const { text, names } = mark
    if (text === '' && names === 'end') block = undefined
    else if (text === '' && block === undefined) block = holds(names, conditions)
    else if (text === '') throw new Error(`a snippet has a block inside a block: ${names}`)
    else if (block !== false && holds(names, conditions)) return [text]
    return []
  })
  if (block !== undefined) throw new Error('a snippet has a block without an end')
  return kept
}

const holds = (names: string, conditions: Filling['conditions']): boolean =>
  names.split(' ').some((name) => known(conditions, name))

/** @throws Error for a name that nobody fills: a slip in a snippet. */
function known<Value>(record: Readonly<Record<string, Value>>, name: string): Value {
  const value = record[name]
  if (value === undefined) throw new Error(`a snippet names ${name}, which is not filled`)
  return value
}
