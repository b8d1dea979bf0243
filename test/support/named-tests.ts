/** The tests that a document names, and whether they exist. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

export interface NamedTest {
  /** From the root of the checkout. */
  file: string
  /** Groups and title, with `›` between; `…` ends a title that goes on with a case. */
  name: string
}

/** Those that stand as `file` — "name"; "another of the same file". */
export const namedTests = (page: string): NamedTest[] =>
  [...page.matchAll(/`(test\/[^`]+\.test\.ts)` — ("[^"]+"(?:; "[^"]+")*)/g)].flatMap(([, file = '', names = '']) =>
    [...names.matchAll(/"([^"]+)"/g)].map(([, name = '']) => ({ file, name })),
  )

const QUOTES = ["'", '"', '`']

/** Whether each group and title of a name stands in the file as a string. A group may have the name of a database before it. */
export function isThere({ file, name }: NamedTest): boolean {
  const path = join(ROOT, file)
  if (!existsSync(path)) return false
  const text = readFileSync(path, 'utf8')
  const isString = (title: string, ends: string[]) =>
    QUOTES.some((quote) => ends.some((end) => text.includes(quote + title + end) || text.includes(`}: ${title}${end}`)))
  return name.split(' › ').every((part) => isString(part.replace(/…$/, ''), part.endsWith('…') ? [''] : QUOTES))
}
