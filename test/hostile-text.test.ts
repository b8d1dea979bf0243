/** Hostile text costs no more than its length: every pattern of the source is tried, and every schema checks lengths first. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cleanPaste } from '../src/doctor/pasted-token.ts'
import { looksSecret, withoutSecrets } from '../src/ground/looks-secret.ts'
import { nearest } from '../src/ground/nearest.ts'
import { growsFasterThanItsText } from './support/growth.ts'
import { hasAdjacentUnboundedParts, hostileTexts } from './support/hostile-pattern.ts'
import { findRegexLiterals, type RegexLiteral } from './support/regex-literals.ts'

const ROOT = resolve(import.meta.dirname, '..')

/** Every source file that runs in a product of this repository. */
const sources = ['src', 'verifier/src'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|js)$/.test(file))
    .map((file) => ({ file: `${folder}/${file}`, text: readFileSync(join(ROOT, folder, file), 'utf8') })),
)

const patterns = sources.flatMap(({ file, text }) =>
  findRegexLiterals(text).map((literal) => ({ ...literal, place: `${file}:${literal.line}` })),
)

/** A text on which a pattern takes more than twice the time for twice the length; `undefined` where there is none. */
function findSlowText({ source, flags }: Pick<RegexLiteral, 'source' | 'flags'>): string | undefined {
  const everywhere = new RegExp(source, flags.includes('g') ? flags : `${flags}g`)
  const work = (text: string) => text.replace(everywhere, '')
  return hostileTexts({ source, flags }).find((make) => growsFasterThanItsText(work, make))?.(12)
}

test('the patterns are read from the source itself, and each of them is a pattern', () => {
  expect(patterns.length).toBeGreaterThan(100)
  for (const { source, flags } of patterns) expect(() => new RegExp(source, flags)).not.toThrow()
  // A pattern that is put together while the program runs would escape this test.
  expect(sources.filter(({ text }) => /\bRegExp\(/.test(text)).map(({ file }) => file)).toEqual([])
})

test('a literal is told from a division, a comment, a string and a template', () => {
  const text = [
    'const a = b / c / d // not /this/',
    "const e = f.replace(/[/\"]x/g, 'a/b/c') /* nor /that/ */",
    'const g = `${h ? `/no/${/yes/.source}` : i}/no/`',
    'if (j) return /k\\/l/u.test(m[0] / n)',
  ].join('\n')
  expect(findRegexLiterals(text).map(({ source, flags, line }) => [source, flags, line])).toEqual([
    ['[/"]x', 'g', 2],
    ['yes', '', 3],
    ['k\\/l', 'u', 4],
  ])
})

test('no pattern has two unbounded parts beside each other that take the same character', () => {
  expect(patterns.filter(hasAdjacentUnboundedParts).map(({ place, source }) => `${place} ${source}`)).toEqual([])
})

test('no pattern takes more than twice the time for twice the text', { timeout: 120_000 }, () => {
  const slow = patterns.flatMap((pattern) => {
    const text = findSlowText(pattern)
    return text === undefined ? [] : [`${pattern.place} ${pattern.source} on ${JSON.stringify(text)}`]
  })
  expect(slow).toEqual([])
})

describe('the test finds the patterns that it is there for', () => {
  const adjacent = ['[\\r\\n]+\\s*$', '(?:a+)+b', '\\w+a\\w+', '^[a-z]+[0-9]*[a-z]+$', '(x+|y)*z', '^\\[(.*)\\]\\d*$']
  test.each(adjacent)('%s has adjacent unbounded parts', (source) => {
    expect(hasAdjacentUnboundedParts({ source, flags: '' })).toBe(true)
  })
  const apart = ['^[\\w-]+\\.[\\w-]*\\.[\\w-]*$', '^bearer +(\\S+)$', 'a{2,}b+', '[a-z]{1,9}[a-z]+', '(?:\\.[a-z]+)+:']
  test.each(apart)('%s has none', (source) => {
    expect(hasAdjacentUnboundedParts({ source, flags: '' })).toBe(false)
  })
  test.each(['\\s+$', '\\/+$', '\\beyJ[\\w-]{8,}\\.[\\w-]+', '^\\s+|\\s+$', 'a.*b', '[\\r\\n]+\\s*$'])(
    '%s is slow',
    (source) => {
      expect(findSlowText({ source, flags: '' })).toBeDefined()
    },
  )
})

/** As an operator sees it who registered a name as long as the misspelt one. */
const nearestOfItself = (text: string): string => nearest(text, [text, 'issuer'])

describe('functions that search text take a time that grows with its length alone', () => {
  const hostile: [string, (length: number) => string][] = [
    ['beginnings of tokens', (length) => 'eyJ-'.repeat(length / 4)],
    ['beginnings of secrets', (length) => 'sgs_'.repeat(length / 4)],
    ['line breaks between letters', (length) => `x${'\n'.repeat(length)}x`],
    ['blanks between letters', (length) => `x${' \t'.repeat(length / 2)}x`],
    ['breaks and blanks in turn', (length) => `x${' \n'.repeat(length / 2)}x`],
    ['quotes', (length) => '"'.repeat(length)],
    ['the word Bearer', (length) => 'bearer '.repeat(length / 7)],
    ['the name of a header', (length) => 'authorization:'.repeat(length / 14)],
    ['escapes of escapes', (length) => `%${'25'.repeat(length / 2)}`],
    ['escapes', (length) => '%41'.repeat(length / 3)],
    ['slashes', (length) => `${'/'.repeat(length)}x`],
  ]
  test.each(hostile)('%s', (_, make) => {
    for (const work of [looksSecret, withoutSecrets, cleanPaste, nearestOfItself])
      expect(growsFasterThanItsText(work, make, { least: 512, most: 32_768 }), work.name).toBe(false)
  })
})

test('a token is found where it stands in text, and names that only begin like one are not', () => {
  const jwt = `eyJhbGciOiJFUzI1NiJ9.${'e'.repeat(40)}.${'s'.repeat(86)}`
  for (const text of [jwt, ` ${jwt}`, `token=${jwt}`, `"${jwt}"`, `sgs_${'a'.repeat(43)}`, `sgr_${'a'.repeat(71)}`])
    expect(looksSecret(text), text).toBe(true)
  for (const text of ['eyJhbGciOi', 'sgs_short', 'eyJhbGciOiJFUzI1NiJ9.only-two', 'orders'])
    expect(looksSecret(text), text).toBe(false)
})
