/**
 * Identifiers that sort by time: UUID version 7 (RFC 9562 §5.7), whatever a clock shows.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { expect, test } from 'vitest'
import { idToBytes, timeOrderedId } from '../src/ground/ids.ts'

const FORM = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/

test.each([0, 1, 1_795_873_000_000, 1_795_873_000_000.001, 1_795_873_000_000.999, 2 ** 48 - 1])(
  'at %d it is of version 7 and holds the whole milliseconds',
  (now) => {
    const id = timeOrderedId(now)
    expect(id).toMatch(FORM)
    expect(idToBytes(id).readUIntBE(0, 6)).toBe(Math.floor(now))
  },
)

test('later ones sort behind earlier ones, and no two are alike', () => {
  const made = Array.from({ length: 1000 }, (_, each) => timeOrderedId(1_795_873_000_000 + each))
  expect(made.toSorted()).toEqual(made)
  expect(new Set(Array.from({ length: 1000 }, () => timeOrderedId(7))).size).toBe(1000)
})
