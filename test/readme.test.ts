/**
 * The README says the truth: its tables are the code's, its paths exist, its picture has every room.
 *
 * Not again on PostgreSQL: it knows no database.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { VARIABLE_TABLE } from '../src/config/config.ts'

const ROOT = resolve(import.meta.dirname, '..')
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')

test('its table of variables is the one that the configuration reads', () => {
  const rows = readme.split('\n').filter((line) => line.startsWith('| `SIGNET_'))
  const expected = VARIABLE_TABLE.map(
    ({ name, standard, meaning }) =>
      `| \`${name}\` | ${standard === undefined ? '' : `\`${standard}\``} | ${meaning} |`,
  )
  expect(rows.map((row) => row.replaceAll(/ +/g, ' '))).toEqual(expected.map((row) => row.replaceAll(/ +/g, ' ')))
})

test('every file and folder that it names exists', () => {
  const named = [...readme.matchAll(/`((?:src|test|docs|verifier|examples|bench|migrations)\/[\w./-]*)`/g)].map(
    ([, path = '']) => path,
  )
  expect(named.length).toBeGreaterThan(7)
  expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
})

test('its picture shows every room', () => {
  const picture = readme.slice(readme.indexOf('## The house'), readme.indexOf('## Variables'))
  const rooms = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).map(({ name }) =>
    name.replace(/\.(ts|js)$/, ''),
  )
  const silent = ['index', 'signet', 'first-client']
  expect(rooms.filter((room) => !silent.includes(room) && !picture.includes(room))).toEqual([])
})

test('every npm script that it names exists', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  const named = [...readme.matchAll(/npm run (?:-s )?(?:--prefix \S+ )?([\w-]+)/g)].map(([, script = '']) => script)
  expect(named.filter((script) => !(script in scripts))).toEqual([])
})

test('the alias for a checkout is the same wherever it is printed, and works from any folder', () => {
  const [alias = ''] = /^alias signet=.*$/m.exec(readme) ?? []
  expect(readFileSync(join(ROOT, 'docs/operating.md'), 'utf8')).toContain(alias)
  const script = ['cd "$1"', alias, `cd ${tmpdir()}`, 'signet --version'].join('\n')
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  expect(execFileSync('sh', ['-c', script, 'sh', ROOT], { encoding: 'utf8', stdio: 'pipe' })).toMatch(`${version} `)
}, 60_000)
