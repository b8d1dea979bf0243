/** Neighbours of faults 8 and P5 that fail at da1d56f: found by running the product, with inputs of the reviewer. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startTestIssuer, temporaryFolder } from './support/issuer.ts'
import { signet } from './support/process.ts'

test('a file that declares the issuer as a resource is refused with its line, and nothing of it is applied', async () => {
  const folder = temporaryFolder()
  const issuer = await startTestIssuer({}, { folder })
  const file = join(folder, 'declared.yaml')
  writeFileSync(file, `resources:\n  - id: urn:first\n  - id: ${issuer.url}\n`)
  const planned = await signet(['apply', file, '--dry-run'], issuer.env)
  expect(planned.code, planned.stdout).toBe(1)
  const applied = await signet(['apply', file], issuer.env)
  expect(applied.stderr).toMatch(/declared\.yaml:3/)
  expect((await signet(['resource', 'list', '--json'], issuer.env)).stdout).not.toContain('urn:first')
})

test.each([
  ['a name with too many digits', '{9007199254740993: 1}'],
  ['a name whose digits change', '{0.1000000000000000055511: 1}'],
  ['a set', '!!set {a}'],
  ['an ordered map', '!!omap [a: 1]'],
  ['binary', '!!binary aGk='],
])('%s in claims is refused, or kept as it is written', async (_, value) => {
  const folder = temporaryFolder()
  const issuer = await startTestIssuer({}, { folder })
  const file = join(folder, 'declared.yaml')
  writeFileSync(file, `resources:\n  - id: urn:r\n    claims: {t: ${value}}\n`)
  const { code, stderr } = await signet(['apply', file], issuer.env)
  expect(code, stderr).toBe(1)
  expect(stderr).toMatch(/declared\.yaml:3/)
})
