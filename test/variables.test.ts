/**
 * The variables that configure Signet: their defaults, the accepted values, and the line that refuses any other.
 *
 * Not again on PostgreSQL: it is about what variables say.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { POSTGRES_FORM, readPostgresUrl } from '../src/ground/postgres-url.ts'
import { checkDeployment } from '../src/doctor/deployment.ts'
import { Fault, readConfig, startIssuer } from '../src/index.ts'
import { environmentOf, rememberingLog, temporaryFolder } from './support/issuer.ts'
import { VARIABLE_TABLE } from '../src/config/config.ts'

/** The message of the refusal. */
function refusalOf(env: Record<string, string>): string {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof Fault) return error.message
    throw error
  }
  return expect.fail(`accepted: ${JSON.stringify(env)}`)
}

test('the quotas of a client are 1000 each, and can be set to any whole number from 1', () => {
  expect(readConfig({})).toMatchObject({ limitDenials: 1000, limitGrants: 1000 })
  const set = readConfig({ SIGNET_LIMIT_DENIALS: '5', SIGNET_LIMIT_GRANTS: '1' })
  expect(set).toMatchObject({ limitDenials: 5, limitGrants: 1 })
  for (const name of ['SIGNET_LIMIT_DENIALS', 'SIGNET_LIMIT_GRANTS'])
    for (const value of ['0', '-1', '1.5', '1e3', 'off'])
      expect(refusalOf({ [name]: value })).toBe(`${name}: read "${value}"; accepted: a whole number from 1 to 1000000`)
})

test('a duration that is too long is refused with the longest', () => {
  expect(refusalOf({ SIGNET_ACCESS_TOKEN_TTL: '999999999d' })).toMatch(
    /: read "999999999d"; accepted: .*at most 36500d$/,
  )
})

test('an idle connection is kept for 75 s, or as long as a load balancer needs', () => {
  expect(readConfig({}).keepAliveSeconds).toBe(75)
  expect(readConfig({ SIGNET_KEEP_ALIVE: '11m' }).keepAliveSeconds).toBe(660)
  for (const value of ['0', '0s', '2d', 'never', '75000ms'])
    expect(refusalOf({ SIGNET_KEEP_ALIVE: value })).toMatch(
      /^SIGNET_KEEP_ALIVE: read ".*"; accepted: a duration.*, from 1s to 1d$/,
    )
})

// ------------------------------------------------------------------ where a value comes from

const KEY = Buffer.alloc(32, 0xfb)
const KEY_TEXT = KEY.toString('base64url')

test.each(['\n', '\r\n', ' ', '\t\n', '\u{feff}'])('a value is read without blanks and line ends: %j', (blank) => {
  const file = join(temporaryFolder(), 'value')
  const values: [string, string, object][] = [
    ['SIGNET_ISSUER', 'https://auth.example', { issuer: 'https://auth.example' }],
    ['SIGNET_PORT', '4000', { port: 4000 }],
    ['SIGNET_KEYS_DIR', '/keys', { keysDir: '/keys' }],
    ['SIGNET_ACCESS_TOKEN_TTL', '5m', { accessTokenTtlSeconds: 300 }],
    ['SIGNET_MASTER_KEY', KEY_TEXT, { masterKeys: [KEY_TEXT] }],
    ['SIGNET_METRICS_TOKEN', 'x'.repeat(20), { metricsToken: 'x'.repeat(20) }],
    ['SIGNET_LOG_LEVEL', 'warn', { logLevel: 'warn' }],
  ]
  for (const [name, value, config] of values) {
    const text = blank + value + blank
    writeFileSync(file, text)
    expect(readConfig({ [name]: text }), name).toMatchObject(config)
    expect(readConfig({ [`${name}_FILE`]: `${file}${blank}` }), name).toMatchObject(config)
  }
  // Nothing but blanks is absent.
  expect(readConfig({ SIGNET_PORT: blank, PORT: blank, SIGNET_KEYS_DIR_FILE: blank })).toMatchObject({
    port: 3000,
    keysDir: resolve('keys'),
  })
})

test('a mounted secret is read through its links, whatever its mode', () => {
  const folder = temporaryFolder()
  // As Kubernetes mounts a Secret: the file is a link through a link to a folder that is replaced as a whole.
  mkdirSync(join(folder, '..2030_01_31'))
  writeFileSync(join(folder, '..2030_01_31/key'), `${KEY_TEXT}\n`, { mode: 0o444 })
  symlinkSync('..2030_01_31', join(folder, '..data'))
  symlinkSync('..data/key', join(folder, 'key'))
  expect(readConfig({ SIGNET_MASTER_KEY_FILE: join(folder, 'key') })).toMatchObject({
    masterKeys: [KEY_TEXT],
    setBy: { masterKeys: 'SIGNET_MASTER_KEY_FILE' },
    fileOf: { masterKeys: join(folder, 'key') },
  })
})

test('a refusal names the variable that was set, and what stands in the way of its file', () => {
  const folder = temporaryFolder()
  const file = (name: string, content: string | Buffer): string => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  execFileSync('mkfifo', [join(folder, 'pipe')])
  const shown = (path: string, why: string) =>
    `SIGNET_MASTER_KEY_FILE: read "${path}", which ${why}; accepted: a readable file of at most 4 KB`
  const files: [string, string][] = [
    [folder, 'is a folder'],
    [join(folder, 'missing'), 'cannot be read (ENOENT)'],
    [join(folder, 'pipe'), 'is no regular file'],
    ['/dev/zero', 'is no regular file'],
    [file('empty', ' \n'), 'is empty'],
    [file('large', 'x'.repeat(4097)), 'is larger than 4 KB'],
    [file('utf16', Buffer.from(`\u{feff}${KEY_TEXT}`, 'utf16le')), 'is UTF-16 text; save it as UTF-8'],
    [file('latin1', Buffer.from([0xe9])), 'is no UTF-8 text'],
    ['~/key', 'is no path: ~ is not expanded here: write the whole path'],
  ]
  for (const [path, why] of files) expect(refusalOf({ SIGNET_MASTER_KEY_FILE: path })).toBe(shown(path, why))
  expect(refusalOf({ SIGNET_MASTER_KEY_FILE: '"/run/key"' })).toMatch(/^SIGNET_MASTER_KEY_FILE: .*without quotes/)
  expect(refusalOf({ SIGNET_REFRESH_GRACE_FILE: file('grace', '10 s\n') })).toMatch(
    /^SIGNET_REFRESH_GRACE_FILE: read "10 s"; accepted: a duration/,
  )
  // No secret is repeated.
  expect(refusalOf({ SIGNET_MASTER_KEY_FILE: file('short', 'hunter2') })).toMatch(
    /^SIGNET_MASTER_KEY_FILE: read 7 characters; accepted: 32 bytes/,
  )
  expect(refusalOf({ SIGNET_JWKS_MAX_AGE: '10m', SIGNET_KEY_PREPUBLISH_FILE: file('ahead', '1m') })).toMatch(
    /^SIGNET_JWKS_MAX_AGE is 600s, longer than SIGNET_KEY_PREPUBLISH_FILE \(60s\)/,
  )
})

// ------------------------------------------------------------------ ports and service links

test('SIGNET_PORT counts more than SIGNET_PORT_FILE, and both more than PORT; the refusal names which it was', () => {
  const file = join(temporaryFolder(), 'port')
  writeFileSync(file, '4001\n')
  expect(readConfig({ PORT: '4000' })).toMatchObject({ port: 4000, setBy: { port: 'PORT' } })
  expect(readConfig({ PORT: '4000', SIGNET_PORT_FILE: file })).toMatchObject({ port: 4001 })
  expect(readConfig({ PORT: 'x', SIGNET_PORT: '4002' })).toMatchObject({ port: 4002 })
  expect(refusalOf({ PORT: '70000' })).toBe('PORT: read "70000"; accepted: a port from 0 to 65535')
  expect(refusalOf({ SIGNET_PORT: 'http' })).toBe('SIGNET_PORT: read "http"; accepted: a port from 0 to 65535')
})

/** What Kubernetes sets for a service, as `getServiceEnvVarMap` of the kubelet does. */
function serviceLinks(service: string, address: string, ports: [number, string, string?][]): Record<string, string> {
  const prefix = service.toUpperCase().replaceAll('-', '_')
  const url = ([port, protocol]: [number, string, string?]) =>
    `${protocol.toLowerCase()}://${address.includes(':') ? `[${address}]` : address}:${port}`
  const links: Record<string, string> = { [`${prefix}_SERVICE_HOST`]: address }
  for (const each of ports) {
    const [port, protocol, name] = each
    links[`${prefix}_SERVICE_PORT`] ??= String(port)
    links[`${prefix}_PORT`] ??= url(each)
    if (name !== undefined) links[`${prefix}_SERVICE_PORT_${name.toUpperCase().replaceAll('-', '_')}`] = String(port)
    const at = `${prefix}_PORT_${port}_${protocol}`
    Object.assign(links, {
      [at]: url(each),
      [`${at}_PROTO`]: protocol.toLowerCase(),
      [`${at}_PORT`]: String(port),
      [`${at}_ADDR`]: address,
    })
  }
  return links
}

test.each([
  ['signet', '10.0.0.11', [[80, 'TCP']]],
  [
    'signet',
    'fd00::b',
    [
      [80, 'TCP', 'http'],
      [9090, 'TCP', 'metrics-internal'],
    ],
  ],
  ['signet-admin', '10.0.0.12', [[443, 'UDP', 'quic']]],
  ['signet-log-level', '10.0.0.13', [[5000, 'SCTP']]],
  ['signet-keys', '10.0.0.14', [[3000, 'TCP']]],
] as [string, string, [number, string, string?][]][])(
  'service links of a service named %s at %s are passed over',
  (service, address, ports) => {
    const links = serviceLinks(service, address, ports)
    expect(readConfig(links)).toEqual(readConfig({}))
    expect(readConfig({ ...links, PORT: '4000' }).port).toBe(4000)
    expect(readConfig({ ...links, SIGNET_PORT: '4001' }).port).toBe(4001)
  },
)

test('PORT may be a service link too; what only looks like one is refused, with how a pod goes without', () => {
  expect(readConfig({ PORT: 'tcp://10.0.0.11:80' }).port).toBe(3000)
  expect(refusalOf({ SIGNET_PORT: 'http://10.0.0.11:80' })).toBe(
    'SIGNET_PORT: read "http://10.0.0.11:80"; accepted: a port from 0 to 65535 (if Kubernetes set it for a service: enableServiceLinks: false in the pod spec)',
  )
  expect(refusalOf({ SIGNET_SERVICE_HOST: 'signet.local' })).toBe(
    'SIGNET_SERVICE_HOST is not a variable of Signet (if Kubernetes set it for a service: enableServiceLinks: false in the pod spec)',
  )
  expect(refusalOf({ SIGNET_SERVICE: 'x' })).toMatch(/^SIGNET_SERVICE is not a variable of Signet/)
})

// ------------------------------------------------------------------ paths and addresses

test.each([
  ['"/keys"', 'a path is written without quotes'],
  ["'keys'", 'a path is written without quotes'],
  ['ke"ys', 'a path is written without quotes'],
  ['ke\nys', 'a path has no control characters'],
  ['keys\u{7f}', 'a path has no control characters'],
  ['~/keys', '~ is not expanded here: write the whole path'],
  ['~signet/keys', '~ is not expanded here: write the whole path'],
  ['$HOME/keys', 'variables are not expanded here: write the whole path'],
  ['${HOME}/keys', 'variables are not expanded here: write the whole path'],
])('the path %j is refused in one line', (path, why) => {
  const read = `read ${JSON.stringify(path)}, but ${why}; accepted: the path of a`
  expect(refusalOf({ SIGNET_KEYS_DIR: path })).toBe(`SIGNET_KEYS_DIR: ${read} folder`)
  expect(refusalOf({ SIGNET_CONFIG: path })).toBe(`SIGNET_CONFIG: ${read} YAML or JSON file`)
  expect(refusalOf({ SIGNET_DATABASE_URL: `file:${path}` })).toBe(
    `SIGNET_DATABASE_URL: read ${JSON.stringify(`file:${path}`)}, but ${why}; accepted: file:<path> of a SQLite database, or ${POSTGRES_FORM}`,
  )
})

test.each([
  ['file::memory:', 'in memory'],
  ['file:', 'it names no file'],
  ['file:/', 'it names no file'],
  ['file:.', 'it names no file'],
  ['file:data/', 'it names no file'],
  ['file:///', 'it names no file'],
  ['file://', 'after // comes a host'],
  ['file://data/signet.db', 'after // comes a host'],
  ['file://server/share/x.db', 'after // comes a host'],
  ['file:x.db?mode=memory', 'only mode=rwc'],
  ['file:x.db?mode=ro', 'only mode=rwc'],
  ['file:x.db?mode=rwc&cache=shared', 'only mode=rwc'],
  ['file:x.db?vfs=unix-none', 'only mode=rwc'],
  ['file:x.db#one', '# in a path is written %23'],
  ['file:100%.db', '% in a path is written %25'],
  ['file:a%zzb.db', '% in a path is written %25'],
  ['file:a%2Fb.db', 'is not written %2F'],
  ['file:a%0Ab.db', 'a path has no control characters'],
  ['file:a%00b.db', 'a path has no control characters'],
  ['file:%22a%22.db', 'a path is written without quotes'],
  ['file:%7E/x.db', '~ is not expanded here'],
])('the database URL %s is refused in one line', (url, why) => {
  const message = refusalOf({ SIGNET_DATABASE_URL: url })
  expect(message).toMatch(
    /^SIGNET_DATABASE_URL: read ".*", but .*; accepted: file:<path> of a SQLite database, or postgres:/,
  )
  expect(message).toContain(why)
})

test.each([
  ['h1,h2/db', 'it names several hosts'],
  ['h1:5432,h2:5432/db', 'it names several hosts'],
  ['h1%2Ch2/db', 'it names several hosts'],
  ['/db?host=/run/one,/run/two', 'it names several hosts'],
  ['h:0/db', 'its port is not from 1 to 65535'],
  ['h:65536/db', 'its port is not from 1 to 65535'],
  ['h/db?sslmode=require&sslmode=disable', 'the parameter sslmode is there twice'],
  ['h/db?schema=a&schema=a', 'the parameter schema is there twice'],
  ['/db?host=/a&host=/b', 'the parameter host is there twice'],
  ['h/db?sslmode=allow', 'sslmode is one of disable, prefer, require, verify-ca, verify-full'],
  [
    'h/db?sslmode=require&channel_binding=require',
    'channel_binding=require is accepted with sslmode=verify-full alone',
  ],
  [
    'h/db?target_session_attrs=standby',
    'target_session_attrs is one of any, read-write, primary, because Signet writes',
  ],
  ['h/db?options=-csearch_path', 'of the parameters only sslmode, schema,'],
  ['h/d\nb', 'it has a line break or another control character'],
  ['h/d%0Ab', 'it has a line break or another control character'],
])('the PostgreSQL URL at %j is refused in one line', (place, why) => {
  const message = refusalOf({ SIGNET_DATABASE_URL: `postgres://u:hunter2@${place}` })
  expect(message).toContain(`but ${why}`)
  expect(message).not.toMatch(/\n|hunter2/)
})

test.each(['a\nb', 'a\rb', 'a\tb', 'a%0Ab', 'a\u{85}b'])('a password with a control character: %j', (password) => {
  const message = refusalOf({ SIGNET_DATABASE_URL: `postgres://u:${password}@h/db` })
  expect(message).toContain('but it has a line break or another control character')
  expect(message).not.toContain(password)
})

/** A key that begins like a path. */
const SLASH_KEY = Buffer.alloc(32, 0xfc).toString('base64')

test.each([
  ['SIGNET_DATABASE_URL', 'postgres//u:hunter2@h/d', '"postgres//u:…@h/d"'],
  ['SIGNET_DATABASE_URL', 'postgres:/u:hunter2@h/d', '"postgres:…@h/d"'],
  ['SIGNET_DATABASE_URL', '//u:hunter2@h/d', '"…@h/d"'],
  ['SIGNET_DATABASE_URL', '"postgres://u:hunter2@h/d"', '"…@h/d\\""'],
  ['SIGNET_DATABASE_URL', 'postgres://u hunter2@h/d?x=1', '"postgres://u…@h/d?…"'],
  ['SIGNET_DATABASE_URL', 'postgres://u%3Ahunter2@h/d%', '"postgres://u…@h/d%"'],
  ['SIGNET_DATABASE_URL', 'postgres://u:hunter2/h/d', '"postgres://u:…"'],
  ['SIGNET_DATABASE_URL', 'postgres://u:hunter2@', '"postgres://u:…@"'],
  ['SIGNET_DATABASE_URL', 'host=h user=u password=hunter2', '"host=h user=u password=…"'],
  ['SIGNET_DATABASE_URL', "host=h password = 'hunter2 hunter2' user=u", '"host=h password =…"'],
  ['SIGNET_DATABASE_URL', 'Server=h;User Id=u;Pwd=hunter2;', '"Server=h;User Id=u;Pwd=…"'],
  ['SIGNET_DATABASE_URL', 'jdbc:postgresql://h/d?user=u&password=hunter2', '"jdbc:postgresql://h/d?…"'],
  ['SIGNET_ISSUER', 'https://u:hunter2@a.example', '"https://u:…@a.example"'],
  ['SIGNET_ISSUER', 'https://hunter2@a.example', '"https://…@a.example"'],
  ['SIGNET_ISSUER', 'https://a.example?token=hunter2', '"https://a.example?…"'],
  ['SIGNET_ISSUER', 'https://a.example#token=hunter2', '"https://a.example#…"'],
  ['SIGNET_TRUSTED_PROXIES', 'http://u:hunter2@proxy:3128', '"http://u:…@proxy:3128"'],
  ['SIGNET_OUTBOUND_ALLOW', 'a.example,https://u:hunter2@b.example', '"a.example…@b.example"'],
  ['SIGNET_HOST', 'u:hunter2@h', '"u:…@h"'],
  ['SIGNET_BRAND_LOGO', 'http://u:hunter2@h/logo.svg', '"http://u:…@h/logo.svg"'],
  ['SIGNET_BRAND_TERMS_URL', 'ftp://u:hunter2@h', '"ftp://u:…@h"'],
  ['SIGNET_PORT', `sgs_${'x'.repeat(36)}hunter2`, '47 characters'],
  ['SIGNET_DATABASE_URL_FILE', 'postgres://u:hunter2@h/d', '"postgres://u:…@h/d"'],
  ['SIGNET_METRICS_TOKEN_FILE', 'a-token-of-hunter2', '18 characters'],
  ['SIGNET_MASTER_KEY_FILE', SLASH_KEY, '44 characters'],
])('%s=%s is refused without what may be a secret in it', (name, value, shown) => {
  const message = refusalOf({ [name]: value })
  expect(message).toContain(`${name}: read ${shown}`)
  expect(message).not.toContain('hunter2')
  expect(message).not.toContain(SLASH_KEY)
})

test.each([
  ['SIGNET_SIGNUP_DOMAINS', 'ada@example.org'],
  ['SIGNET_DATABASE_URL', 'data/signet.db'],
  ['SIGNET_BRAND_COLOR', '#fff'],
  ['SIGNET_PORT', 'http'],
  ['SIGNET_ISSUER', 'http://login.example:8080/a'],
])('%s=%s is refused with the whole of it', (name, value) => {
  expect(refusalOf({ [name]: value })).toContain(`${name}: read ${JSON.stringify(value)}`)
})

test('the parts of a PostgreSQL URL', () => {
  const addressOf = (place: string) => {
    const read = readPostgresUrl(`postgres://u:a,b%40@${place}`)
    return 'why' in read ? read.why : [read.value.password, read.value.host, read.value.port]
  }
  expect(addressOf('h/db')).toEqual(['a,b@', 'h', 5432])
  expect(addressOf('h:80/db')).toEqual(['a,b@', 'h', 80])
  expect(addressOf('[::1]/db')).toEqual(['a,b@', '::1', 5432])
  expect(addressOf('[::1]:65535/db?sslmode=require')).toEqual(['a,b@', '::1', 65_535])
  expect(addressOf('/db?host=/run/pg')).toEqual(['a,b@', '/run/pg', 5432])
  expect(addressOf('h:6432/db?host=/run/pg')).toEqual(['a,b@', '/run/pg', 6432])
})

test('the parameters that managed services hand out', () => {
  const parametersOf = (place: string) => {
    const read = readPostgresUrl(`postgres://u:p@${place}`)
    return 'why' in read
      ? read.why
      : [read.value.database, read.value.tls, read.value.applicationName, read.value.ignored]
  }
  expect(parametersOf('h/db/')).toEqual(['db', 'prefer', 'signet', []])
  expect(parametersOf('h/db?sslmode=verify-ca&application_name=shop')).toEqual(['db', 'verify-ca', 'shop', []])
  const handedOut = 'channel_binding=require&connect_timeout=10&target_session_attrs=read-write'
  expect(parametersOf(`h/db?sslmode=verify-full&${handedOut}`)).toEqual([
    'db',
    'verify-full',
    'signet',
    ['channel_binding', 'connect_timeout', 'target_session_attrs'],
  ])
})

test.each(['sqlite:x.db', ':memory:', 'data/signet.db', '/data/signet.db', 'files:x.db', 'http://x/y.db'])(
  'the database URL %s is refused',
  (url) => {
    expect(refusalOf({ SIGNET_DATABASE_URL: url })).toMatch(/^SIGNET_DATABASE_URL: read .*; accepted: file:<path>/)
  },
)

test('an address to listen on may be in brackets; a name of this machine needs no TLS', () => {
  for (const host of ['::1', '[::1]']) expect(readConfig({ SIGNET_HOST: host }).host).toBe('::1')
  expect(readConfig({ SIGNET_HOST: '[::]' }).host).toBe('::')
  for (const host of ['127.0.0.1', '0.0.0.0', 'localhost', 'signet.internal', 'fe80::1%eth0'])
    expect(readConfig({ SIGNET_HOST: host }).host).toBe(host)
  for (const host of ['[localhost]', '[::1', '::1]', '[127.0.0.1]', 'http://localhost', 'a b', '::1:3000x'])
    expect(refusalOf({ SIGNET_HOST: host })).toMatch(/^SIGNET_HOST: read .*; accepted: a host name or address$/)
  for (const issuer of ['http://auth.localhost:3000', 'http://a.b.LOCALHOST', 'http://127.1.2.3', 'http://[::1]:3000'])
    expect(readConfig({ SIGNET_ISSUER: issuer }).issuer).toBe(issuer)
  for (const issuer of ['http://localhost.example', 'http://notlocalhost', 'http://128.0.0.1', 'http://[::2]'])
    expect(refusalOf({ SIGNET_ISSUER: issuer })).toMatch(/^SIGNET_ISSUER: read .*localhost, \*\.localhost/)
})

// ------------------------------------------------------------------ the master key

test('the master key is 32 bytes in base64url or base64, with or without padding', () => {
  const base64 = KEY.toString('base64')
  expect(base64).toMatch(/[+/].*=$/)
  for (const text of [KEY_TEXT, base64, base64.slice(0, -1), `${KEY_TEXT}=`])
    expect(readConfig({ SIGNET_MASTER_KEY: text }).masterKeys, text).toEqual([KEY_TEXT])
  const refused = [KEY.toString('hex'), KEY_TEXT.slice(1), `${base64}=`, `${KEY_TEXT}A`, `+${KEY_TEXT.slice(2)}_`]
  for (const text of refused) {
    const message = refusalOf({ SIGNET_MASTER_KEY: text })
    expect(message).toMatch(/^SIGNET_MASTER_KEY: read \d+ characters; accepted: 32 bytes in base64url or base64/)
    expect(message).not.toContain(text)
  }
})

test('several master keys are separated by commas, blanks or line ends, and each of them has to be one', () => {
  const keys = [1, 2, 3].map((byte) => Buffer.alloc(32, byte).toString('base64url'))
  for (const text of [keys.join(), keys.join(', '), keys.join(' '), keys.join('\n'), keys.join('\r\n')])
    expect(readConfig({ SIGNET_MASTER_KEY: text }).masterKeys, JSON.stringify(text)).toEqual(keys)
  expect(refusalOf({ SIGNET_MASTER_KEY: `${keys.join()},hunter2` })).toMatch(/^SIGNET_MASTER_KEY: read \d+ characters/)
})

// ------------------------------------------------------------------ people

test('people sign in by invitation, with a password or a passkey, for thirty days at most', () => {
  expect(readConfig({})).toMatchObject({
    signUp: 'invite',
    signUpDomains: [],
    mfa: 'optional',
    passwords: true,
    sessionTtlSeconds: 30 * 86_400,
    sessionIdleSeconds: 7 * 86_400,
    idTokenTtlSeconds: 3600,
    outboundAllow: [],
    brandName: 'Signet',
    locale: 'en',
  })
})

test('a sign-up by domains names the domains', () => {
  expect(readConfig({ SIGNET_SIGNUP: 'domains', SIGNET_SIGNUP_DOMAINS: 'Acme.com, acme.de' })).toMatchObject({
    signUpDomains: ['acme.com', 'acme.de'],
  })
  expect(refusalOf({ SIGNET_SIGNUP: 'domains' })).toMatch(/SIGNET_SIGNUP_DOMAINS is not set; accepted: one domain/)
  for (const value of ['acme com', '@acme.com', 'acme.com,', '-a.com', 'https://acme.com'])
    expect(refusalOf({ SIGNET_SIGNUP_DOMAINS: value })).toMatch(/^SIGNET_SIGNUP_DOMAINS: read /)
})

test('sessions and ID tokens may be as short as a second', () => {
  for (const name of ['SIGNET_SESSION_TTL', 'SIGNET_SESSION_IDLE', 'SIGNET_ID_TOKEN_TTL'])
    for (const value of ['1s', '6s', '30', '30s']) readConfig({ [name]: value })
})

test('what a refused duration is told to be is accepted', () => {
  const told = /; accepted: a duration such as (.*) \(seconds\)/
  const durations = VARIABLE_TABLE.filter(({ standard }) => standard !== undefined && /^\d+[smhd]$/.test(standard))
  expect(durations.length).toBeGreaterThan(10)
  for (const { name } of durations) {
    const examples = told.exec(refusalOf({ [name]: 'soon' }))?.[1]?.split(/, | or /) ?? []
    expect(examples.length, name).toBeGreaterThan(0)
    for (const value of examples) readConfig({ SIGNET_JWKS_MAX_AGE: '1s', SIGNET_KEY_PREPUBLISH: '30d', [name]: value })
  }
})

test('the colour of a brand stands out from a white page', () => {
  expect(readConfig({ SIGNET_BRAND_COLOR: '#123' }).brandColor).toBe('#112233')
  // 3:1 lies between these two.
  expect(readConfig({ SIGNET_BRAND_COLOR: '#949494' }).brandColor).toBe('#949494')
  expect(refusalOf({ SIGNET_BRAND_COLOR: '#959595' })).toMatch(/^SIGNET_BRAND_COLOR: .*below 3:1/)
  expect(refusalOf({ SIGNET_BRAND_COLOR: '#ffcc00' })).toMatch(/contrast with a white page is 1\.5:1/)
  for (const value of ['blue', '#12', '#12345', 'url(x)', '#123456;']) refusalOf({ SIGNET_BRAND_COLOR: value })
})

test('passkeys are bound to the host of the issuer, or to a domain above it', () => {
  const env = { SIGNET_ISSUER: 'https://auth.acme.com/t' }
  for (const rpId of ['auth.acme.com', 'acme.com']) expect(readConfig({ ...env, SIGNET_RP_ID: rpId }).rpId).toBe(rpId)
  for (const rpId of ['other.com', 'uth.acme.com', 'x.auth.acme.com'])
    expect(refusalOf({ ...env, SIGNET_RP_ID: rpId })).toMatch(/^SIGNET_RP_ID is .*; accepted: auth\.acme\.com$/)
})

test('links of a brand are web addresses, and hosts of the intranet are hosts', () => {
  for (const value of ['javascript:alert(1)', '//evil', 'data:text/html,x', 'https://a b'])
    expect(refusalOf({ SIGNET_BRAND_HELP_URL: value })).toMatch(/^SIGNET_BRAND_HELP_URL: read /)
  expect(readConfig({ SIGNET_OUTBOUND_ALLOW: 'APP.internal, 10.0.0.7:8080,[::1]:9' }).outboundAllow).toEqual([
    'app.internal',
    '10.0.0.7:8080',
    '[::1]:9',
  ])
  for (const value of ['http://app', 'app:0', 'app:99999', 'a/b', '[::1'])
    expect(refusalOf({ SIGNET_OUTBOUND_ALLOW: value })).toMatch(/^SIGNET_OUTBOUND_ALLOW: read /)
})

test.each([
  ['SIGNET_SIGNUP', 'yes'],
  ['SIGNET_MFA', 'on'],
  ['SIGNET_PASSWORDS', 'false'],
  ['SIGNET_SESSION_TTL', '0s'],
  ['SIGNET_SESSION_IDLE', '0'],
  ['SIGNET_ID_TOKEN_TTL', '2d'],
  ['SIGNET_LOCALE', 'fr'],
  ['SIGNET_BRAND_LOGO', 'javascript:x.svg'],
  ['SIGNET_BRAND_LOGO', 'logo.txt'],
])('%s is refused as %j', (name, value) => {
  expect(refusalOf({ [name]: value })).toMatch(new RegExp(`^${name}: read "${value}"`))
})

// ------------------------------------------------------------------ parts that this version lacks

test('SIGNET_REGISTRATION takes off, which is so anyway, and refuses every other value', () => {
  expect(readConfig({ SIGNET_REGISTRATION: 'off' }).unserved).toEqual([])
  for (const value of ['token', 'open', 'on', 'OFF'])
    expect(refusalOf({ SIGNET_REGISTRATION: value })).toBe(
      `SIGNET_REGISTRATION: read "${value}", but clients are registered by operators alone in this version; accepted: off`,
    )
})

test('variables of mail and of WebFinger are read, and the start and the doctor say that they have no effect', async () => {
  const folder = temporaryFolder()
  const secret = join(folder, 'smtp')
  writeFileSync(secret, 'smtps://signet:hush@mail.example:465\n')
  const env = environmentOf(folder, {
    SIGNET_SMTP_URL_FILE: secret,
    SIGNET_MAIL_FROM: 'signet@example.com',
    SIGNET_MAIL_DIR: join(folder, 'mail'),
    SIGNET_WEBFINGER_DOMAINS: 'example.com',
  })
  const { log, lines } = rememberingLog()
  const running = await startIssuer(readConfig(env), { log })
  const checks = await checkDeployment(env)
  await running.stop()
  const said =
    /SIGNET_SMTP_URL_FILE, SIGNET_MAIL_FROM, SIGNET_MAIL_DIR: no mail is sent .*; SIGNET_WEBFINGER_DOMAINS: WebFinger is not served/
  expect(lines.filter((line) => said.test(line))).toHaveLength(1)
  expect(lines.join('\n')).not.toContain('hush')
  expect(checks.find(({ check }) => check === 'unserved variables')).toMatchObject({
    ok: true,
    warning: true,
    found: expect.stringMatching(said) as string,
  })
  // An unreadable file is refused, as that of any other variable.
  expect(refusalOf({ SIGNET_SMTP_URL_FILE: join(folder, 'none') })).toMatch(/^SIGNET_SMTP_URL_FILE: read /)
  // Nothing set is nothing said.
  expect(readConfig({}).unserved).toEqual([])
})

test('sign-up by domains proves nothing about a person: the start and the doctor say so, in the same words', async () => {
  const tell = async (more: Record<string, string>) => {
    const env = environmentOf(temporaryFolder(), more)
    const { log, lines } = rememberingLog()
    const running = await startIssuer(readConfig(env), { log })
    const checks = await checkDeployment(env)
    await running.stop()
    return { lines: lines.filter((line) => line.includes('SIGNET_SIGNUP')), checks }
  }
  const { lines, checks } = await tell({ SIGNET_SIGNUP: 'domains', SIGNET_SIGNUP_DOMAINS: 'acme.com' })
  const told = checks.find(({ check }) => check === 'sign-up')
  expect(told).toMatchObject({
    ok: true,
    warning: true,
    found: expect.stringMatching(/anybody who types .*nobody checks/),
  })
  expect(lines).toEqual([expect.stringContaining(told?.found ?? 'no finding')])
  for (const SIGNET_SIGNUP of ['open', 'invite']) {
    const plain = await tell({ SIGNET_SIGNUP })
    expect([plain.lines, plain.checks.map(({ check }) => check)]).toEqual([[], expect.not.arrayContaining(['sign-up'])])
  }
})

// ------------------------------------------------------------------ files

const PNG = Buffer.from('89504e470d0a1a0a', 'hex')

test('a logo that cannot be shown is refused with its path and the reason', () => {
  const folder = temporaryFolder()
  execFileSync('mkfifo', [join(folder, 'pipe.png')])
  mkdirSync(join(folder, 'folder.png'))
  symlinkSync('/dev/zero', join(folder, 'device.png'))
  writeFileSync(join(folder, 'empty.svg'), '')
  writeFileSync(join(folder, 'text.png'), 'hello')
  writeFileSync(join(folder, 'png.jpg'), PNG)
  writeFileSync(join(folder, 'large.png'), Buffer.concat([PNG, Buffer.alloc(102_400)]))
  const whyOf = (name: string): string => {
    const file = join(folder, name)
    const [, why = ''] = refusalOf({ SIGNET_BRAND_LOGO: file }).split(`SIGNET_BRAND_LOGO: read "${file}", but ${file} `)
    return why.split('; accepted: the path of an SVG, PNG')[0] ?? ''
  }
  expect(whyOf('none.png')).toBe('cannot be read (ENOENT)')
  expect(whyOf('pipe.png')).toBe('is no regular file')
  expect(whyOf('device.png')).toBe('is no regular file')
  expect(whyOf('folder.png')).toBe('is a folder')
  expect(whyOf('empty.svg')).toBe('is empty')
  expect(whyOf('text.png')).toBe('is no image of the type that .png names')
  expect(whyOf('png.jpg')).toBe('is no image of the type that .jpg names')
  expect(whyOf('large.png')).toBe('is larger than 100 KB')
})

test.each([
  ['logo.PNG', PNG],
  ['logo.svg', Buffer.from('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>')],
  ['logo.jpeg', Buffer.from('ffd8ffe0', 'hex')],
  ['logo.webp', Buffer.from('RIFF\0\0\0\0WEBPVP8 ')],
])('a logo %s is taken', (name, bytes) => {
  const file = join(temporaryFolder(), name)
  writeFileSync(file, bytes)
  expect(readConfig({ SIGNET_BRAND_LOGO: file }).brandLogo).toBe(file)
})
