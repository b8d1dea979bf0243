/** Exit codes and the two streams: what scripts rely on. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { test } from 'vitest'
import { sqliteTest } from '../support/sqlite.ts'
import { CHECKOUT } from '../../harness/version.ts'
import { Place, type OnTestFinished } from './run-signet.ts'

const LAUNCHER = join(CHECKOUT, 'src/signet.js')

test.concurrent.for([
  ['bogus'],
  [],
  ['client'],
  ['client', 'bogus'],
  ['client', 'show'],
  ['client', 'list', '--frob'],
  ['client', 'list', 'more'],
  ['client', 'create', '--grant', 'password'],
  ['client', 'create', '--access-token-ttl', 'soon'],
  ['client', 'create', '--claim', 'sub=root'],
  ['client', 'create', '--claim', '__proto__=1'],
  ['client', 'create', '--claim', 'novalue'],
  ['client', 'create', '--id', 'signet:operator'],
  ['client', 'update', 'x'],
  ['client', 'rotate-secret', 'x', '--overlap', 'soon'],
  ['resource', 'create', 'not a name'],
  ['resource', 'create', 'api', '--alg', 'HS256'],
  ['key', 'rotate', '--alg', 'HS256'],
  ['token', 'mint', '--sub', 'ops'],
  ['token', 'mint', '--sub', 'ops', '--resource', 'x', '--ttl', '0'],
  ['token', 'mint', '--sub', 'ops', '--resource', 'x', '--claim', 'iss=x'],
  ['blacklist', 'add'],
  ['migrate', '--from', 'file:a.db', '--to', 'file:b.db', '--new'],
  ['client', 'list', '--new'],
  ['blacklist', 'add', '--sub', 'a', '--jti', 'b'],
  ['blacklist', 'add', '--sub', 'a', '--expires', 'yesterday'],
  ['doctor', '--issuer', 'not-a-url'],
])('signet %j is bad usage: exit 2, nothing on stdout, nothing created', async (args, { expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  const { code, stdout, stderr } = await place.run([...args, '--json'])
  expect(code).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).not.toContain('    at ')
  expect(existsSync(place.keysDir)).toBe(false)
})

test.concurrent('the help shows usual times as durations, and an invitation lives for its time', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  expect((await place.run(['invite', '--help'])).stdout).toMatch(/--ttl <duration> .*\(default: 7d\)/)
  expect((await place.run(['client', 'rotate-secret', '--help'])).stdout).toMatch(
    /--overlap <duration> .*\(default: 1d\)/,
  )
  expect((await place.run(['user', 'link', '--help'])).stdout).toMatch(/--ttl <duration> .*\(default: 15m\)/)
  const lifeOf = async (...args: string[]): Promise<number> => {
    const { expires_at: end } = JSON.parse((await place.run([...args, '--json'])).stdout) as { expires_at: string }
    return Date.parse(end) - Date.now()
  }
  expect((await lifeOf('invite')) / 86_400_000).toBeCloseTo(7, 2)
  await place.run(['user', 'create', 'ada'])
  expect((await lifeOf('user', 'link', 'ada')) / 60_000).toBeCloseTo(15, 0)
})

test.concurrent('a slip is told with its flag and what is accepted', async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  const ttl = await place.run(['client', 'create', '--access-token-ttl', 'soon'])
  expect(ttl.stderr).toMatch(/--access-token-ttl: read "soon"; expected a duration such as/)
  const near = await place.run(['client', 'creat'])
  expect(near.stderr).toContain('Did you mean create?')
})

test.concurrent.for([
  'serve',
  'client',
  'resource',
  'key',
  'token',
  'blacklist',
  'grant',
  'apply',
  'backup',
  'restore',
  'doctor',
  'status',
  'migrate',
])('signet %s --help explains itself with an example, and exits 0', async (noun, { expect, onTestFinished }) => {
  const { code, stdout } = await new Place(onTestFinished).run([noun, '--help'])
  expect(code).toBe(0)
  expect(stdout).toContain(`Usage: signet ${noun}`)
  expect(stdout).toContain('Example')
  expect(stdout).toContain('--json')
})

test.concurrent('a wrong variable is one line with its name, exit 1, and nothing is created', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  for (const variables of [{ SIGNET_ACCESS_TOKEN_TTL: 'soon' }, { SIGNET_TYPO: '1' }]) {
    const { code, stdout, stderr } = await place.run(['client', 'list', '--json'], variables)
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toContain(Object.keys(variables)[0])
    expect(existsSync(place.keysDir)).toBe(false)
  }
})

const LISTS = ['client', 'resource', 'user', 'group', 'invite', 'key', 'blacklist', 'grant', 'session', 'audit']

test.concurrent.for([
  ...LISTS.map((noun) => `${noun} list`),
  'status',
  'backup copy.db',
  'client show x',
  'key rotate',
])('signet %s makes no new database', async (line, { expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  const { code, stderr } = await place.run(line.split(' '))
  expect(code).toBe(1)
  expect(stderr).toContain('there is no database')
  expect(existsSync(place.keysDir)).toBe(false)
})

sqliteTest.concurrent(
  'a database that is made in passing is told first, before the result',
  async ({ expect, onTestFinished }) => {
    const place = new Place(onTestFinished)
    const first = await place.run(['blacklist', 'add', '--sub', 'mallory', '--json'])
    expect(first.code).toBe(0)
    expect(first.stderr).toMatch(new RegExp(`^note: there was no database at ${place.database}: a new one was made`))
    expect(first.stderr).toContain('issued_before is in the future on purpose')
    expect(JSON.parse(first.stdout)).toMatchObject({ sub: 'mallory' })
    expect((await place.run(['blacklist', 'list'])).stderr).toBe('')
  },
)

sqliteTest.concurrent.for([
  'client create --id shop',
  'resource create orders',
  'user create ada',
  'group create editors',
  'invite',
  'token mint --sub ops --resource http://localhost:3000',
  'blacklist add --sub mallory',
  'migrate',
])('at the default place signet %s makes a database only with --new', async (line, { expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  const { SIGNET_DATABASE_URL: _url, SIGNET_KEYS_DIR: _keys, SIGNET_PORT: _port, ...env } = place.variables
  const run = (more: string[]) =>
    spawnSync(process.execPath, [LAUNCHER, ...line.split(' '), ...more], {
      cwd: place.folder,
      env: { PATH: process.env.PATH, ...env },
      encoding: 'utf8',
    })
  const refused = run([])
  expect(refused).toMatchObject({ status: 1, stdout: '' })
  expect(refused.stderr).toContain(`there is no database at ${place.database}`)
  expect(refused.stderr).toContain('--new')
  expect(existsSync(place.database) || existsSync(place.keysDir)).toBe(false)
  const made = run(['--new'])
  expect(made.stderr).toContain(`there was no database at ${place.database}: a new one was made`)
  expect(made.status).toBe(0)
  expect(run([]).stderr).not.toContain('there is no database')
})

sqliteTest.concurrent(
  'beside keys that belong to another database a misspelt path is refused, and nothing is made there',
  async ({ expect, onTestFinished }) => {
    const place = new Place(onTestFinished)
    await place.run(['migrate'])
    const misspelt = { SIGNET_DATABASE_URL: `file:${place.file('dta/signet.db')}` }
    for (const args of [['blacklist', 'add', '--sub', 'mallory'], ['client', 'list'], ['status']]) {
      const { code, stdout, stderr } = await place.run(args, misspelt)
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toContain(`there is no database at ${place.file('dta/signet.db')}, and the keys in`)
      expect(stderr).toContain(`belong to ${place.database}`)
    }
    const started = await place.run(['serve'], misspelt)
    expect(started).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('serve --new') as string })
    expect(existsSync(place.file('dta'))).toBe(false)
    // On purpose it goes on.
    expect((await place.run(['migrate', '--new'], misspelt)).code).toBe(0)
    expect((await place.run(['blacklist', 'list'], misspelt)).code).toBe(0)
  },
)

sqliteTest.concurrent(
  'a dry run makes and refuses a database where the command itself would',
  async ({ expect, onTestFinished }) => {
    const place = new Place(onTestFinished)
    const file = place.file('signet.yaml')
    writeFileSync(file, 'resources: [{ id: orders-api }]\n')
    const { SIGNET_DATABASE_URL: _url, SIGNET_KEYS_DIR: _keys, ...env } = place.variables
    const atDefault = (...more: string[]) => {
      const args = [LAUNCHER, 'apply', file, ...more]
      const { status, stderr } = spawnSync(process.execPath, args, {
        cwd: place.folder,
        env: { PATH: process.env.PATH, ...env },
        encoding: 'utf8',
      })
      return { code: status, stderr }
    }
    const refused = atDefault()
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('signet serve, or the same command with --new, makes one')
    expect(atDefault('--dry-run')).toEqual(refused)
    expect(atDefault('--dry-run', '--new').code).toBe(0)
    expect(existsSync(place.database) || existsSync(place.keysDir)).toBe(false)

    await place.run(['migrate'])
    const misspelt = { SIGNET_DATABASE_URL: `file:${place.file('dta/signet.db')}` }
    const stranger = await place.run(['apply', file], misspelt)
    expect(stranger).toMatchObject({ code: 1, stdout: '' })
    expect(stranger.stderr).toContain('where a new one is wanted: the same command with --new')
    expect(await place.run(['apply', file, '--dry-run'], misspelt)).toEqual(stranger)
    expect(await place.run(['apply', file, '--dry-run', '--new'], misspelt)).toMatchObject({ code: 0 })
    expect(existsSync(place.file('dta'))).toBe(false)
    expect(await place.run(['apply', file, '--new'], misspelt)).toMatchObject({ code: 0 })

    for (const suffix of ['', '-wal', '-shm']) rmSync(place.database + suffix, { force: true })
    const gone = await place.run(['apply', file])
    expect(gone).toMatchObject({ code: 1, stdout: '' })
    expect(await place.run(['apply', file, '--dry-run'])).toEqual(gone)
    expect(await place.run(['apply', file, '--dry-run', '--new'])).toMatchObject({ code: 0 })
    expect(existsSync(place.database)).toBe(false)
    expect(await place.run(['apply', file, '--new'])).toMatchObject({ code: 0 })
  },
)

sqliteTest.concurrent('a database that is gone is told as the start tells it', async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  await place.run(['migrate'])
  for (const suffix of ['', '-wal', '-shm']) rmSync(place.database + suffix, { force: true })
  const said = await Promise.all(
    [['serve'], ['status'], ['client', 'list'], ['migrate']].map(async (args) => place.run(args)),
  )
  for (const { code, stderr } of said) {
    expect(code).toBe(1)
    expect(stderr).toBe(said[0]?.stderr)
    expect(stderr).toContain(`the database ${place.database} is missing`)
    expect(stderr).toContain('signet serve --new')
  }
  // A journal may hold the last changes: it is not thrown away.
  writeFileSync(`${place.database}-wal`, 'left')
  const left = await place.run(['migrate', '--new'])
  expect(left).toMatchObject({ code: 1, stderr: expect.stringContaining('journal') as string })
  rmSync(`${place.database}-wal`)
  // On purpose it begins anew, under the keys that are there.
  const keys = readFileSync(join(place.keysDir, 'master.key'), 'utf8')
  expect(await place.run(['migrate', '--new'])).toMatchObject({ code: 0 })
  expect(readFileSync(join(place.keysDir, 'master.key'), 'utf8')).toBe(keys)
  expect(await place.run(['client', 'list'])).toMatchObject({ code: 0 })
})

test.concurrent('a wrong master key is told with the place that it came from', async ({ expect, onTestFinished }) => {
  const place = new Place(onTestFinished)
  await place.run(['migrate'])
  const key = Buffer.alloc(32, 7).toString('base64url')
  const given = await place.run(['status'], { SIGNET_MASTER_KEY: key })
  expect(given.stderr).toContain('put the original key back in SIGNET_MASTER_KEY')
  expect(given.stderr).not.toContain(place.keysDir)
  writeFileSync(join(place.keysDir, 'master.key'), key)
  const fromFile = await place.run(['status'])
  expect(fromFile.stderr).toContain(`put the original key back in ${join(place.keysDir, 'master.key')}`)
})

test.concurrent('a client, resource or group that is not there is named, with one that is near', async ({
  expect,
  onTestFinished,
}) => {
  const place = new Place(onTestFinished)
  await place.json('client', 'create', '--id', 'orders')
  for (const args of [['show'], ['update', '--name', 'x'], ['disable'], ['enable'], ['delete'], ['rotate-secret']]) {
    const { code, stderr } = await place.run(['client', ...args, 'oders'])
    expect(code).toBe(1)
    expect(stderr).toContain('client "oders" does not exist (did you mean orders?)')
    expect(stderr).toContain('signet client list')
  }
  expect((await place.run(['resource', 'show', 'x'])).stderr).toContain('resource "x" does not exist\n')
  const { stderr } = await place.run(['group', 'show', 'signet admin'])
  expect(stderr).toContain('group "signet admin" does not exist (did you mean signet-admins?)')
  expect(stderr).toContain("make it with: signet group create 'signet admin'\n")
})

const works = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0

/** A file system of its own in the folder of a place. @returns nothing where none can be mounted */
function mountDisk(place: Place, onTestFinished: OnTestFinished, ...options: string[]) {
  const disk = place.file('disk')
  mkdirSync(disk)
  if (!works('mount', '-t', 'tmpfs', ...options, 'tmpfs', disk)) return undefined
  onTestFinished(() => void works('umount', '-l', disk))
  return { disk, onDisk: { SIGNET_DATABASE_URL: `file:${join(disk, 'signet.db')}` } }
}

sqliteTest.concurrent(
  'a full disk is told as one, and what to do about it',
  async ({ expect, onTestFinished, skip }) => {
    const place = new Place(onTestFinished)
    const mounted = mountDisk(place, onTestFinished, '-o', 'size=1m')
    if (!mounted) return skip('no tmpfs can be mounted here')
    const { disk, onDisk } = mounted
    expect((await place.run(['migrate'], onDisk)).code).toBe(0)
    // Keeps the index of the journal in place, as a running server does.
    const other = new SqliteDatabase(join(disk, 'signet.db'))
    onTestFinished(() => void other.close())
    other.prepare('SELECT count(*) FROM clients').get()
    works('dd', 'if=/dev/zero', `of=${join(disk, 'filler')}`, 'bs=1k')
    const { code, stderr } = await place.run(['client', 'create'], onDisk)
    expect(code).toBe(1)
    expect(stderr).toMatch(/disk .*is full \(SQLITE_FULL\): .*\/disk\/signet\.db\n.*make room on it/)
    other.close()
    expect((await place.run(['client', 'create'], onDisk)).stderr).toMatch(/disk .*is full.*\n.*make room on it/)
  },
)

test.concurrent('an export to a full disk leaves nothing behind', async ({ expect, onTestFinished, skip }) => {
  const place = new Place(onTestFinished)
  const mounted = mountDisk(place, onTestFinished, '-o', 'size=1m')
  if (!mounted) return skip('no tmpfs can be mounted here')
  const { disk } = mounted
  await place.json('client', 'create')
  works('dd', 'if=/dev/zero', `of=${join(disk, 'filler')}`, 'bs=1k')
  const file = join(disk, 'signet.yaml')
  expect((await place.run(['export', file])).stderr).toMatch(/cannot be written \(ENOSPC\)\n.*make room on its disk/)
  expect(existsSync(file)).toBe(false)
})

sqliteTest.concurrent(
  'a file system that is mounted read-only is told as one',
  async ({ expect, onTestFinished, skip }) => {
    const place = new Place(onTestFinished)
    const mounted = mountDisk(place, onTestFinished)
    if (!mounted) return skip('no tmpfs can be mounted here')
    const { disk, onDisk } = mounted
    expect((await place.run(['migrate'], onDisk)).code).toBe(0)
    expect(works('mount', '-o', 'remount,ro', disk)).toBe(true)
    const { code, stderr } = await place.run(['client', 'create'], onDisk)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^signet: SIGNET_DATABASE_URL: cannot write .* \(EROFS\)\n.*mounted read-only/)
  },
)
