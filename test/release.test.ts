/**
 * A release as a whole: one version everywhere, and packages that hold what they need and nothing else.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'

const ROOT = resolve(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const { version } = z.object({ version: z.string() }).parse(JSON.parse(read('package.json')))

test('every package of a release has the same version', () => {
  const manifests = ['verifiers/node/package.json', 'verifiers/python/pyproject.toml'].filter((path) =>
    existsSync(join(ROOT, path)),
  )
  const versionIn = (path: string): string | undefined => /^\s*"?version"?\s*[:=]\s*"(.*)"/m.exec(read(path))?.[1]
  expect(manifests.filter((path) => versionIn(path) !== version)).toEqual([])
})

test('the changelog tells the present version with its day, before every older one', () => {
  const released = [...read('CHANGELOG.md').matchAll(/^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$/gm)].map(
    ([, each = '']) => each,
  )
  expect(released[0]).toBe(version)
  const descending = released.toSorted((one, other) => other.localeCompare(one, undefined, { numeric: true }))
  expect(released).toEqual(descending)
})

test('the changelog has the headings of keepachangelog.com and no other', () => {
  const headings = [...read('CHANGELOG.md').matchAll(/^### (.*)$/gm)].map(([, heading = '']) => heading)
  const known = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security']
  expect(headings.filter((each) => !known.includes(each))).toEqual([])
})

test('the security policy says that the present version gets repairs', () => {
  expect(read('SECURITY.md')).toContain(`| ${version.replace(/\d+$/, 'x')} | yes |`)
})
