/**
 * Patterns of the verifier take a time that grows with the length of a text and not with its square: each is run on
 * hostile texts of one length and of eight times that length, side by side.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const SOURCE = new URL('../../verifier/src/', import.meta.url)

/** A pattern in the source: after an operator, since a division stands after a value. */
const LITERAL = /(?<=[=(,:?&|![>]\s{0,40})\/(?![*/])((?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/([dgimsuvy]*)/g

const withoutComments = (text: string) => text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')

function patterns(): RegExp[] {
  const sources = readdirSync(SOURCE).map((name) => withoutComments(readFileSync(new URL(name, SOURCE), 'utf8')))
  const found = sources.flatMap((text) =>
    [...text.matchAll(LITERAL)].map(([, source = '', flags]) => `${flags}/${source}`),
  )
  return [...new Set(found)].map((each) => new RegExp(each.slice(each.indexOf('/') + 1), each.split('/', 1)[0]))
}

/** What repeats, after a beginning that a pattern may look for, and before an end that it does not expect. */
const BEGINNINGS = ['', 'Bearer ', '"', 'application/', 'no-', 'max-age=', '/', 'x', '[']
const REPEATED = [
  'a',
  ' ',
  '.',
  '-',
  '0',
  '"',
  '\\',
  '/',
  '\n',
  '+',
  'a.',
  ' a',
  '/.',
  '%2e',
  'eE0',
  '\\"',
  '"a"',
  ':',
  ',',
]
const END = '\n\u2028!'

const LENGTH = 4000
const TIMES = 8

function bestMs(pattern: RegExp, text: string): number {
  const runs = Array.from({ length: 3 }, () => {
    const start = performance.now()
    if (pattern.global) text.replace(pattern, '')
    else pattern.test(text)
    return performance.now() - start
  })
  return Math.min(...runs)
}

test('no pattern takes time that grows faster than the text', () => {
  const all = patterns()
  expect(all.length).toBeGreaterThan(20)
  for (const pattern of all)
    for (const beginning of BEGINNINGS)
      for (const repeated of REPEATED) {
        const textOf = (length: number) => beginning + repeated.repeat(length / repeated.length) + END
        const long = bestMs(pattern, textOf(LENGTH * TIMES))
        // What takes less than this is linear in fact: a square would take a thousand times the length's own time.
        if (long < 4) continue
        const short = bestMs(pattern, textOf(LENGTH))
        expect(long / short, `${pattern} on ${JSON.stringify(beginning + repeated)}`).toBeLessThan(TIMES * 3)
      }
})
