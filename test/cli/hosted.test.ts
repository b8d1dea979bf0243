/** Most tests run commands in a process that has run others before. A command must not notice it. */
import { expect, test } from 'vitest'
import { runHosted } from '../../harness/command-host.ts'
import { runCommand } from '../../harness/program.ts'
import { Place } from './run-signet.ts'

const SAME: [line: string, input?: string][] = [
  ['--version'],
  ['help client'],
  ['client create --help'],
  ['client list --json'],
  ['client show gone'],
  ['client create --id orders --grnt x'],
  ['blacklist add --sub ada --json --nothing'],
  ['token inspect - --json', 'no token'],
  ['resource show api'],
  ['key rotate --alg none'],
  ['apply nowhere.yaml'],
  ['nonsense'],
]

test('a command in such a process prints and ends as in a process of its own', async ({ onTestFinished }) => {
  const place = await new Place(onTestFinished).migrate()
  await place.run(['resource', 'create', 'api'])
  for (const [line, input = ''] of SAME) {
    const env = place.variables
    const [hosted, alone] = [
      await runHosted(line.split(' '), env, input),
      await runCommand(line.split(' '), { env }, { input }),
    ]
    expect(hosted, line).toEqual(alone)
  }
})

test('variables of one command are unknown to the next', async ({ onTestFinished }) => {
  const place = await new Place(onTestFinished).migrate()
  expect(await place.run(['client', 'list'], { SIGNET_ISUER: 'x' })).toMatchObject({ code: 1 })
  expect(await place.run(['client', 'list'])).toMatchObject({ code: 0, stderr: '' })
})
