/**
 * The documents say the truth: links lead somewhere, files, scripts, commands and variables exist, tables are the code's,
 * the picture has every room.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { VARIABLE_TABLE } from '../src/config/config.ts'
import { LATER_VARIABLES } from '../src/config/later-variables.ts'
import { readFeed } from '../verifiers/node/src/revocation-list.ts'
import { temporaryFolder } from './support/issuer.ts'
import { signet } from './support/process.ts'

const ROOT = resolve(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

const ours = globSync(['*.md', 'docs/*.md'], { cwd: ROOT })
const everything = [...ours, ...globSync('verifiers/*/README.md', { cwd: ROOT })]
/** The pages that tell a reader to type commands. */
const guides = ours.filter((page) => page !== 'CHANGELOG.md')
const found = (pages: string[], pattern: RegExp) =>
  pages.flatMap((page) => [...read(page).matchAll(pattern)].map(([, name = '']) => ({ page, name })))

/** As GitHub makes a heading's anchor. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .trim()
    .replaceAll(/\s/g, '-')
const anchorsOf = (path: string): string[] =>
  [...read(path).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading))

test.each(everything)('every link of %s leads to a file and a heading that are there', (page) => {
  const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]*)#?([^)]*)\)/g)].map(([, path = '', anchor = '']) => ({
    path: path === '' ? page : join(dirname(page), path),
    anchor,
  }))
  const dead = links.filter(
    ({ path, anchor }) => !existsSync(join(ROOT, path)) || (anchor !== '' && !anchorsOf(path).includes(anchor)),
  )
  expect(dead).toEqual([])
})

test('every page of docs can be reached from the README', () => {
  const reached = new Set(['README.md'])
  for (const page of reached)
    for (const [, path = ''] of read(page).matchAll(/\]\((?!https?:)([^)#]+\.md)/g))
      reached.add(join(dirname(page), path))
  expect(ours.filter((page) => !reached.has(page))).toEqual([])
})

test('every file and folder that is named exists', () => {
  const named = found(
    guides,
    /`((?:src|test|docs|verifiers|examples|bench|torture|harness|migrations|schema|deploy)\/[\w./-]*)`/g,
  )
  expect(named.length).toBeGreaterThan(50)
  expect(named.filter(({ name }) => !existsSync(join(ROOT, name)))).toEqual([])
})

test('every npm script that is named exists', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const named = found(everything, /npm run (?:-s )?([\w-]+)/g)
  expect(named.length).toBeGreaterThan(20)
  expect(named.filter(({ name }) => !(name in scripts))).toEqual([])
})

test('every variable that is named is one that Signet reads', () => {
  const known = [...VARIABLE_TABLE, ...LATER_VARIABLES].flatMap(({ name }) => [name, `${name}_FILE`])
  /** Of tests and files in `deploy/`. */
  const others = /^SIGNET_(?:TEST_|SITE$)/
  const named = found(guides, /(SIGNET_[A-Z_]*[A-Z])/g).filter(({ name }) => !others.test(name))
  expect(named.length).toBeGreaterThan(50)
  expect(named.filter(({ name }) => !known.includes(name))).toEqual([])
})

describe('the reference', () => {
  test('has the table of variables that the configuration reads', () => {
    const rows = read('docs/reference.md')
      .split('\n')
      .filter((line) => line.startsWith('| `SIGNET_'))
    const expected = VARIABLE_TABLE.map(
      ({ name, standard, meaning }) =>
        `| \`${name}\` | ${standard === undefined ? '' : `\`${standard}\``} | ${meaning} |`,
    )
    const plain = (row: string) => row.replaceAll(/ +/g, ' ')
    expect(rows.map(plain)).toEqual(expected.map(plain))
  })
})

describe('the plan of the house', () => {
  const [plan = ''] = /## The house\n[^]*?## Checks/.exec(read('docs/contributing.md')) ?? []
  const foldersIn = (path: string): string[] =>
    readdirSync(join(ROOT, path), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name)

  test('shows every room', () => {
    const [picture = ''] = /```\n[^]*?```/.exec(plan) ?? []
    const rooms = readdirSync(join(ROOT, 'src')).map((name) => name.replace(/\.(ts|js)$/, ''))
    expect(rooms.filter((room) => !picture.includes(room))).toEqual([])
    expect(foldersIn('src/store').filter((folder) => !picture.includes(`${folder}/`))).toEqual([])
  })

  test('tells every folder beside src', () => {
    const [, beside = ''] = /^Beside `src`:([^]*)/m.exec(plan) ?? []
    const notSource = [...read('.gitignore').matchAll(/^\/?(\w+)\/(?:\*)?$/gm)].map(([, name = '']) => name)
    const folders = foldersIn('.').filter((name) => !['src', 'docs', ...notSource].includes(name))
    expect(folders.length).toBeGreaterThan(5)
    expect(folders.filter((name) => !beside.includes(`\`${name}/\``))).toEqual([])
  })
})

describe('the page about the feed', () => {
  test('shows a page that a follower takes, with the hash that it names', () => {
    const text = read('docs/revocation-feed.md')
    const [, json = ''] = /```json\n([^]*?)```/.exec(text) ?? []
    const { entries, hasMore } = readFeed(JSON.parse(json), json.length)
    const [, hashed = ''] = /the text is `([^`]+)`/.exec(text) ?? []
    expect(hasMore).toBe(true)
    expect(entries.map(({ hash }) => hash)).toEqual([createHash('sha256').update(hashed).digest('base64url')])
  })
})

describe('commands', () => {
  /** Each line of a shell block, and each command in running text, that begins with `signet` and a word. */
  const commands = [
    ...new Set(
      guides
        .flatMap((page) => [...read(page).matchAll(/^```sh\n(.*?)^```/gms), ...read(page).matchAll(/`([^`\n]+)`/g)])
        .flatMap(([, text = '']) => text.split('\n'))
        .map((line) =>
          /(?:^|\| |=\S+ )(?:docker (?:compose .*)?exec signet )?(?:\.\/)?signet ((?:[a-z-]+ ?)+)(.*)$/.exec(
            line.trim(),
          ),
        )
        .flatMap((match) => (match ? [`${match[1]?.trim()} ${match[2] ?? ''}`.split(/ +#|\|/)[0]?.trim() ?? ''] : [])),
    ),
  ].filter((command) => !command.startsWith('--'))

  /** The two words of `key rotate --alg ES256`, or the one of `backup FILE`. */
  const NOUNS = /^(?:client|resource|user|group|session|audit|key|master-key|token|blacklist|grant)$/
  function wordsOf(command: string): string {
    const [noun = '', verb = ''] = command.split(' ')
    return NOUNS.test(noun) ? `${noun} ${verb}` : noun
  }

  const optionsOf = (command: string): string[] => [...command.matchAll(/(?<= )--[a-z-]+/g)].map(([option]) => option)

  test('exist, with every option', async () => {
    const byWords = Object.groupBy(commands, wordsOf)
    expect(Object.keys(byWords).length).toBeGreaterThan(30)
    const env = { SIGNET_KEYS_DIR: join(temporaryFolder(), 'keys') }
    const missing: string[] = []
    for (const [words, uses = []] of Object.entries(byWords)) {
      const { stdout } = await signet([...words.split(' '), '--help'], env)
      if (!stdout.includes(`Usage: signet ${words} `)) missing.push(words)
      else missing.push(...uses.filter((use) => optionsOf(use).some((option) => !stdout.includes(option))))
    }
    expect(missing).toEqual([])
  })
})
