/**
 * When a key may sign: once every other replica that is ready publishes it, and up to its mark.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { expect, test } from 'vitest'
import { fetchedWithin, publishedWithin } from '../src/ground/silence.ts'
import { areFirst, committedBy, publishedFrom, whyNotSign } from '../src/keys/may-sign.ts'

const NOW = 1_000_000

/** How long a key of this age waits at a process that sees it for the first time. Milliseconds. */
const waitOf = (ageMs: number, othersHearWithinMs = publishedWithin()): number =>
  Math.max(0, publishedFrom(committedBy(NOW, ageMs, NOW), othersHearWithinMs) - NOW)

test.each([
  ['has just been made', 0, publishedWithin()],
  ['may have been committed just now', 2000, publishedWithin()],
  ['was committed a second ago at the latest', 3000, publishedWithin() - 1000],
  ['is almost old', fetchedWithin() - 1, 1],
  ['is old', fetchedWithin(), 0],
])('a key that %s is waited for as long as another replica may lack it', (_, ageMs, waitMs) => {
  expect(waitOf(ageMs)).toBe(waitMs)
  expect(waitOf(ageMs, 0)).toBe(0)
})

test('a key that was seen early has been committed then', () => {
  expect(committedBy(NOW - 5000, 5000, NOW)).toBe(NOW - 5000)
})

test('a key signs from its publication on, and no token that outlives its mark', () => {
  const key = { signedUntil: 60_000, publishedFrom: NOW }
  expect(whyNotSign(key, 60_000, NOW - 1)).toBe('unpublished')
  expect(whyNotSign(key, 60_000, NOW)).toBeUndefined()
  expect(whyNotSign(key, 60_001, NOW)).toBe('unreserved')
})

test('the first keys of a ring are known by every replica, any later key is not', () => {
  const [made, later] = [{ createdAt: NOW }, { createdAt: NOW + 1 }]
  expect(areFirst([made, { ...made }])).toBe(true)
  expect(areFirst([made, later])).toBe(false)
  // Two keys of one moment that followed two others.
  expect(areFirst([made, made, later, { ...later }])).toBe(false)
  expect(areFirst([made])).toBe(false)
})
