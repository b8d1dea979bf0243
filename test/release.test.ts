/**
 * A release as a whole: one version everywhere, and packages that hold what they need and nothing else.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { stageIssuer } from '../release/issuer.ts'
import { judge, pack } from '../release/packages.ts'
import { archiveSource, readSource } from '../release/source.ts'
import { writeSums } from '../release/sums.ts'
import { temporaryFolder } from './support/issuer.ts'

const ROOT = resolve(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const { version } = z.object({ version: z.string() }).parse(JSON.parse(read('package.json')))

/** Every file that tells the version of a package: its manifest, or what it sends in `User-Agent`. */
const TELLS_VERSION = [
  'node/package.json',
  'node/src/version.ts',
  'python/src/signet_verify/version.py',
  'go/version.go',
]

test('every package of a release has the same version', () => {
  const files = TELLS_VERSION.map((file) => join('verifiers', file)).filter((path) => existsSync(join(ROOT, path)))
  const versionIn = (path: string) => /^[a-z ]*"?version"?\s*[:=]\s*["'](.*)["']/im.exec(read(path))?.[1]
  expect(files.map((path) => [path, versionIn(path)])).toEqual(files.map((path) => [path, version]))
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

test('the changelog tells no command and no package twice under one heading', () => {
  const sections = read('CHANGELOG.md').split(/^###? /m)
  expect(sections.length).toBeGreaterThan(5)
  const twice = sections.flatMap((section) => {
    const subjects = [...section.matchAll(/^- (`[^`]+` (?!for )\S+)/gm)].map(([, subject = '']) => subject)
    return subjects.filter((each, place) => subjects.indexOf(each) !== place)
  })
  expect(twice).toEqual([])
})

test('the runbooks install the files of this release', () => {
  const named = [...read('docs/operating.md').matchAll(/signet(?:-issuer)?-(\d[\w.]*?)(?:\.tgz)?(?=[\s/`])/g)]
  expect(new Set(named.map(([, each]) => each))).toEqual(new Set([version]))
  expect(named.length).toBeGreaterThan(5)
})

test('the security policy says that the present version gets repairs', () => {
  expect(read('SECURITY.md')).toContain(`| ${version.replace(/\d+$/, 'x')} | yes |`)
})

/** Runs git in a checkout. @returns its output without the last line end */
type Git = (...args: string[]) => string

/** Makes a folder a checkout with one commit, which has all of its files. */
function committed(folder: string): Git {
  const git: Git = (...args) => execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8' }).trim()
  git('init', '--quiet')
  for (const [name, value] of Object.entries({ name: 'A', email: 'a@example.com' }))
    git('config', `user.${name}`, value)
  git('add', '.')
  git('commit', '--quiet', '-m', 'first')
  return git
}

test('a release is made of a commit, and a checkout that differs from it is refused', () => {
  const checkout = temporaryFolder()
  writeFileSync(join(checkout, 'package.json'), '{ "version": "1.2.3" }')
  const git = committed(checkout)
  expect(readSource(checkout)).toMatchObject({ version: '1.2.3', commit: git('rev-parse', 'HEAD') })
  for (const file of ['package.json', 'forgotten.ts']) {
    writeFileSync(join(checkout, file), '{ "version": "1.2.4" }')
    expect(() => readSource(checkout)).toThrow(new RegExp(`differs from its commit, for example in ${file}`))
    git('stash', '--include-untracked', '--quiet')
  }
})

test('the program in the source archive tells its version and commit', () => {
  const checkout = temporaryFolder()
  const place = temporaryFolder()
  for (const path of ['package.json', 'src']) cpSync(join(ROOT, path), join(checkout, path), { recursive: true })
  committed(checkout)
  const source = readSource(checkout)
  execFileSync('tar', ['-xzf', join(place, archiveSource(source, place, checkout)), '-C', place])
  const folder = join(place, `signet-${version}`)
  expect(readFileSync(join(folder, 'commit'), 'utf8')).toBe(source.commit)
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  expect(versionTold(join(folder, 'src/signet.js'))).toBe(`${version} (${source.commit.slice(0, 12)})\n`)
})

/** The answer of `signet --version`, in a folder without git. */
function versionTold(program: string): string {
  const started = spawnSync(process.execPath, [program, '--version'], {
    cwd: temporaryFolder(),
    env: { PATH: process.env.PATH ?? '' },
    encoding: 'utf8',
  })
  expect(started).toMatchObject({ status: 0, stderr: '' })
  return started.stdout
}

// ------------------------------------------------------------------ the issuer's tarball

const work = mkdtempSync(join(tmpdir(), 'signet-release-'))
const out = join(work, 'out')
/** The tarball, unpacked, with the packages of this checkout. */
const unpacked = join(work, 'unpacked')
let tarball = ''
const COMMIT = 'c0ffee00112233445566778899aabbccddeeff00'

beforeAll(() => {
  mkdirSync(out)
  mkdirSync(unpacked)
  stageIssuer(join(work, 'issuer'), COMMIT)
  tarball = join(out, pack(join(work, 'issuer'), out))
  execFileSync('tar', ['-xzf', tarball, '-C', unpacked, '--strip-components=1'])
  symlinkSync(join(ROOT, 'node_modules'), join(unpacked, 'node_modules'))
  return () => rmSync(work, { recursive: true, force: true })
}, 120_000)

const contents = (): string[] =>
  execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' })
    .split('\n')
    .map((path) => path.replace('package/', ''))

test('the tarball holds the program, its migrations, its licence and what an operator needs', () => {
  expect(tarball).toBe(join(out, `signet-issuer-${version}.tgz`))
  expect(contents()).toEqual(
    expect.arrayContaining([
      'LICENSE',
      'CHANGELOG.md',
      'dist/signet.js',
      'dist/index.d.ts',
      'migrations/sqlite/meta/_journal.json',
      'migrations/postgres/meta/_journal.json',
      'docs/operating.md',
      'deploy/signet.service',
      'npm-shrinkwrap.json',
    ]),
  )
  const templates = globSync('src/cli/snippets/**/*.*', { cwd: ROOT, exclude: ['**/*.ts'] })
  expect(templates.length).toBeGreaterThan(10)
  expect(contents()).toEqual(expect.arrayContaining(templates.map((path) => path.replace('src/', 'dist/'))))
  const migrations = (folder: string) => contents().filter((path) => path.startsWith(folder) && path.endsWith('.sql'))
  for (const folder of ['migrations/sqlite', 'migrations/postgres']) expect(migrations(folder)).not.toEqual([])
})

test('every link of a page in the tarball leads to a file in it', () => {
  const pages = globSync(['*.md', 'docs/**/*.md', 'verifiers/**/*.md'], { cwd: unpacked })
  const links = pages.flatMap((page) =>
    [...readFileSync(join(unpacked, page), 'utf8').matchAll(/\]\((?![a-z]+:|#)([^)#]+)/g)].map(([, path = '']) => ({
      page,
      path: join(dirname(page), path),
    })),
  )
  expect(links.length).toBeGreaterThan(40)
  expect(links.filter(({ path }) => !existsSync(join(unpacked, path)))).toEqual([])
})

test('the tarball holds no test, no map, no source and nothing of one machine', () => {
  const unwanted = /(^|\/)(test|src|keys|data|node_modules)\/|\.map$|_snapshot\.json$|(?<!\.d)\.ts$|\.env$|master\.key/
  expect(contents().filter((path) => unwanted.test(path) && !path.startsWith('dist/keys/'))).toEqual([])
  for (const path of ['package.json', 'npm-shrinkwrap.json'])
    expect(readFileSync(join(unpacked, path), 'utf8')).not.toMatch(/"(resolved|workspaces|devDependencies|scripts)"/)
})

const Released = z.object({
  version: z.string(),
  dependencies: z.record(z.string(), z.string()),
})
const Locked = z.looseObject({ version: z.string().optional(), dev: z.boolean().optional() })
const Lock = z.object({ packages: z.record(z.string(), Locked) })

test('its lock file has the packages of the checkout, without those of development', () => {
  const manifest = Released.parse(JSON.parse(readFileSync(join(unpacked, 'package.json'), 'utf8')))
  const lock = Lock.parse(JSON.parse(readFileSync(join(unpacked, 'npm-shrinkwrap.json'), 'utf8')))
  const whole = Lock.parse(JSON.parse(read('package-lock.json')))
  for (const [name, pinned] of Object.entries(manifest.dependencies))
    expect(lock.packages[`node_modules/${name}`]?.version).toBe(pinned)
  const foreign = Object.entries(lock.packages).filter(([path]) => path !== '')
  expect(foreign.length).toBeGreaterThan(30)
  expect(foreign.filter(([path, locked]) => locked.version !== whole.packages[path]?.version)).toEqual([])
  expect(foreign.filter(([, locked]) => locked.dev)).toEqual([])
})

test('the program of the tarball starts by itself and tells its version and commit', () => {
  expect(versionTold(join(unpacked, 'dist/signet.js'))).toBe(`${version} (${COMMIT.slice(0, 12)})\n`)
})

test('publint finds no fault with the tarball, and would find a missing file', async () => {
  await judge(tarball)
  const bent = join(work, 'bent')
  execFileSync('cp', ['-r', join(work, 'issuer'), bent])
  rmSync(join(bent, 'dist/index.js'))
  mkdirSync(join(work, 'bent-out'))
  const broken = join(work, 'bent-out', pack(bent, join(work, 'bent-out')))
  await expect(judge(broken)).rejects.toMatchObject({ help: expect.stringContaining('dist/index.js') })
})

test('the checksums of a release are read by sha256sum, and a changed file is found', () => {
  writeSums(out)
  const check = () => spawnSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: out }).status
  expect(check()).toBe(0)
  execFileSync('sh', ['-c', `printf x >> '${tarball}'`])
  expect(check()).not.toBe(0)
})
