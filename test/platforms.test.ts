/**
 * Folders, files and users as platforms give them: Kubernetes volumes, OpenShift users, mounted secrets, root's
 * commands.
 *
 * Not again on PostgreSQL: it is about the file of SQLite.
 */
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readConfig, startIssuer } from '../src/index.ts'
import { until } from './support/admin.ts'
import { environmentOf, rememberingLog, temporaryFolder } from './support/issuer.ts'
import { signet } from './support/process.ts'
import { sqliteTest } from './support/sqlite.ts'

const LAUNCHER = resolve(import.meta.dirname, '../src/signet.js')

interface User {
  uid: number
  gid: number
}
const SERVICE: User = { uid: 1234, gid: 1234 }

const asUser = ({ uid, gid }: User, args: string[]): string[] => {
  const switching = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups']
  return [...switching, process.execPath, LAUNCHER, ...args]
}
const plain = (env: Record<string, string>) => ({ PATH: process.env.PATH ?? '', ...env })

/** Starts `signet serve` as another user, waits until it serves, and stops it; resolves with everything that it said. */
async function startAndStop(user: User, env: Record<string, string>): Promise<string> {
  const child = spawn('setpriv', asUser(user, ['serve']), { env: plain(env), stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)))
  const exited = new Promise<unknown>((done) => child.on('exit', (code, signal) => done(code ?? signal)))
  await until(() => {
    expect(child.exitCode, said).toBeNull()
    return said.includes('Signet serves')
  }, 20_000)
  child.kill('SIGTERM')
  expect(await exited, said).toBe(0)
  return said
}

/** Runs a command that fails; returns its line and its help. */
function refusalAs(user: User, env: Record<string, string>, args = ['serve']): string[] {
  const { status, stdout, stderr } = spawnSync('setpriv', asUser(user, args), { env: plain(env), encoding: 'utf8' })
  expect(status, stderr).toBe(1)
  expect(stdout).toBe('')
  const lines = stderr.trimEnd().split('\n')
  expect(lines.length, stderr).toBeLessThanOrEqual(2)
  expect(stderr).not.toMatch(/defect|\n\s+at /)
  return lines
}

/** A folder that everybody may enter, since the one around it is root's. */
function place(): string {
  const folder = temporaryFolder()
  chmodSync(folder, 0o755)
  return folder
}

function makeFolder(path: string, { uid, gid }: User, mode: number): string {
  mkdirSync(path)
  chownSync(path, uid, gid)
  chmodSync(path, mode)
  return path
}

const ROOT: User = { uid: 0, gid: 0 }
const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8)

const tried = spawnSync('setpriv', asUser(SERVICE, ['--version']))
const maySwitch = process.getuid?.() === 0 && tried.status === 0
const why = maySwitch ? '' : ' (skipped: needs root, setpriv, and a checkout that other users can read)'

describe.skipIf(!maySwitch)(`a service that is not root${why}`, () => {
  test.each([
    ['a volume of Kubernetes with fsGroup', SERVICE, { uid: 0, gid: 1234 }, 0o2775],
    ['a volume with fsGroup that others cannot enter', SERVICE, { uid: 0, gid: 1234 }, 0o2770],
    ['an emptyDir', SERVICE, ROOT, 0o777],
    ['a sticky folder', SERVICE, ROOT, 0o1777],
    ['a volume of OpenShift, whose users are in group 0', { uid: 1_000_680_000, gid: 0 }, ROOT, 0o775],
    ['its own folder, writable by its group', SERVICE, SERVICE, 0o2775],
    ['its own folder', SERVICE, SERVICE, 0o700],
  ] as [string, User, User, number][])('starts on %s, and again', async (_name, user, owner, mode) => {
    const folder = place()
    const keys = makeFolder(join(folder, 'k'), owner, mode)
    const data = makeFolder(join(folder, 'd'), owner, mode)
    const env = environmentOf(folder, { SIGNET_KEYS_DIR: keys, SIGNET_DATABASE_URL: `file:${data}/s.db` })
    await startAndStop(user, env)
    expect(modeOf(join(keys, 'master.key'))).toBe('600')
    expect(modeOf(join(data, 's.db'))).toBe('600')
    for (const each of [keys, data]) expect(modeOf(each)).toBe(mode.toString(8))
    const key = readFileSync(join(keys, 'master.key'), 'utf8')
    await startAndStop(user, env)
    expect(readFileSync(join(keys, 'master.key'), 'utf8')).toBe(key)
    expect(readdirSync(keys).toSorted()).toEqual(['databases', 'master.key'])
  })

  test('starts on a keys folder that is a mounted Secret: read-only, of another owner, full of links', async () => {
    const folder = place()
    const keys = makeFolder(join(folder, 'k'), ROOT, 0o755)
    mkdirSync(join(keys, '..1'))
    writeFileSync(join(keys, '..1/master.key'), `${Buffer.alloc(32, 3).toString('base64')}\n`, { mode: 0o444 })
    symlinkSync('..1', join(keys, '..data'))
    symlinkSync('..data/master.key', join(keys, 'master.key'))
    chmodSync(keys, 0o555)
    const data = makeFolder(join(folder, 'd'), SERVICE, 0o700)
    const env = environmentOf(folder, { SIGNET_KEYS_DIR: keys, SIGNET_DATABASE_URL: `file:${data}/s.db` })
    const said = await startAndStop(SERVICE, env)
    expect(said).toContain('every user of this machine can read')
    await startAndStop(SERVICE, env)
    const doctor = spawnSync('setpriv', asUser(SERVICE, ['doctor', '--json']), { env: plain(env), encoding: 'utf8' })
    const checks = JSON.parse(doctor.stdout) as { check: string; ok: boolean }[]
    expect(checks.find(({ check }) => check === 'master key file')).toMatchObject({ ok: true })
  }, 60_000)

  test('leaves nothing behind where the keys folder or the folder of the database is not its own', () => {
    const folder = place()
    const ours = makeFolder(join(folder, 'ours'), SERVICE, 0o700)
    const theirs = makeFolder(join(folder, 'theirs'), ROOT, 0o755)
    const owner = `${theirs} belongs to uid 0 (root), mode 0755, and Signet runs as uid 1234`
    const start = (keys: string, data: string) =>
      refusalAs(SERVICE, environmentOf(folder, { SIGNET_KEYS_DIR: keys, SIGNET_DATABASE_URL: `file:${data}/s.db` }))[0]
    expect(start(theirs, ours)).toBe(
      `signet: SIGNET_KEYS_DIR: ${theirs}/master.key cannot be written (EACCES: ${owner})`,
    )
    expect(start(join(theirs, 'new'), join(ours, 'new'))).toContain(
      `SIGNET_KEYS_DIR: ${theirs}/new cannot be written (EACCES: ${owner})`,
    )
    expect(start(ours, theirs)).toBe(`signet: SIGNET_DATABASE_URL: cannot create ${theirs}/s.db (EACCES: ${owner})`)
    expect(start(join(ours, 'k/k'), theirs)).toContain('SIGNET_DATABASE_URL: cannot create')
    for (const each of [ours, theirs]) expect(readdirSync(each)).toEqual([])
  }, 60_000)

  sqliteTest('starts on what root restored into its folders', async () => {
    const folder = place()
    const data = makeFolder(join(folder, 'data'), SERVICE, 0o700)
    const keys = makeFolder(join(folder, 'keys'), SERVICE, 0o700)
    const env = environmentOf(folder)
    await startAndStop(SERVICE, env)
    const SIGNET_MASTER_KEY = readFileSync(join(keys, 'master.key'), 'utf8')
    const backup = join(folder, 'b.bak')
    expect((await signet(['backup', backup], env)).code).toBe(0)
    for (const each of [data, keys]) for (const name of readdirSync(each)) rmSync(join(each, name))
    const restored = await signet(['restore', backup], { ...env, SIGNET_MASTER_KEY })
    expect(restored.code, restored.stderr).toBe(0)
    for (const file of ['data/signet.db', 'keys/databases'])
      expect(statSync(join(folder, file)), file).toMatchObject({ uid: 1234, gid: 1234 })
    await startAndStop(SERVICE, { ...env, SIGNET_MASTER_KEY })
  })

  sqliteTest('starts on folders and files that root made below its own folder', async () => {
    const folder = makeFolder(join(place(), 'state'), SERVICE, 0o700)
    const env = environmentOf(folder)
    const made = await signet(['client', 'create', '--id', 'early', '--json'], env)
    expect(made.code, made.stderr).toBe(0)
    for (const file of ['data', 'data/signet.db', 'keys', 'keys/master.key', 'keys/databases'])
      expect(statSync(join(folder, file)), file).toMatchObject({ uid: 1234, gid: 1234 })
    await startAndStop(SERVICE, env)
  })

  sqliteTest('names the file and its owner where a file is root’s, and needs no list of databases', async () => {
    const folder = place()
    const data = makeFolder(join(folder, 'data'), SERVICE, 0o700)
    const keys = makeFolder(join(folder, 'keys'), SERVICE, 0o700)
    const env = environmentOf(folder)
    await startAndStop(SERVICE, env)
    const owner = (path: string, mode: string) =>
      `${path} belongs to uid 0 (root), mode ${mode}, and Signet runs as uid 1234`
    const file = join(data, 'signet.db')
    const take = (path: string, mode: number) => {
      chownSync(path, 0, 0)
      chmodSync(path, mode)
    }
    const give = (path: string) => chownSync(path, 1234, 1234)

    take(join(keys, 'databases'), 0o600)
    await startAndStop(SERVICE, env)
    rmSync(join(keys, 'databases'))
    take(keys, 0o755)
    await startAndStop(SERVICE, env)

    take(file, 0o600)
    expect(refusalAs(SERVICE, env)[0]).toBe(
      `signet: SIGNET_DATABASE_URL: cannot read ${file} (EACCES: ${owner(file, '0600')})`,
    )
    take(file, 0o644)
    expect(refusalAs(SERVICE, env)[0]).toContain(owner(file, '0644'))
    give(file)
    writeFileSync(`${file}-wal`, '')
    take(`${file}-wal`, 0o600)
    expect(refusalAs(SERVICE, env)[0]).toContain(owner(`${file}-wal`, '0600'))
    rmSync(`${file}-wal`)
    take(data, 0o755)
    expect(refusalAs(SERVICE, env)[0]).toContain(owner(data, '0755'))
    take(data, 0o700)
    expect(refusalAs(SERVICE, env)[0]).toContain(owner(data, '0700'))
    give(data)
    take(join(keys, 'master.key'), 0o600)
    expect(refusalAs(SERVICE, env)[0]).toBe(
      `signet: SIGNET_KEYS_DIR: ${keys}/master.key cannot be read (EACCES: ${owner(`${keys}/master.key`, '0600')})`,
    )
    take(keys, 0o700)
    expect(refusalAs(SERVICE, env)[0]).toContain(owner(keys, '0700'))
  })
})

/** The warnings of a start about the modes of files. */
async function warningsOf(env: Record<string, string>): Promise<string[]> {
  const { log, lines } = rememberingLog()
  await (await startIssuer(readConfig(env), { log })).stop()
  return lines.filter((line) => line.includes('every user of this machine'))
}

test('a start warns of a master key that every user of the machine can read or replace', async () => {
  const folder = temporaryFolder()
  const env = environmentOf(folder)
  const keys = join(folder, 'keys')
  const file = join(keys, 'master.key')
  expect(await warningsOf(env)).toEqual([])
  chmodSync(file, 0o644)
  // The folder is closed to everybody else.
  expect(await warningsOf(env)).toEqual([])
  chmodSync(keys, 0o755)
  expect((await warningsOf(env)).join()).toMatch(
    /"level":"warn".*SIGNET_KEYS_DIR: every user.* can read .*master\.key \(mode 0644\): chmod 600/,
  )
  // A group is the operator's choice.
  chmodSync(file, 0o660)
  chmodSync(keys, 0o2770)
  expect(await warningsOf(env)).toEqual([])
  chmodSync(keys, 0o777)
  expect((await warningsOf(env)).join()).toMatch(/can replace the master key in .*keys \(mode 0777\)/)
})

test('the keys folder of a checkout becomes 0700 at the first start', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'keys'), { mode: 0o755 })
  await warningsOf(environmentOf(folder))
  expect(modeOf(join(folder, 'keys'))).toBe('700')
})

test('a database is found by every form of its URL', async () => {
  const folder = temporaryFolder()
  const start = async (url: string) => {
    const { log } = rememberingLog()
    await (await startIssuer(readConfig(environmentOf(folder, { SIGNET_DATABASE_URL: url })), { log })).stop()
    return readdirSync(join(folder, 'a b')).filter((name) => name.endsWith('.db'))
  }
  for (const url of [
    `file:${folder}/a%20b/x%25%3F%23.db`,
    `file://${folder}/a%20b/x%25%3F%23.db`,
    `file://localhost${folder}/a b/x%25%3f%23.db?mode=rwc`,
    `FILE:${folder}/./a b/y/../x%25%3F%23.db`,
  ])
    expect(await start(url), url).toEqual(['x%?#.db'])
})
