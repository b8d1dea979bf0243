/**
 * `error_description` holds printable ASCII without quotation mark and backslash (RFC 6749 §5.2). Advice that needs one of
 * these characters would be changed on the way, and be wrong.
 *
 * Not again on PostgreSQL: it reads the source.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { asDescription } from '../src/ground/description.ts'

const SOURCE = resolve(import.meta.dirname, '../src')

/** A text that is given to an error of a caller, or that a schema refuses with. */
const GIVEN =
  /\b(?:invalid[A-Z]\w*|conflict|notFound|insufficientScope|unauthorizedClient|unsupported\w*|OAuthError|RateLimited|return|error:|message:)[\s(]+(?:'\w+',\s*)?('(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)/g

/** Rooms that speak to an operator at a terminal, or to a person. */
const OTHERS = /^(?:cli|doctor|config|declaration|pages|openapi|service)\//

const descriptions = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !OTHERS.test(file))
  .flatMap((file) =>
    [...readFileSync(join(SOURCE, file), 'utf8').matchAll(GIVEN)].map(([, literal = '']) => `${file}: ${literal}`),
  )
  .filter((each) => each.includes(' ', each.indexOf(': ') + 2))

test('no description needs a character that it may not have', () => {
  expect(descriptions.length).toBeGreaterThan(100)
  const spoilt = /\\\\|\{"|":\S|without [^'`]*"|[^\x20-\x7E\n…§]/
  expect(descriptions.filter((each) => spoilt.test(each))).toEqual([])
})

test('a description is printable ASCII, whatever it repeats', () => {
  expect(asDescription('§5 "a\\b" … ü\n')).toBe("section 5 'a?b' ... ??")
})
