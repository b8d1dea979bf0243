/**
 * The house's one rule about arrows: imports run down the page, never up, never between rooms side by side.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = resolve(import.meta.dirname, '..')
const SOURCE = join(ROOT, 'src')

/** From the top of the page to the bottom. Rooms on one line do not know each other. */
const PAGE = [
  ['signet'],
  ['index', 'cli'],
  ['service', 'doctor'],
  ['issuer', 'app', 'declaration'],
  ['openapi'],
  ['endpoints', 'admin'],
  ['pages'],
  ['metrics'],
  ['http'],
  ['limits'],
  ['grant-types'],
  ['authorize'],
  ['sessions'],
  ['tokens'],
  ['grants'],
  ['users'],
  ['resources'],
  ['clients'],
  ['blacklist'],
  ['database'],
  ['keys'],
  ['audit', 'replica'],
  ['outbound'],
  ['store/open'],
  ['store/sqlite', 'store/postgres'],
  ['store/acts'],
  ['store/statements'],
  ['store/counts', 'store/expiry', 'store/subjects'],
  ['store/rows'],
  ['store/engine'],
  ['store/move'],
  ['store/tables'],
  ['store/table'],
  ['store/announcer'],
  ['store/migrations', 'store/patience'],
  ['store/store'],
  ['store/people-store', 'store/key-store'],
  ['store/factor-store'],
  ['store/records'],
  ['config'],
  ['ground'],
]

/** A room is a folder of `src`, or a file right in it; the store has three. */
function roomOf(file: string): string {
  const [first = '', second = ''] = relative(SOURCE, file)
    .replace(/\.(ts|js)$/, '')
    .split('/')
  return first === 'store' ? `${first}/${second}` : first
}

const levelOf = (room: string): number => PAGE.findIndex((level) => level.includes(room))

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ts|js)$/.test(file))
    .map((file) => join(folder, file))

const files = filesIn(SOURCE)
const verifier = filesIn(resolve(SOURCE, '../verifiers/node/src'))

const importsOf = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?'(\.{1,2}\/[^']+)'/g)].map(([, path]) =>
    resolve(dirname(file), path ?? ''),
  )

/** Names of packages: `a` of `a/b`, and `@a/b` of `@a/b/c`. Texts that are shown to people may hold imports, too. */
const packagesOf = (file: string): string[] =>
  [
    ...readFileSync(file, 'utf8')
      .replaceAll(/`[^`]*`/g, '')
      .matchAll(
        /(?:^(?:import|export|\}).* from |import\(|createRequire\(import\.meta\.url\)\()'(?!node:|\.)((?:@[\w-]+\/)?[\w-]+)/gm,
      ),
  ].map(([, name = '']) => name)

test('every file stands in a room of the page', () => {
  expect(files.filter((file) => levelOf(roomOf(file)) < 0).map((file) => relative(SOURCE, file))).toEqual([])
})

test('imports run down the page, never up and never between rooms side by side', () => {
  const arrows = files.flatMap((file) => importsOf(file).map((target) => ({ file, target })))
  expect(arrows.length).toBeGreaterThan(200)
  const wrong = arrows
    .filter(({ file, target }) => roomOf(file) !== roomOf(target))
    .filter(({ file, target }) => levelOf(roomOf(file)) >= levelOf(roomOf(target)))
    .map(({ file, target }) => `${relative(SOURCE, file)} -> ${relative(SOURCE, target)}`)
  expect(wrong).toEqual([])
})

test('no file leads back to itself, type imports included', () => {
  const circles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, way: string[]): void => {
    const at = way.indexOf(file)
    if (at >= 0) circles.push([...way.slice(at), file].map((each) => relative(SOURCE, each)).join(' -> '))
    if (at >= 0 || done.has(file)) return
    for (const target of importsOf(file)) visit(target, [...way, file])
    done.add(file)
  }
  for (const file of [...files, ...verifier]) visit(file, [])
  expect(circles).toEqual([])
})

test('a thing is imported from the file that holds it: only the public entry passes others on', () => {
  const passesOn = files.filter((file) => /^export (?:type )?[{*]/m.test(readFileSync(file, 'utf8')))
  expect(passesOn.map((file) => relative(SOURCE, file))).toEqual(['index.ts'])
})

test('only ground/schema.ts loads zod, at the first use of a schema', () => {
  const loads = /^(?!import type ).*(?:from|import|import\(|require\() ?'zod[/']/m
  const loaders = files.filter((file) => loads.test(readFileSync(file, 'utf8')))
  expect(loaders.map((file) => relative(SOURCE, file))).toEqual(['ground/schema.ts'])
})

test('the verifier is a package of its own: it imports nothing of the issuer', () => {
  const inside = new Set(verifier)
  expect(inside.size).toBeGreaterThan(20)
  expect(verifier.flatMap(importsOf).filter((target) => !inside.has(target))).toEqual([])
})

test('no product knows the folders that describe, try and pack it', () => {
  const products = [...files, ...filesIn(join(ROOT, 'verifiers')).filter((file) => !file.includes('/node_modules/'))]
  const own = ['harness', 'release', 'schema', 'test'].map((folder) => join(ROOT, folder))
  const isOwn = (target: string): boolean => own.some((folder) => target.startsWith(`${folder}/`))
  const wrong = products.flatMap((file) =>
    importsOf(file)
      .filter(isOwn)
      .map((target) => `${relative(ROOT, file)} -> ${relative(ROOT, target)}`),
  )
  expect(wrong).toEqual([])
  // The same question finds whoever may import them.
  expect(filesIn(join(ROOT, 'test')).flatMap(importsOf).filter(isOwn).length).toBeGreaterThan(100)
})

test('a module that test files share has no hook at its top: they share a process, so it would run for the first alone', () => {
  const hasHook = (file: string): boolean => /^(?:before|after)(?:Each|All)\(/m.test(readFileSync(file, 'utf8'))
  const found = ['harness', 'test'].flatMap((folder) => filesIn(join(ROOT, folder))).filter(hasHook)
  const shared = found.filter((file) => !file.endsWith('.test.ts')).map((file) => relative(ROOT, file))
  expect(found.length).toBeGreaterThan(10)
  // Vitest runs a file of its `setupFiles` again before each test file.
  expect(shared).toEqual(['test/support/postgres-file.ts'])
})

test('Signet imports only packages that are installed with it', () => {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  // Templates of the command line import packages that their readers install.
  const own = files.filter((file) => !file.startsWith(join(SOURCE, 'cli/snippets/')))
  const imported = own.flatMap((file) => packagesOf(file).map((name) => ({ file: relative(ROOT, file), name })))
  expect(new Set(imported.map(({ name }) => name)).size).toBeGreaterThan(10)
  expect(imported.filter(({ name }) => !(name in dependencies))).toEqual([])
})

test('at most eight files stand outside of the rooms', () => {
  expect(files.filter((file) => dirname(file) === SOURCE).length).toBeLessThanOrEqual(8)
})

test('only database.ts and the commands about the file itself open a database', () => {
  const openers = files.filter((file) => importsOf(file).some((target) => roomOf(target) === 'store/open'))
  const rooms = new Set(openers.map(roomOf))
  expect([...rooms].sort()).toEqual(['cli', 'database', 'doctor'])
})
