/** An option with one value that is given twice is bad usage: neither value is dropped without a word. */
import { existsSync } from 'node:fs'
import { test } from 'vitest'
import { Place } from './run-signet.ts'

const TWICE: [line: string, flag: string][] = [
  ['blacklist add --token T1 --token T2', '--token'],
  ['blacklist add --jti aa1 --jti aa2', '--jti'],
  ['blacklist add --jti aa1 --jti=aa1', '--jti'],
  ['client create --scope a --scope b', '--scope'],
  ['client create --id a --grant client_credentials --id b', '--id'],
  ['token mint --sub a --resource r --sub b', '--sub'],
  ['client rotate-secret x --overlap 1h --overlap 2h', '--overlap'],
  ['key rotate --alg ES256 --alg RS256', '--alg'],
]

test.concurrent.for(TWICE.filter(([, flag]) => flag !== ''))(
  'signet %s is bad usage, and nothing is made',
  async ([line, flag], { expect, onTestFinished }) => {
    const place = new Place(onTestFinished)
    const { code, stdout, stderr } = await place.run([...line.split(' '), '--json'])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^signet: ${flag} is given twice, and takes one value\n {2}\\S`))
    expect(stderr).not.toMatch(/T1|T2|aa1/)
    expect(existsSync(place.keysDir)).toBe(false)
  },
)

test.concurrent('a list that is one value says how several are typed', async ({ expect, onTestFinished }) => {
  const { stderr } = await new Place(onTestFinished).run('client create --scope a --scope b'.split(' '))
  expect(stderr).toContain('--scope "a b"')
})

test.concurrent('a flag may be repeated, and excludes its negation', async ({ expect, onTestFinished }) => {
  const place = await new Place(onTestFinished).migrate()
  expect((await place.run('client list --json --json'.split(' '))).code).toBe(0)
  expect((await place.run('resource create api --own-keys --own-keys'.split(' '))).code).toBe(0)
  const { code, stderr } = await place.run('resource update api --own-keys --no-own-keys'.split(' '))
  expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('exclude each other') as string })
})

test.concurrent('every command refuses a second value, unless the help calls the option repeatable', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  const help = async (line: string[]) => (await place.run([...line, '--help'])).stdout
  const seen: string[] = []
  for (const noun of commandsOf(await help([]))) {
    const inner = commandsOf(await help([noun]))
    for (const line of inner.length === 0 ? [[noun]] : inner.map((name) => [noun, name])) {
      const options = optionsWithValue(await help(line))
      const single = options.filter(({ says }) => !says.includes('(repeatable)'))
      const last = single.at(-1)
      if (!last) continue
      const given = options.flatMap((each) => (single.includes(each) ? typed(each) : [...typed(each), ...typed(each)]))
      const { code, stderr } = await place.run([...line, ...given, ...typed(last)])
      expect({ line, code, stderr }).toMatchObject({ line, code: 2 })
      expect(stderr, line.join(' ')).toContain(`${last.flag} is given twice`)
      seen.push(line.join(' '))
    }
  }
  expect(seen.length).toBeGreaterThan(20)
})

/** Options that refuse most values have one here that they accept. */
const VALUES: Record<string, string> = { '--uses': '2' }

const typed = ({ flag, says }: { flag: string; says: string }): string[] => [
  flag,
  /(?:choices: "|where it goes: )(\w+)/.exec(says)?.[1] ?? VALUES[flag] ?? '1d',
]

const commandsOf = (help: string): string[] => {
  const [, below = ''] = help.split('\nCommands:\n')
  const names = [
    ...below
      .split('\n\n', 1)
      .join('')
      .matchAll(/^ {2}([a-z][a-z-]*)/gm),
  ].map(([, name = '']) => name)
  return names.filter((name) => name !== 'help')
}

/** Each option of a help text that has a value, with its help on one line. */
const optionsWithValue = (help: string): { flag: string; says: string }[] =>
  help
    .replaceAll(/\n {4,}/g, ' ')
    .split('\n')
    .flatMap((line) => {
      const [, flag, says] = /^ {2}(?:-\w, )?(--[a-z-]+) <[^>]+>\s+(.*)$/.exec(line) ?? []
      return flag === undefined || says === undefined ? [] : [{ flag, says }]
    })
