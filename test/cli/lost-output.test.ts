/** Output that cannot be written is a failure that is told, and a secret that nobody has seen has a next step. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'vitest'
import { CHECKOUT } from '../../harness/version.ts'
import { Place } from './run-signet.ts'

/** Runs a line of a shell, in which `$S` is Signet. */
function shellIn(place: Place, line: string) {
  const { PATH = '', HOME = '' } = process.env
  const env = { PATH, HOME, S: join(CHECKOUT, 'signet'), ...place.variables }
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line], { cwd: place.folder, env, encoding: 'utf8' })
  return { code: status, stdout, stderr }
}

const UNWRITTEN = /^signet: standard output cannot be written: ENOSPC: /m

test.concurrent('a full disk under the output is told, with exit 1', async ({ expect, onTestFinished }) => {
  const place = await new Place(onTestFinished).migrate()
  for (const line of ['client list', 'client list --json', '--version', 'client --help']) {
    const { code, stderr } = shellIn(place, `"$S" ${line} >/dev/full`)
    expect({ line, code }).toEqual({ line, code: 1 })
    expect(stderr).toMatch(UNWRITTEN)
    expect(stderr).toMatch(/^ {2}\S.* not shown$/m)
  }
})

test.concurrent('a secret that is lost with the output has a next step', async ({ expect, onTestFinished }) => {
  const place = await new Place(onTestFinished).migrate()
  await place.json('user', 'create', 'ada')
  const LOST: [line: string, step: RegExp][] = [
    ['client create --id x --json', /signet client rotate-secret x$/m],
    ['client create --id y', /signet client rotate-secret y$/m],
    ['client create --id z --for grafana --url https://grafana.example', /signet client rotate-secret z$/m],
    ['client rotate-secret x', /signet client rotate-secret x$/m],
    ['user create eve --invite', /signet user link eve$/m],
    ['user link ada', /signet user link ada$/m],
    ['invite', /signet invite revoke \S+$/m],
    ['token mint --sub me --resource "$SIGNET_ISSUER"', /signet blacklist add --jti \S+$/m],
  ]
  for (const [line, step] of LOST) {
    const { code, stderr } = shellIn(
      place,
      `SIGNET_ISSUER=https://i.example; export SIGNET_ISSUER; "$S" ${line} >/dev/full`,
    )
    expect({ line, code }).toEqual({ line, code: 1 })
    expect(stderr).toMatch(UNWRITTEN)
    expect(stderr, line).toMatch(step)
  }
  // The step works.
  expect((await place.json('client', 'rotate-secret', 'x')).client_secret).toMatch(/^sgs_/)
})

test.concurrent('a reader that leaves is no failure, unless a secret goes with it', async ({
  expect,
  onTestFinished,
}) => {
  const place = await new Place(onTestFinished).migrate()
  const line = (command: string) => `{ "$S" ${command}; echo "code $?" >&2; } | true`
  expect(shellIn(place, line('client list')).stderr).toBe('code 0\n')
  const { stderr } = shellIn(place, line('client create --id x --json'))
  expect(stderr).toMatch(
    /standard output cannot be written: .*EPIPE.*\n {2}.*signet client rotate-secret x\n.*code 1\n$/s,
  )
})

test.concurrent('a closed standard output is told before anything is done', async ({ expect, onTestFinished }) => {
  const place = await new Place(onTestFinished).migrate()
  for (const command of ['client list --json', 'client create --id x']) {
    const { code, stderr } = shellIn(place, `"$S" ${command} >&-`)
    expect({ command, code }).toEqual({ command, code: 1 })
    expect(stderr).toMatch(/^signet: standard output cannot be written: it is closed\n {2}\S/)
  }
  expect(await place.json('client', 'list')).toEqual([])
  expect(shellIn(place, '"$S" client list >/dev/null')).toEqual({ code: 0, stdout: '', stderr: '' })
})
