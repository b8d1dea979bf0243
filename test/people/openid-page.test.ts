/** docs/openid.md names a test for each requirement, and each test that it names exists. */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')
const page = readFileSync(join(ROOT, 'docs/openid.md'), 'utf8')

/** Whether each group and title of a name stands in the file as a string; a title that goes on with a case is cut by `…`. */
function hasTest(file: string, name: string): boolean {
  const path = join(ROOT, file)
  if (!existsSync(path)) return false
  const text = readFileSync(path, 'utf8')
  return name.split(' › ').every((part) => {
    const title = part.replace(/…$/, '')
    const ends = part === title ? ["'", '"', '`'] : ['']
    return ["'", '"', '`'].some((quote) => ends.some((end) => text.includes(quote + title + end)))
  })
}

test('every test that docs/openid.md names exists', () => {
  const named = [...page.matchAll(/`(test\/[^`]+\.test\.ts)` — "([^"]+)"/g)]
  expect(named.length).toBeGreaterThan(100)
  expect(named.filter(([, file = '', name = '']) => !hasTest(file, name)).map(([whole]) => whole)).toEqual([])
})

test('every row of a table in docs/openid.md names a test', () => {
  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (client|requirement|module|left out) \|/.test(line))
  const beforeLeftOut = rows.filter((row) => page.indexOf(row) < page.indexOf('## Left out on purpose'))
  expect(beforeLeftOut.length).toBeGreaterThan(80)
  expect(beforeLeftOut.filter((row) => !row.includes('`test/'))).toEqual([])
})
