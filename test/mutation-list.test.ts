/** The list of guards that `npm run torture -- --only mutation` takes out, held to the source and to the tests. */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { GUARDS } from '../torture/mutation/list.ts'

const CHECKOUT = resolve(import.meta.dirname, '..')

test('every snippet occurs once in its file, and taking it out changes something', () => {
  const wrong = GUARDS.flatMap(({ name, edits }) =>
    edits
      .filter(({ file, snippet, replacement }) => {
        const path = resolve(CHECKOUT, file)
        const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
        return text.split(snippet).length !== 2 || snippet === replacement
      })
      .map(({ file, snippet }) => `${name}: ${file}: ${snippet}`),
  )
  expect(wrong).toEqual([])
})

test('every guard has a name of its own, and test files that are there', () => {
  const names = GUARDS.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
  const missing = GUARDS.flatMap(({ tests }) => tests).filter((file) => !existsSync(resolve(CHECKOUT, file)))
  expect(missing).toEqual([])
  expect(GUARDS.filter(({ edits, tests }) => edits.length === 0 || tests.length === 0)).toEqual([])
})
