/**
 * The runbooks can be followed: their links lead somewhere, their commands and options exist, their files are there.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { VARIABLE_TABLE } from '../src/config/config.ts'
import { temporaryFolder } from './support/issuer.ts'
import { signet } from './support/process.ts'

const ROOT = resolve(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const manual = read('docs/operating.md')

/** As GitHub makes a heading's anchor. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .trim()
    .replaceAll(/\s/g, '-')
const anchorsOf = (path: string): string[] =>
  [...read(path).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading))

test.each(['docs/operating.md', 'docs/replicas.md', 'SECURITY.md'])(
  'every link of %s leads to a file and a heading that are there',
  (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]*)#?([^)]*)\)/g)].map(([, path = '', anchor = '']) => ({
      path: path === '' ? page : join(dirname(page), path),
      anchor,
    }))
    expect(links.length).toBeGreaterThan(1)
    const dead = links.filter(
      ({ path, anchor }) => !existsSync(join(ROOT, path)) || (anchor !== '' && !anchorsOf(path).includes(anchor)),
    )
    expect(dead).toEqual([])
  },
)

test('every runbook says when it applies and how one knows that it worked', () => {
  const runbooks = manual.split(/^## /m).slice(1)
  expect(runbooks.length).toBeGreaterThan(15)
  const titleOf = (text: string) => text.split('\n')[0]
  expect(runbooks.filter((text) => !/\*\*When/.test(text)).map(titleOf)).toEqual([])
  const expected = runbooks.filter((text) => titleOf(text) !== 'Limits')
  expect(expected.filter((text) => !/\*\*It worked when\*\*/.test(text)).map(titleOf)).toEqual([])
})

/** Each line of a shell block, and each command in running text, that begins with `signet` and a word. */
const commands = [
  ...new Set(
    [...manual.matchAll(/^```sh\n(.*?)^```/gms), ...manual.matchAll(/`([^`\n]+)`/g)]
      .flatMap(([, text = '']) => text.split('\n'))
      .map((line) =>
        /(?:^|\| |=\S+ )(?:docker (?:compose .*)?exec signet )?signet ((?:[a-z-]+ ?)+|--version)(.*)$/.exec(
          line.trim(),
        ),
      )
      .flatMap((match) => (match ? [`${match[1]?.trim()} ${match[2] ?? ''}`.split(/ +#|\|/)[0]?.trim() ?? ''] : [])),
  ),
]

/** The two words of `key rotate --alg ES256`, or the one of `backup FILE`. */
function wordsOf(command: string): string {
  const [noun = '', verb = ''] = command.split(' ')
  return ['client', 'resource', 'key', 'master-key', 'token', 'blacklist', 'grant'].includes(noun)
    ? `${noun} ${verb}`
    : noun
}

const optionsOf = (command: string): string[] => [...command.matchAll(/(?<= )--[a-z-]+/g)].map(([option]) => option)

test('every command that it prints exists, with every option', async () => {
  const byWords = Object.groupBy(commands, wordsOf)
  expect(Object.keys(byWords).length).toBeGreaterThan(10)
  const env = { SIGNET_KEYS_DIR: join(temporaryFolder(), 'keys') }
  for (const [words, uses = []] of Object.entries(byWords).filter(([each]) => !each.startsWith('--'))) {
    const { code, stdout } = await signet([...words.split(' '), '--help'], env)
    expect(code, words).toBe(0)
    expect(stdout).toContain(`Usage: signet ${words} `)
    expect(uses.flatMap(optionsOf).filter((option) => !stdout.includes(option))).toEqual([])
  }
}, 60_000)

test('every variable that it names is one that Signet reads', () => {
  const known = VARIABLE_TABLE.flatMap(({ name }) => [name, `${name}_FILE`])
  const shown = manual.replaceAll(/<!--.*?-->/gs, '')
  const named = [...new Set([...shown.matchAll(/SIGNET_[A-Z_]*[A-Z]/g)].map(([name]) => name))]
  expect(named.length).toBeGreaterThan(5)
  expect(named.filter((name) => !known.includes(name))).toEqual([])
})
