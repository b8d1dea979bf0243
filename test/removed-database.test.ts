/**
 * The database file is removed or replaced beneath a running server. Then its data are only in the open file of that server.
 * The server saves them, and an operator who follows what it prints has lost nothing.
 *
 * Not again on PostgreSQL: it is about files of SQLite.
 */
import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished } from 'vitest'
import { post, request } from '../harness/call.ts'
import { databaseIn, environmentOf } from '../harness/folder.ts'
import { until } from './support/admin.ts'
import { temporaryFolder } from './support/issuer.ts'
import { serve, signet, type ServerProcess } from './support/process.ts'
import { sqliteTest } from './support/sqlite.ts'

const run = promisify(execFile)

/** The folder is on the disk that is given, or in a folder of its own. */
async function operated(folder = temporaryFolder()) {
  const file = databaseIn(folder)
  const env = environmentOf(folder)
  const server = await serve(env)
  const settled = { ...env, SIGNET_PORT: String(server.port) }
  const made = (
    await signet(
      ['client', 'create', '--id', 'shop', '--grant', 'client_credentials', '--grant', 'refresh_token', '--json'],
      settled,
    )
  ).json<{ client_secret: string }>()
  const credentials = { clientId: 'shop', secret: made.client_secret }
  const ask = (at: { url: string }, form: Record<string, string>) => post(at, '/token', form, credentials)
  const granted = await ask(server, { grant_type: 'client_credentials', scope: 'offline_access' })
  expect(granted.status).toBe(200)
  expect((await signet(['blacklist', 'add', '--sub', 'mallory'], settled)).code).toBe(0)
  const readiness = () => request(`${server.url}/readyz`)
  const untilSaved = () => until(async () => (await readiness()).body.saved === true)
  const expectAllThere = async () => {
    const again = await serve(settled)
    const refreshed = await ask(again, { grant_type: 'refresh_token', refresh_token: granted.body.refresh_token })
    expect(refreshed.status).toBe(200)
    expect((await signet(['blacklist', 'list', '--json'], settled)).json()).toMatchObject([{ sub: 'mallory' }])
    expect((await signet(['doctor'], settled)).stdout).not.toMatch(/FAIL {2}(database|integrity|keys)/)
    return again
  }
  return { folder, file, env: settled, server, readiness, untilSaved, expectAllThere }
}

/** Runs the commands that a text prints between the stop of the server and its start. */
async function follow(text: string, server: ServerProcess): Promise<void> {
  const [, commands] = /stop the server; (.*); start the server/.exec(text) ?? []
  expect(commands).toBeDefined()
  expect(await server.stop()).toBe(0)
  await run('sh', ['-c', commands ?? ''])
}

const printedBy = (server: ServerProcess): string => server.stdout() + server.stderr()

for (const suffixes of [[''], ['', '-wal', '-shm'], ['', '-wal']])
  sqliteTest(`removed: signet.db${suffixes.join(', ')}: the printed commands bring everything back`, async () => {
    const { file, env, server, readiness, untilSaved, expectAllThere } = await operated()
    for (const suffix of suffixes) rmSync(file + suffix)
    await untilSaved()
    const { status, body } = await readiness()
    expect(status).toBe(503)
    expect(body.reason).toMatch(/has saved a copy: stop it, move the copy/)
    expect(body.reason).not.toMatch(/restart/)
    expect(statSync(`${file}.saved`).mode & 0o777).toBe(0o600)
    await until(() => printedBy(server).includes(`mv ${file}.saved ${file}`))
    expect(printedBy(server)).not.toMatch(/restart/)
    const doctor = await signet(['doctor'], env)
    expect(doctor.code).toBe(1)
    expect(doctor.stdout).toContain(`mv ${file}.saved ${file}; start the server`)
    expect(doctor.stdout).not.toMatch(/restart|do as it says|restore|--new/)
    await follow(doctor.stdout, server)
    await expectAllThere()
  })

sqliteTest('a server that is stopped at once has saved it, and the next start names the commands', async () => {
  const { file, env, server, expectAllThere } = await operated()
  rmSync(file)
  expect(await server.stop()).toBe(0)
  const refused = await signet(['serve'], env)
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining(`mv ${file}.saved ${file}`) as string })
  await follow(refused.stderr, server)
  await expectAllThere()
})

sqliteTest('an earlier copy is not overwritten, and the commands name the new one', async () => {
  const { file, env, server, untilSaved, expectAllThere } = await operated()
  writeFileSync(`${file}.saved`, 'of another day')
  rmSync(file)
  await untilSaved()
  expect(statSync(`${file}.saved`).size).toBe('of another day'.length)
  await follow((await signet(['doctor'], env)).stdout, server)
  expect(existsSync(`${file}.saved-2`)).toBe(false)
  await expectAllThere()
})

sqliteTest(
  'a folder that is gone: the server is not to be stopped, and saves the copy where it is made again',
  async () => {
    const { file, env, server, readiness, untilSaved, expectAllThere } = await operated()
    rmSync(dirname(file), { recursive: true })
    await until(() => printedBy(server).includes(`mkdir -p -m 700 ${dirname(file)}`))
    expect((await readiness()).body).toMatchObject({
      saved: false,
      reason: expect.stringMatching(/do not stop it/) as string,
    })
    const doctor = await signet(['doctor'], env)
    expect(doctor.stdout).toMatch(/do not stop (the|that) server/)
    expect(doctor.stdout).not.toMatch(/restart/)
    mkdirSync(dirname(file), { mode: 0o700 })
    await untilSaved()
    await follow((await signet(['doctor'], env)).stdout, server)
    await expectAllThere()
  },
)

const works = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0

sqliteTest('a full disk: the server is not to be stopped, and saves the copy when there is room', async ({ skip }) => {
  const folder = temporaryFolder()
  const disk = dirname(databaseIn(folder))
  mkdirSync(disk)
  if (!works('mount', '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', disk)) return skip('no tmpfs can be mounted here')
  onTestFinished(() => void works('umount', '-l', disk))
  const { file, env, server, readiness, untilSaved, expectAllThere } = await operated(folder)
  const filler = join(disk, 'filler')
  works('dd', 'if=/dev/zero', `of=${filler}`, 'bs=1k')
  rmSync(file)
  await until(() => /do not stop this process.*disk is full/.test(printedBy(server)))
  expect((await readiness()).body).toMatchObject({ saved: false })
  rmSync(filler)
  await untilSaved()
  await follow((await signet(['doctor'], env)).stdout, server)
  await expectAllThere()
})

sqliteTest('replaced by a backup: a restart reads the backup alone, and the state of the server is saved', async () => {
  const { folder, file, env, server, readiness } = await operated()
  const backup = join(folder, 'backup.db')
  expect((await signet(['backup', backup], env)).code).toBe(0)
  expect((await signet(['resource', 'create', 'later', '--scope', 'read'], env)).code).toBe(0)
  expect((await signet(['blacklist', 'add', '--sub', 'later'], env)).code).toBe(0)
  renameSync(backup, file)
  await until(async () => /restart it/.test((await readiness()).body.reason ?? ''))
  await until(() => printedBy(server).includes(`is saved in ${file}.saved`))
  // Even a server that is killed leaves no journal that would be replayed into the backup.
  await server.stop('SIGKILL')
  await serve(env)
  const denied = async (database: string) =>
    (await signet(['blacklist', 'list', '--json'], { ...env, SIGNET_DATABASE_URL: `file:${database}` })).json<
      unknown[]
    >()
  expect(await denied(file)).toHaveLength(1)
  expect((await signet(['doctor'], env)).stdout).not.toMatch(/FAIL/)
  expect(await denied(`${file}.saved`)).toHaveLength(2)
})
