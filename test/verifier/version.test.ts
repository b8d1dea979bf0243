/**
 * The package's version, its one dependency, and its imports.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { VERSION } from '../../verifiers/node/src/version.ts'

const manifest = JSON.parse(
  readFileSync(resolve(import.meta.dirname, '../../verifiers/node/package.json'), 'utf8'),
) as {
  version: string
  dependencies: Record<string, string>
}

test('the package introduces itself with the version that it has', () => {
  expect(VERSION).toBe(manifest.version)
})

test('the package for Python has the same version', () => {
  const source = readFileSync(
    resolve(import.meta.dirname, '../../verifiers/python/src/signet_verify/version.py'),
    'utf8',
  )
  expect(/^VERSION = "(.+)"$/m.exec(source)?.[1]).toBe(manifest.version)
})

test('jose is its only dependency', () => {
  expect(Object.keys(manifest.dependencies)).toEqual(['jose'])
})

test('it is a house of its own: it imports nothing of the issuer, and frameworks by their types alone', () => {
  const folder = resolve(import.meta.dirname, '../../verifiers/node/src')
  const imports = readdirSync(folder).flatMap((file) =>
    [...readFileSync(join(folder, file), 'utf8').matchAll(/^import (type )?[^'"]*?'([^']+)'/gms)].map((match) => ({
      file,
      isType: match[1] !== undefined,
      from: match[2] ?? '',
    })),
  )
  expect(imports.length).toBeGreaterThan(50)
  const own = ({ from }: { from: string }) =>
    from.startsWith('node:') || from === 'jose' || /^\.\/[a-z-]+\.ts$/.test(from)
  expect(imports.filter((each) => !own(each) && !each.isType)).toEqual([])
  expect(new Set(imports.filter((each) => !own(each)).map(({ from }) => from))).toEqual(new Set(['hono', 'fastify']))
  expect(imports.filter(({ file }) => file === 'browser.ts')).toEqual([])
})
