/**
 * The runbooks can be followed. That their links, commands and variables exist is asked of all documents at once.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'

const manual = readFileSync(resolve(import.meta.dirname, '../docs/operating.md'), 'utf8')

test('every runbook says when it applies and how one knows that it worked', () => {
  const runbooks = manual.split(/^## /m).slice(1)
  expect(runbooks.length).toBeGreaterThan(15)
  const titleOf = (text: string) => text.split('\n')[0]
  expect(runbooks.filter((text) => !/\*\*When/.test(text)).map(titleOf)).toEqual([])
  const expected = runbooks.filter((text) => titleOf(text) !== 'Limits')
  expect(expected.filter((text) => !/\*\*It worked when\*\*/.test(text)).map(titleOf)).toEqual([])
})
