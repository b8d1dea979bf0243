/**
 * Hostile text costs no more than its length: every pattern of the source is tried, and every schema checks lengths
 * first.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { cleanPaste } from '../src/doctor/pasted-token.ts'
import { looksSecret, withoutSecrets } from '../src/ground/looks-secret.ts'
import { nearest } from '../src/ground/nearest.ts'
import { Schema } from '../src/ground/schema.ts'
import { growsFasterThanItsText } from './support/growth.ts'
import { hasAdjacentUnboundedParts, hostileTexts } from './support/hostile-pattern.ts'
import { findRegexLiterals, type RegexLiteral } from './support/regex-literals.ts'

const ROOT = resolve(import.meta.dirname, '..')

/** Every source file that runs in a product of this repository. */
const sources = ['src', 'verifiers/node/src'].flatMap((folder) =>
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

test('no pattern takes more than twice the time for twice the text', () => {
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
    ['replies without an end', (length) => 'access_token:eyJ'.repeat(length / 16)],
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

describe('a schema', () => {
  const files = sources.map(({ file }) => file).filter((file) => /^src\/(.*\/wire|admin\/.*)\.ts$/.test(file))
  /** Every schema that a room or a door exports: what comes from outside is checked by one of them. */
  const exported = async (): Promise<[string, z.core.$ZodType][]> => {
    const modules = await Promise.all(
      files.map(async (file) => ({ file, module: (await import(join(ROOT, file))) as Record<string, unknown> })),
    )
    return modules.flatMap(({ file, module }) =>
      Object.entries(module).flatMap(([name, value]): [string, z.core.$ZodType][] =>
        value instanceof Schema ? [[`${file} ${name}`, value.zod]] : [],
      ),
    )
  }

  /** The places of a schema at which a text or a list has no bound, or goes on to the next check although it is over it. */
  function findUnbounded(schema: z.core.$ZodType, path: string): string[] {
    const { def } = schema._zod as unknown as { def: Record<string, any> }
    const inside = (each: z.core.$ZodType, name = '') => findUnbounded(each, `${path}${name}`)
    const first = (def.checks ?? []).find((check: any) => check._zod.def.check !== 'min_length')?._zod.def
    const isBounded = first?.check === 'max_length' && first.abort === true
    const here = ['string', 'array'].includes(def.type) && !isBounded ? [path] : []
    const shape: [string, z.core.$ZodType][] = def.type === 'object' ? Object.entries(def.shape) : []
    return [
      ...here,
      ...shape.flatMap(([name, each]) => inside(each, `.${name}`)),
      ...(def.type === 'array' ? inside(def.element, '[]') : []),
      ...(def.type === 'union' ? def.options.flatMap((each: z.core.$ZodType) => inside(each)) : []),
      ...['innerType', 'in', 'out'].flatMap((name) => (def[name] ? inside(def[name]) : [])),
    ]
  }

  test('checks the length of each text and list first, and nothing else where it is too long', async () => {
    const schemas = await exported()
    expect(schemas.map(([name]) => name).join()).toMatch(/clientRegistrationSchema.*resourceRegistrationSchema/)
    expect(schemas.length).toBeGreaterThan(8)
    expect(schemas.flatMap(([name, schema]) => findUnbounded(schema, name))).toEqual([])
  })

  test('finds a text without a bound', () => {
    const loose = z.object({ a: z.array(z.string().max(5).refine(Boolean)).max(3, { abort: true }).nullish() })
    expect(findUnbounded(loose, 'x')).toEqual(['x.a[]'])
    expect(findUnbounded(z.union([z.string(), z.number()]).transform(String), 'x')).toEqual(['x'])
  })

  test('takes a time that grows with the length of a hostile text alone, whichever member it stands in', async () => {
    const texts = ['eyJ-', 'a b ', '/', ' ', 'sgs_', '9', '.a', '-:']
    for (const [name, schema] of await exported()) {
      const members = Object.keys((schema._zod.def as { shape?: object }).shape ?? {})
      for (const member of members) {
        for (const unit of texts) {
          const make = (length: number) => unit.repeat(length / unit.length)
          const ask = (text: string) =>
            [text, [text], { [text.slice(0, 100)]: text }].map((value) => z.safeParse(schema, { [member]: value }))
          expect(growsFasterThanItsText(ask, make, { least: 2048, most: 32_768 }), `${name} ${member}`).toBe(false)
        }
      }
    }
  })
})
