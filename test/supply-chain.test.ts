/**
 * What a release is made of: pinned, hashed, licensed for any use, running nothing at install, and all of it listed.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { verdictOn } from '../release/audit.ts'

const ROOT = resolve(import.meta.dirname, '..')

const Versions = z.record(z.string(), z.string()).default({})
const Manifest = z.object({
  dependencies: Versions,
  devDependencies: Versions,
  optionalDependencies: Versions,
  allowScripts: z.record(z.string(), z.boolean()).default({}),
})
const Locked = z.object({
  version: z.string().optional(),
  resolved: z.string().optional(),
  integrity: z.string().optional(),
  link: z.boolean().default(false),
  dev: z.boolean().default(false),
  hasInstallScript: z.boolean().default(false),
  license: z.string().optional(),
})
const Lock = z.object({ lockfileVersion: z.number(), packages: z.record(z.string(), Locked) })
const Installed = z.object({ license: z.union([z.string(), z.object({ type: z.string() })]).optional() })

const readJson = (path: string): unknown => JSON.parse(readFileSync(join(ROOT, path), 'utf8'))
const manifest = Manifest.parse(readJson('package.json'))
const lock = Lock.parse(readJson('package-lock.json'))

/** What others wrote, by the folder it is installed in; our own workspaces are links and folders without that name. */
const foreign = Object.entries(lock.packages)
  .filter(([path, { link }]) => path.includes('node_modules/') && !link)
  .map(([path, locked]) => ({ path, name: path.split('node_modules/').at(-1) ?? path, ...locked }))
const released = foreign.filter(({ dev }) => !dev)

/** Licences that ask for no more than to be named, and forbid no use (SPDX identifiers). */
const PERMISSIVE = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'Unlicense',
  'Zlib',
])

/** Of `(MIT OR GPL-2.0)` one has to do, of `(MIT AND Apache-2.0)` all. */
function isPermissive(licence: string): boolean {
  const bare = licence.replaceAll(/[()]/g, '')
  return bare.split(' OR ').some((choice) => choice.split(' AND ').every((each) => PERMISSIVE.has(each.trim())))
}

/** What the package itself says where it is installed; the lock file where it is for another platform. */
function licenceOf({ path, license }: { path: string; license?: string | undefined }): string {
  if (!existsSync(join(ROOT, path, 'package.json'))) return license ?? 'none'
  const said = Installed.parse(readJson(join(path, 'package.json'))).license
  return (typeof said === 'object' ? said.type : said) ?? 'none'
}

test.each([
  ['MIT', true],
  ['(MIT OR GPL-3.0-only)', true],
  ['MIT AND Apache-2.0', true],
  ['MIT AND GPL-3.0-only', false],
  ['AGPL-3.0-only', false],
  ['UNLICENSED', false],
  ['none', false],
])('the licence %s is permissive: %s', (licence, expected) => {
  expect(isPermissive(licence)).toBe(expected)
})

test('everything in a release may be used and passed on by anybody', () => {
  expect(released.length).toBeGreaterThan(30)
  const unfit = released.filter((each) => !isPermissive(licenceOf(each)))
  expect(unfit.map((each) => `${each.name}@${each.version}: ${licenceOf(each)}`)).toEqual([])
})

test('what the lock file says of a licence is what the package says', () => {
  const differing = released.filter((each) => each.license !== licenceOf(each))
  expect(differing.map(({ name }) => name)).toEqual([])
})

/** SHA-256 of the text as the Apache Software Foundation publishes it (LICENSE-2.0.txt). */
const APACHE_2 = 'cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30'
const OUR_PACKAGES = ['.', 'verifiers/node', 'verifiers/python', 'verifiers/go'].filter((folder) =>
  existsSync(join(ROOT, folder)),
)

test.each(OUR_PACKAGES)('Signet itself is under Apache-2.0, and %s holds the whole text', (folder) => {
  const text = readFileSync(join(ROOT, folder, 'LICENSE'))
  expect(createHash('sha256').update(text).digest('hex')).toBe(APACHE_2)
  if (!existsSync(join(ROOT, folder, 'package.json'))) return
  expect(Installed.parse(readJson(join(folder, 'package.json'))).license).toBe('Apache-2.0')
})

test.each(['package.json', 'verifiers/node/package.json'])(
  'every dependency of %s is pinned to one version',
  (path) => {
    const { dependencies, devDependencies, optionalDependencies } = Manifest.parse(readJson(path))
    const all = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })
    expect(all.length).toBeGreaterThan(0)
    expect(all.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([])
  },
)

test('the lock file has the pinned version and a SHA-512 of everything, from the public registry alone', () => {
  expect(lock.lockfileVersion).toBe(3)
  const pinned = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
  expect(pinned.filter(([name, version]) => lock.packages[`node_modules/${name}`]?.version !== version)).toEqual([])
  expect(foreign.filter(({ integrity = '' }) => !/^sha512-[\w+/]{86}==$/.test(integrity))).toEqual([])
  const elsewhere = foreign.filter(({ resolved = 'https://registry.npmjs.org/' }) => {
    return !resolved.startsWith('https://registry.npmjs.org/')
  })
  expect(elsewhere).toEqual([])
})

test('whatever wants to run a script at install is allowed or refused by name, and only node is allowed', () => {
  const wanting = new Set(foreign.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name))
  expect([...wanting].filter((name) => !(name in manifest.allowScripts))).toEqual([])
  const allowed = Object.entries(manifest.allowScripts).filter(([, isAllowed]) => isAllowed)
  expect(allowed.map(([name]) => name)).toEqual(['node'])
  expect(wanting).toContain('node')
  // So a release installs with --ignore-scripts, as the Dockerfile does.
  expect(released.map(({ name }) => name)).not.toContain('node')
})

const Bom = z.object({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.string(),
  metadata: z.object({ component: z.object({ name: z.string(), version: z.string(), 'bom-ref': z.string() }) }),
  components: z.array(
    z.object({
      'bom-ref': z.string(),
      name: z.string(),
      version: z.string(),
      purl: z.string().startsWith('pkg:npm/'),
      hashes: z.array(z.object({ alg: z.literal('SHA-512'), content: z.string().length(128) })).optional(),
      licenses: z.array(z.unknown()).optional(),
    }),
  ),
  dependencies: z.array(z.object({ ref: z.string(), dependsOn: z.array(z.string()) })),
})

test('the bill of materials lists what a release installs, each with hash and licence, and nothing else', () => {
  const text = execFileSync(process.execPath, ['release/sbom.ts'], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const bom = Bom.parse(JSON.parse(text))
  const { name, version } = z.object({ name: z.string(), version: z.string() }).parse(readJson('package.json'))
  expect(bom.metadata.component).toMatchObject({ name, version })
  const expected = [...new Set(released.map((each) => `${each.name}@${each.version}`))]
  expect(bom.components.map((each) => `${each.name}@${each.version}`).sort()).toEqual(expected.sort())
  expect(
    bom.components.filter(({ hashes = [], licenses = [] }) => hashes.length === 0 || licenses.length === 0),
  ).toEqual([])
  const refs = new Set([bom.metadata.component['bom-ref'], ...bom.components.map((each) => each['bom-ref'])])
  expect(bom.dependencies.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn]).filter((ref) => !refs.has(ref))).toEqual(
    [],
  )
}, 60_000)

const report = (...severities: string[]): string =>
  JSON.stringify({
    auditReportVersion: 2,
    vulnerabilities: Object.fromEntries(severities.map((severity, n) => [`p${n}`, { severity, range: '<2' }])),
  })

test('an audit fails from a high severity on, and says aloud where nobody answered', () => {
  expect(verdictOn(report())).toEqual({ failed: false, lines: ['0 vulnerable packages'] })
  expect(verdictOn(report('moderate')).failed).toBe(false)
  expect(verdictOn(report('low', 'high'))).toEqual({
    failed: true,
    lines: ['low: p0 <2', 'high: p1 <2', '2 vulnerable packages'],
  })
  expect(verdictOn(report('critical')).failed).toBe(true)
  for (const answer of ['', 'npm error', '{"error":{"summary":"","detail":""}}']) {
    expect(verdictOn(answer)).toMatchObject({ failed: false, lines: [expect.stringContaining('NOT AUDITED')] })
  }
})
