/** Signet as processes: how it starts, what stops a start, how it ends, and what it survives. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer, connect, type AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { expect, onTestFinished, test } from 'vitest'
import { Fault, readConfig, startIssuer } from '../src/index.ts'
import {
  createBackend,
  createResource,
  declareOperator,
  grantTokens,
  isActive,
  operatorOf,
  refresh,
  startAdministered,
  tokens,
  until,
} from './support/admin.ts'
import { basic, post, request, untilNoticed, type Credentials } from './support/client.ts'
import { follow } from './support/follower.ts'
import { environmentOf, rememberingLog, startTestIssuer, temporaryFolder } from './support/issuer.ts'
import { serve, signet, type Finished, type ServerProcess } from './support/process.ts'
import { sqliteTest } from './support/sqlite.ts'
import { inTime } from './support/in-time.ts'

const FIRST_CLIENT = /client_id +(\S+)\n# +client_secret +(\S+)/
/** The first client, as the first start prints it. */
function printedClient(server: ServerProcess): Credentials {
  const [, clientId = '', secret = ''] = FIRST_CLIENT.exec(server.stdout()) ?? []
  return { clientId, secret }
}

async function stop(server: ServerProcess): Promise<number | string> {
  server.child.kill('SIGTERM')
  return server.exited
}

const jwksOf = async (at: { url: string }): Promise<string> => (await request(`${at.url}/.well-known/jwks.json`)).text

/** Variables of a folder, with an issuer URL that stays when the port changes. */
const stable = (folder: string, env: Record<string, string> = {}): Record<string, string> =>
  environmentOf(folder, { SIGNET_ISSUER: 'http://localhost', ...env })

// ------------------------------------------------------------------ starts

test('a second start keeps every key, client and token of the first, and prints no second first client', async () => {
  const env = stable(temporaryFolder())
  const first = await serve(env)
  const client = printedClient(first)
  const held = await tokens(first, client, { scope: 'demo:read offline_access' })
  const keys = await jwksOf(first)
  expect(await stop(first)).toBe(0)

  const second = await serve(env)
  expect(second.stdout()).not.toMatch(FIRST_CLIENT)
  expect(await jwksOf(second)).toBe(keys)
  expect(await isActive(second, client, held.access_token ?? '')).toBe(true)
  expect((await refresh(second, client, held.refresh_token ?? '')).status).toBe(200)
  expect(await stop(second)).toBe(0)
})

test('what the command line changes, a running server acts on within a second', async () => {
  const env = stable(temporaryFolder())
  const server = await serve(env)
  const [created, rotated] = await Promise.all([
    signet(['client', 'create', '--id', 'late', '--json'], env),
    signet(['key', 'rotate', '--json'], env),
  ])
  const { client_secret: secret } = created.json<{ client_secret: string }>()
  const began = performance.now()
  const client = { clientId: 'late', secret }
  const { body } = await untilNoticed(() => post(server, '/token', { grant_type: 'client_credentials' }, client))
  expect(performance.now() - began).toBeLessThan(inTime(2000))

  const published = rotated.json<{ kid: string; status: string }[]>().filter(({ status }) => status !== 'retired')
  await until(async () => {
    const keys: { kid: string }[] = JSON.parse(await jwksOf(server)).keys
    return published.every(({ kid }) => keys.some((key) => key.kid === kid))
  }, 1000)

  expect(await isActive(server, client, body.access_token)).toBe(true)
  expect((await signet(['blacklist', 'add', '--client', 'late', '--json'], env)).code).toBe(0)
  await until(async () => !(await isActive(server, client, body.access_token)), 1000)
})

// ------------------------------------------------------------------ what stops a start

/** Exit 1, the fault in one line, at most one more that helps, no stack, nothing on stdout. */
function requireOneLine({ code, stdout, stderr }: Finished, line: RegExp): void {
  expect(code, stderr).toBe(1)
  expect(stdout).toBe('')
  const lines = stderr.trimEnd().split('\n')
  expect(lines[0]).toMatch(line)
  expect(lines.length, stderr).toBeLessThanOrEqual(2)
  expect(stderr).not.toMatch(/\n\s+at /)
}

/** Tries to start in this process, which is quicker; resolves with the one line of the fault. */
async function faultOf(env: Record<string, string>): Promise<string> {
  const started = (async () => startIssuer(readConfig(env), { log: rememberingLog().log }))()
  const fault: unknown = await started.then(
    (running) => running.stop(),
    (error: unknown) => error,
  )
  if (!(fault instanceof Fault)) throw new Error(`no fault, but ${String(fault)}`)
  expect(fault.message.split('\n')).toHaveLength(1)
  return fault.message
}

const KEY = Buffer.alloc(32, 9).toString('base64url')

/** The mistake, the variables, and the line: the name, the value that was read, the accepted values. */
const FAULTS: [string, Record<string, string>, RegExp][] = [
  [
    'an unknown variable',
    { SIGNET_ACESS_TOKEN_TTL: '5m' },
    /SIGNET_ACESS_TOKEN_TTL .*did you mean SIGNET_ACCESS_TOKEN_TTL\?/,
  ],
  ['an unknown variable near to nothing', { SIGNET_COFFEE: 'yes' }, /SIGNET_COFFEE is not a variable/],
  [
    'a malformed duration',
    { SIGNET_ACCESS_TOKEN_TTL: '15 minutes' },
    /SIGNET_ACCESS_TOKEN_TTL: read "15 minutes"; accepted: .*15m/,
  ],
  ['a duration of nothing', { SIGNET_KEY_ROTATION: '0' }, /SIGNET_KEY_ROTATION: read "0"; accepted: .*at least 1s/],
  [
    'an issuer without TLS',
    { SIGNET_ISSUER: 'http://login.example' },
    /SIGNET_ISSUER: read "http:\/\/login\.example"; accepted: an https URL/,
  ],
  ['an issuer with a query', { SIGNET_ISSUER: 'https://login.example/?a=b' }, /SIGNET_ISSUER: read .*without query/],
  [
    'a key set cached longer than keys are published ahead',
    { SIGNET_JWKS_MAX_AGE: '10m', SIGNET_KEY_PREPUBLISH: '5m' },
    /SIGNET_JWKS_MAX_AGE is 600s, longer than SIGNET_KEY_PREPUBLISH \(300s\).*accepted/,
  ],
  [
    'a key set cached as long as keys are published ahead, where replicas may hear late',
    {
      SIGNET_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
      SIGNET_JWKS_MAX_AGE: '5m',
      SIGNET_KEY_PREPUBLISH: '5m',
    },
    /SIGNET_JWKS_MAX_AGE is 300s, longer than SIGNET_KEY_PREPUBLISH \(300s\) less 8s, for replicas that hear late/,
  ],
  [
    'a key set cached for days',
    { SIGNET_JWKS_MAX_AGE: '2d' },
    /SIGNET_JWKS_MAX_AGE is 172800s, longer than SIGNET_KEY_PREPUBLISH \(86400s\).*accepted/,
  ],
  ['a port that is none', { SIGNET_PORT: '70000' }, /SIGNET_PORT: read "70000"; accepted: a port from 0 to 65535/],
  [
    'an unreadable file',
    { SIGNET_MASTER_KEY_FILE: '/nowhere/key' },
    /SIGNET_MASTER_KEY_FILE: read "\/nowhere\/key".*ENOENT.*accepted: a readable file/,
  ],
  [
    'both forms at once',
    { SIGNET_MASTER_KEY: KEY, SIGNET_MASTER_KEY_FILE: '/nowhere/key' },
    /SIGNET_MASTER_KEY and SIGNET_MASTER_KEY_FILE are both set; accepted: one/,
  ],
  [
    'a master key of the wrong length',
    { SIGNET_MASTER_KEY: KEY.slice(1) },
    /SIGNET_MASTER_KEY: read 42 characters; accepted: 32 bytes/,
  ],
  ['a log level that is none', { SIGNET_LOG_LEVEL: 'loud' }, /SIGNET_LOG_LEVEL: read "loud"; accepted: debug/],
  [
    'a database of another kind',
    { SIGNET_DATABASE_URL: 'mysql://root:hunter2@db/signet' },
    /SIGNET_DATABASE_URL: read "mysql:\/\/root:…@db\/signet"; accepted: file:/,
  ],
  [
    'a database URL with secrets at odd places',
    { SIGNET_DATABASE_URL: 'postgres:u:hunter2@a@db/x?password=hunter2' },
    /SIGNET_DATABASE_URL: read "postgres:…@db\/x\?…", but it does not begin with postgres:\/\/; accepted: file:/,
  ],
  [
    'a database that is a folder',
    { SIGNET_DATABASE_URL: 'file:/tmp' },
    /SIGNET_DATABASE_URL: read "file:\/tmp".*folder/,
  ],
  [
    'a database below a file',
    { SIGNET_DATABASE_URL: 'file:/dev/null/y.db' },
    /SIGNET_DATABASE_URL: read "file:\/dev\/null\/y\.db", but \/dev\/null is no folder; accepted: file:/,
  ],
  [
    'a database where nothing can be made',
    { SIGNET_DATABASE_URL: 'file:/proc/nowhere/y.db' },
    /cannot create \/proc\/nowhere\/y\.db/,
  ],
  [
    'a keys folder where nothing can be made',
    { SIGNET_KEYS_DIR: '/proc/nowhere/keys' },
    /SIGNET_KEYS_DIR: \/proc\/nowhere/,
  ],
  [
    'a declarative file that is not there',
    { SIGNET_CONFIG: '/nowhere/signet.yaml' },
    /SIGNET_CONFIG.*\/nowhere\/signet\.yaml.*ENOENT/,
  ],
  ['a keys folder that cannot be', { SIGNET_KEYS_DIR: '/proc/version/keys' }, /SIGNET_KEYS_DIR: \/proc\/version\/keys/],
]

test.each(FAULTS)('a start with %s is refused in one line, and creates nothing', async (_name, env, line) => {
  const folder = temporaryFolder()
  const message = await faultOf(environmentOf(folder, env))
  expect(message).toMatch(line)
  expect(message).not.toMatch(/hunter2|CQkJCQ/)
  expect(readdirSync(folder)).toEqual([])
})

test('at the terminal a refused start is that line and one of help, with exit 1', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  onTestFinished(() => void other.close())
  const { port } = other.address() as AddressInfo // bound to a TCP port
  const starts: [Record<string, string>, RegExp][] = [
    [
      { SIGNET_ISSUR: 'https://login.example' },
      /SIGNET_ISSUR is not a variable of Signet \(did you mean SIGNET_ISSUER\?\)/,
    ],
    [{ SIGNET_MASTER_KEY_FILE: '/nowhere/key' }, /SIGNET_MASTER_KEY_FILE: read/],
    [
      { SIGNET_PORT: String(port) },
      new RegExp(`SIGNET_PORT: read "${port}", but cannot listen on 127\\.0\\.0\\.1:${port} \\(EADDRINUSE\\)`),
    ],
    [{ SIGNET_PORT: '', PORT: String(port) }, new RegExp(`^signet: PORT: read "${port}", but cannot listen on 127`)],
    [{ SIGNET_HOST: '300.1.1.1' }, /^signet: SIGNET_HOST: read "300\.1\.1\.1", but cannot listen on .* \(E/],
    [
      { SIGNET_HOST: '192.0.2.1' },
      /^signet: SIGNET_HOST: read "192\.0\.2\.1", but cannot listen on .* \(EADDRNOTAVAIL\)/,
    ],
    [{ SIGNET_CONFIG: '/nowhere/signet.yaml' }, /SIGNET_CONFIG: \/nowhere\/signet\.yaml/],
  ]
  const folder = temporaryFolder()
  await Promise.all(
    starts.map(async ([env, line]) => requireOneLine(await signet(['serve'], environmentOf(folder, env)), line)),
  )
  expect(readdirSync(folder)).toEqual([])
})

test('several faults of the configuration are told together', () => {
  const env = environmentOf('/nowhere', { SIGNET_PORT: 'x', SIGNET_REFRESH_GRACE: 'y', SIGNET_X: 'z' })
  expect(() => readConfig(env)).toThrow(/SIGNET_X(.|\n)*SIGNET_PORT(.|\n)*SIGNET_REFRESH_GRACE/)
})

sqliteTest('a database that is empty, damaged, foreign or gone stops the start, and stays as it is', async () => {
  const folder = temporaryFolder()
  const first = await startTestIssuer({}, { folder })
  const keys = await jwksOf(first)
  await first.stop()
  const env = environmentOf(folder)
  const file = join(folder, 'data/signet.db')
  const saved = join(folder, 'saved.db')
  copyFileSync(file, saved)
  const attempts: [() => void, RegExp][] = [
    [() => truncateSync(file, 0), /signet\.db is empty/],
    [() => truncateSync(file, 5000), /signet\.db is damaged/],
    [() => writeFileSync(file, readFileSync(saved).fill(0x5a, 4096, 12_288)), /signet\.db is damaged/],
    [
      () => writeFileSync(file, withoutLastQuote(readFileSync(saved))),
      /signet\.db is damaged: .*malformed database schema \(audit_events\)/,
    ],
    [() => writeFileSync(file, 'a letter to grandmother, not a database at all'), /signet\.db is no SQLite database/],
    [() => makeForeign(file), /signet\.db is a SQLite database of another program/],
    [() => rmSync(file), /signet\.db is missing/],
  ]
  const content = () => (existsSync(file) ? readFileSync(file) : undefined)
  for (const [spoil, line] of attempts) {
    for (const journal of ['-wal', '-shm']) rmSync(file + journal, { force: true })
    copyFileSync(saved, file)
    spoil()
    const before = content()
    const told = await faultOf(env)
    expect(told).toMatch(line)
    expect(told).not.toContain('\n')
    expect(content()).toEqual(before)
  }
  requireOneLine(await signet(['serve'], env), /signet\.db is missing/)
  copyFileSync(saved, file)
  expect(await jwksOf(await startTestIssuer({}, { folder }))).toBe(keys)
})

/** A schema that SQLite cannot read, and of which it repeats two lines. */
function withoutLastQuote(bytes: Buffer): Buffer {
  // SQLite may have left older copies of a page behind.
  for (let column = 0; (column = bytes.indexOf('`details` text NOT NULL', column + 1)) > 0;)
    bytes[bytes.indexOf('`', column + 1)] = 0x20
  return bytes
}

function makeForeign(file: string): void {
  rmSync(file)
  const other = new SqliteDatabase(file)
  other.exec('CREATE TABLE recipes (name TEXT)')
  other.close()
}

test('a start with the wrong master key, or without the one there was, exits 1 with one line', async () => {
  const folder = temporaryFolder()
  await (await startTestIssuer({}, { folder })).stop()
  const env = environmentOf(folder)
  requireOneLine(
    await signet(['serve'], { ...env, SIGNET_MASTER_KEY: KEY }),
    /the master key is \S+, but the database was sealed under \S+/,
  )
  rmSync(join(folder, 'keys/master.key'))
  requireOneLine(await signet(['serve'], env), /master\.key is missing/)
  expect(readdirSync(join(folder, 'keys'))).toEqual(['databases'])
})

test('an old Node is refused in a line that names it and what is needed', async ({ skip }) => {
  const launcher = resolve(import.meta.dirname, '../src/signet.js')
  const folder = temporaryFolder()
  const env = { ...environmentOf(folder), PATH: '/usr/local/bin:/usr/bin:/bin' }
  const run = (args: string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((done) =>
      execFile('/usr/bin/env', ['node', ...args], { env, timeout: 5000 }, (error, stdout, stderr) =>
        done({ code: error ? Number(error.code) : 0, stdout, stderr }),
      ),
    )
  const { stdout: version } = await run(['--version'])
  if (!/^v(\d|1\d|2[0-3])\./.test(version))
    skip(`the system's node is ${version.trim() || 'missing'}: no old one to try`)
  const { code, stderr } = await run([launcher, 'serve'])
  expect(code).toBe(1)
  expect(stderr.split('\n')[0]).toContain(`needs Node 24 or newer, and this is Node ${version.trim().slice(1)}`)
  expect(stderr).not.toMatch(/\n\s+at /)
  expect(readdirSync(folder)).toEqual([])
})

// ------------------------------------------------------------------ the declarative file

test('a fault in it names the variable that names the file', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'signet.yaml')
  for (const text of ['clientz: []\n', 'clients: [\n', 'resources:\n  - id: a\n    ttl: soon\n']) {
    writeFileSync(file, text)
    expect(await faultOf(stable(folder, { SIGNET_CONFIG: file }))).toMatch(/^SIGNET_CONFIG: \/.*signet\.yaml:\d/)
  }
})

test('an issuer that is another than at the last start is told once, at the start', async () => {
  const folder = temporaryFolder()
  const start = async (issuer: string) => {
    const { log, lines } = rememberingLog()
    const env = environmentOf(folder, { SIGNET_ISSUER: issuer })
    await (await startIssuer(readConfig(env), { log })).stop()
    return lines.filter((line) => line.includes('at the last start'))
  }
  expect(await start('https://auth.example')).toEqual([])
  expect(await start('https://login.example')).toHaveLength(1)
  expect(await start('https://login.example')).toEqual([])
  // The move from localhost is rehearsed between two names of this machine.
  expect(await start('http://localhost:4001')).toHaveLength(1)
  expect(await start('http://localhost:4002')).toHaveLength(1)
})

sqliteTest('a new database beside keys of another one is refused; where it is wanted the start says so', async () => {
  const folder = temporaryFolder()
  const start = async (env: Record<string, string>, isNewWanted = false) => {
    const { log, lines } = rememberingLog()
    await (await startIssuer(readConfig(environmentOf(folder, env)), { log, isNewWanted })).stop()
    return lines.filter((line) => line.includes('belong to'))
  }
  const other = { SIGNET_DATABASE_URL: `file:${join(folder, 'dta/signet.db')}` }
  expect(await start({})).toEqual([])
  await expect(start(other)).rejects.toThrow(/there is no database at .*dta\/signet\.db, and the keys in .* belong to/)
  expect(existsSync(join(folder, 'dta'))).toBe(false)
  expect((await start(other, true))[0]).toContain(`belong to ${join(folder, 'data/signet.db')} as well`)
  expect(await start(other)).toEqual([])
})

test('a declarative file is applied at every start, which says what changed; the second time nothing does', async () => {
  const folder = temporaryFolder()
  const { file, credentials } = declareOperator(folder, 'resources:\n  - { id: orders, ttl: 5m, scope: read write }\n')
  const env = stable(folder, { SIGNET_CONFIG: file })
  const look = async () => {
    const server = await startTestIssuer(env, { folder })
    const operator = operatorOf(server, credentials)
    const resource = (await operator.call('GET', '/admin/api/resources/orders')).body
    const audit = (await operator.call('GET', '/admin/api/audit')).text
    await server.stop()
    told = server.logged.filter((line) => line.includes('the declarative file'))
    return { resource, audit }
  }
  let told: string[] = []
  const first = await look()
  expect(told.join()).toMatch(/made a resource.*"reason":"orders"/)
  expect(first.resource).toMatchObject({ id: 'orders', ttl: 300, scope: 'read write' })
  expect(first.audit).toContain('"actor":"config"')
  expect(await look()).toEqual(first)
  expect(told).toEqual([])
  writeFileSync(file, readFileSync(file, 'utf8').replace('ttl: 5m', 'ttl: 6m'))
  expect((await look()).resource.ttl).toBe(360)
  expect(told.join()).toMatch(/changed a resource.*"reason":"orders: ttl"/)
})

test('a fault in the declarative file stops the start, with file, line and key, and nothing of it is applied', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'signet.yaml')
  const env = stable(folder, { SIGNET_CONFIG: file })
  const start = 'resources:\n  - id: orders\n'
  const faults: [string, RegExp][] = [
    [`${start}    tll: 5m\n`, /signet\.yaml:3: resources\.0\.tll: not a key/],
    [`${start}    ttl: soon\n`, /signet\.yaml:3: resources\.0\.ttl: /],
    [`${start}  - id: orders\n`, /signet\.yaml:3: resources\.1: orders is declared twice/],
    [
      `${start}clients:\n  - client_id: a\n    client_secret: hunter2-hunter2-hunter2-hunter2-hunter2\n`,
      /signet\.yaml:5: clients\.0\.client_secret: expected a reference/,
    ],
    [
      `${start}clients:\n  - client_id: a\n    client_secret: { env: NOT_SET_ANYWHERE }\n`,
      /signet\.yaml:5: .*client_secret: the variable NOT_SET_ANYWHERE is not set/,
    ],
    [`${start}  - [\n`, /signet\.yaml:\d+:\d+: /],
  ]
  for (const [text, line] of faults) {
    writeFileSync(file, text)
    const message = await faultOf(env)
    expect(message).toMatch(line)
    expect(message).not.toContain('hunter2')
    expect(readdirSync(folder)).toEqual(['signet.yaml'])
  }
  // A fault that only the database can tell stops the start as well, and the good part before it is not applied either.
  writeFileSync(
    file,
    `${start}clients:\n  - client_id: a\n    token_endpoint_auth_method: none\n    grant_types: [refresh_token]\n    resources: [nowhere]\n`,
  )
  requireOneLine(
    await signet(['serve'], env),
    /signet\.yaml:4: .*resources: nowhere is neither in this file nor in the database/,
  )
  const { SIGNET_CONFIG: _, ...without } = env
  expect((await signet(['resource', 'list'], without)).stderr).toContain('there is no database')
})

// ------------------------------------------------------------------ how it ends

test('SIGTERM finishes what is running and exits 0 soon, whoever keeps connections open', async () => {
  const server = await serve(stable(temporaryFolder()))
  const client = printedClient(server)
  const port = Number(new URL(server.url).port)
  // A follower of the feed, a kept connection, one that never says anything, one that stopped in its headers.
  const follower = await follow(server)
  await follower.next()
  await request(`${server.url}/livez`, { headers: { connection: 'keep-alive' } })
  const silent = connect(port, '127.0.0.1')
  const halting = connect(port, '127.0.0.1')
  await Promise.all([once(silent, 'connect'), once(halting, 'connect')])
  for (const socket of [silent, halting]) socket.on('error', () => {}) // it is cut off
  halting.write('POST /token HTTP/1.1\r\nHost: local')

  // A request whose body is still coming.
  const running = connect(port, '127.0.0.1')
  let answer = ''
  running.on('data', (chunk) => (answer += String(chunk)))
  const body = 'grant_type=client_credentials'
  const { authorization } = basic(client)
  running.write(
    `POST /token HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`,
  )
  await until(() => answer.includes('100 Continue'))
  answer = ''
  running.write(body.slice(0, 5))
  const began = performance.now()
  server.child.kill('SIGTERM')
  await until(() => server.stderr().includes('stopping'))
  await follower.ended
  running.write(body.slice(5))
  expect(await server.exited).toBe(0)
  expect(performance.now() - began).toBeLessThan(inTime(3000))
  expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  expect(answer).toContain('"access_token"')
  expect(answer.toLowerCase()).toContain('connection: close')
})

test('SIGHUP ends it as SIGTERM does; SIGUSR1 and SIGUSR2 do nothing, and open no debugger', async () => {
  const server = await serve(stable(temporaryFolder()))
  const running = connect(Number(new URL(server.url).port), '127.0.0.1')
  let answer = ''
  running.on('data', (chunk) => (answer += String(chunk)))
  const body = 'grant_type=client_credentials'
  const { authorization } = basic(printedClient(server))
  running.write(
    `POST /token HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`,
  )
  await until(() => answer.includes('100 Continue'))
  for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGUSR1'] as const) server.child.kill(signal)
  for (let round = 0; round < 3; round++) expect((await request(`${server.url}/livez`)).status).toBe(200)
  server.child.kill('SIGHUP')
  await until(() => server.stderr().includes('stopping'))
  running.write(body)
  expect(await server.exited).toBe(0)
  expect(answer).toContain('"access_token"')
  expect(server.stderr()).not.toContain('Debugger')
})

test('where the log is set to JSON, stdout has one line of JSON and both streams no plain line', async () => {
  const server = await serve(environmentOf(temporaryFolder(), { SIGNET_LOG_FORMAT: 'json' }))
  expect(await stop(server)).toBe(0)
  const said = server.stdout().trimEnd().split('\n')
  expect(said).toHaveLength(1)
  expect(JSON.parse(said[0] ?? '')).toMatchObject({ url: server.url, first_client: { client_id: 'demo' } })
  for (const line of server.stderr().trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('message')
})

test('killed in the middle of refreshes, it loses no family: the last answered token works, an older one does not', async () => {
  const env = stable(temporaryFolder())
  const first = await serve(env)
  const client = printedClient(first)
  const start = async () => (await tokens(first, client, { scope: 'demo:read offline_access' })).refresh_token ?? ''
  const families: string[][] = []
  for (let family = 0; family < 8; family++) families.push([await start()])

  let server = first
  for (let life = 0; life < 3; life++) {
    const dying = server
    const loops = families.map(async (answered) => {
      for (;;) {
        const answer = await refresh(dying, client, answered.at(-1) ?? '').catch(() => undefined)
        if (!answer) return
        expect(answer.status, answer.text).toBe(200)
        answered.push(answer.body.refresh_token)
      }
    })
    await until(() => families.every((answered) => answered.length > 10 * (life + 1)))
    dying.child.kill('SIGKILL')
    expect(await dying.exited).toBe('SIGKILL')
    await Promise.all(loops)
    server = await serve(env)
  }
  for (const [index, answered] of families.entries()) {
    if (index % 2 === 0) {
      const answer = await refresh(server, client, answered.at(-1) ?? '')
      expect(answer.status, answer.text).toBe(200)
      continue
    }
    for (const token of [answered.at(-3), answered.at(-1)]) {
      expect((await refresh(server, client, token ?? '')).body.error).toBe('invalid_grant')
    }
  }
})

// ------------------------------------------------------------------ what it survives

sqliteTest(
  'while another process holds the database, writes are 503 and tell when to retry; everything else goes on',
  async () => {
    const issuer = await startAdministered()
    await createResource(issuer.operator, 'api')
    const client = await createBackend(issuer.operator, { resources: ['api'] })
    const held = await grantTokens(issuer, client)
    const admin = await issuer.operator.token()

    const other = new SqliteDatabase(join(issuer.folder, 'data/signet.db'))
    onTestFinished(() => void other.close())
    other.exec('BEGIN IMMEDIATE')
    const began = performance.now()
    const writes = Promise.all([
      refresh(issuer, client, held.refresh_token ?? ''),
      post(issuer, '/revoke', { token: held.access_token ?? '' }, client),
      request(`${issuer.url}/blacklist`, { json: { sub: 'ada' }, headers: { authorization: `Bearer ${admin}` } }),
      request(`${issuer.url}/admin/api/keys/rotate`, { method: 'POST', headers: { authorization: `Bearer ${admin}` } }),
    ])
    let slowest = 0
    for (let round = 0; round < 10; round++) {
      for (const path of [
        '/livez',
        '/readyz',
        '/.well-known/jwks.json',
        '/.well-known/openid-configuration',
        '/blacklist/feed',
      ]) {
        const asked = performance.now()
        expect((await request(issuer.url + path)).status, path).toBe(200)
        slowest = Math.max(slowest, performance.now() - asked)
      }
      expect((await post(issuer, '/token', { grant_type: 'client_credentials' }, client)).status).toBe(200)
      expect(await isActive(issuer, client, held.access_token ?? '')).toBe(true)
    }
    expect(slowest).toBeLessThan(inTime(1500))
    for (const answer of await writes) {
      expect(answer, answer.text).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } })
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    expect(performance.now() - began).toBeLessThan(inTime(5000))

    other.exec('ROLLBACK')
    // Nothing was consumed, revoked or rotated meanwhile.
    expect((await refresh(issuer, client, held.refresh_token ?? '')).status).toBe(200)
    expect((await post(issuer, '/revoke', { token: held.access_token ?? '' }, client)).status).toBe(200)
    expect(await isActive(issuer, client, held.access_token ?? '')).toBe(false)
  },
)

test('two servers that start at once on an empty folder share one database, one master key and one set of keys', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'data'))
  const servers = await Promise.all([serve(stable(folder)), serve(stable(folder))])
  const [one = '', two = ''] = await Promise.all(servers.map(jwksOf))
  expect(JSON.parse(one).keys).toHaveLength(4)
  await until(async () => (await jwksOf(servers[0] ?? { url: '' })) === (await jwksOf(servers[1] ?? { url: '' })), 1000)
  expect(two).not.toBe('')
  const printed = servers.filter((server) => FIRST_CLIENT.test(server.stdout()))
  expect(printed).toHaveLength(1)
  const client = printedClient(printed[0] as ServerProcess)
  for (const server of servers) {
    await untilNoticed(() => post(server, '/token', { grant_type: 'client_credentials' }, client))
  }
})
