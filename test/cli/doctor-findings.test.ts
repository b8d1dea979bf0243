/** Every finding of `signet doctor`, one row each: what was asked, the check that tells, its cause and its repair. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { judgeDiskSpace } from '../../src/store/sqlite/disk-space.ts'
import {
  createClient,
  createResource,
  declareOperator,
  grantTokens,
  operatorOf,
  tokens,
  type AdministeredIssuer,
} from '../support/admin.ts'
import { post, type Credentials } from '../support/client.ts'
import { postgresOfRun } from '../../harness/folder.ts'
import { environmentOf, movableClock, startTestIssuer } from '../support/issuer.ts'
import { signet } from '../support/process.ts'
import { startLyingIssuer, type LyingIssuer } from './lying-issuer.ts'
import { Place } from './run-signet.ts'

interface Check {
  check: string
  ok: boolean
  found: string
  fix: string | null
}

interface World {
  /** Our own issuer, running; its keys are two days old. */
  issuer: AdministeredIssuer
  client: Credentials
  liar: LyingIssuer
  folder: string
}

interface Row {
  finding: string
  /** The command line behind `signet doctor`, and what is piped in. */
  ask: (world: World) => Promise<Asked> | Asked
  check: string
  found: RegExp
  /** `null`: nothing is wrong, and the doctor must say so. */
  fix: RegExp | null
}

interface Asked {
  args: string[]
  env?: Record<string, string>
}

const API = 'api'
const TWO_DAYS = 2 * 86_400
const ends: (() => Promise<void> | void)[] = []
let world: World

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'signet-findings-'))
  ends.push(() => rmSync(folder, { recursive: true, force: true }))
  const clock = movableClock()
  clock.advance(-TWO_DAYS)
  const { file, credentials } = declareOperator(folder, `resources:\n  - id: ${API}`)
  const onEnd = (work: () => Promise<void> | void) => void ends.unshift(work)
  const started = await startTestIssuer({ SIGNET_CONFIG: file }, { onEnd, folder, clock })
  const issuer = { ...started, operator: operatorOf(started, credentials) }
  clock.advance(TWO_DAYS)
  const liar = await startLyingIssuer()
  ends.unshift(() => liar.stop())
  const client = await createClient(issuer.operator, {
    client_id: 'orders',
    grant_types: ['client_credentials', 'refresh_token', 'subject'],
    scope: 'read',
    resources: [API],
  })
  world = { issuer, client, liar, folder }
})
afterAll(async () => {
  for (const end of ends) await end()
})

async function diagnose({ args, env = {} }: Asked): Promise<Check[]> {
  const { stdout, stderr, code } = await signet(['doctor', ...args, '--json'], env)
  if (stdout === '') throw new Error(stderr)
  const checks = JSON.parse(stdout) as Check[]
  expect(code).toBe(checks.every(({ ok }) => ok) ? 0 : 1)
  for (const check of checks) expect(Object.keys(check)).toEqual(['check', 'ok', 'found', 'fix'])
  return checks
}

/** Asked where the database is. */
const inside = async (token: string | Promise<string>, ...args: string[]): Promise<Asked> => ({
  args: [await token, ...args],
  env: world.issuer.env,
})

/** Asked as an app does that knows our URL alone. */
const outside = async (token: string | Promise<string>, ...args: string[]): Promise<Asked> => ({
  args: [await token, '--issuer', world.issuer.issuer, ...args],
})

/** A token of the lying issuer, looked at as an app does that trusts that issuer. */
const lied = async (
  lie: Parameters<LyingIssuer['sign']>[0],
  changes: Parameters<LyingIssuer['sign']>[1] = {},
  ...args: string[]
): Promise<Asked> => ({ args: [await world.liar.sign(lie, changes), '--issuer', world.liar.at(lie), ...args] })

const live = async (): Promise<string> => (await tokens(world.issuer, world.client)).access_token ?? ''

/** A JWT with a part that was changed after the signature. */
function tamper(token: string, part: 0 | 1, change: (members: Record<string, unknown>) => object): string {
  const parts = token.split('.')
  const members = JSON.parse(Buffer.from(parts[part] ?? '', 'base64url').toString()) as Record<string, unknown>
  parts[part] = Buffer.from(JSON.stringify(change(members))).toString('base64url')
  return parts.join('.')
}

const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds

const PASTED: Row[] = [
  {
    finding: 'pasted with "Bearer"',
    ask: async () => outside(`Bearer ${await live()}`),
    check: 'paste',
    found: /"Bearer" in front/,
    fix: /give it the token alone/,
  },
  {
    finding: 'pasted with "Authorization:"',
    ask: async () => inside(`Authorization: Bearer ${await live()}`),
    check: 'paste',
    found: /"Authorization:" in front, "Bearer" in front/,
    fix: /its value is: Bearer TOKEN/,
  },
  {
    finding: 'pasted with quotes',
    ask: async () => inside(`"${await live()}"`),
    check: 'paste',
    found: /quotes around it/,
    fix: /take the quotes away/,
  },
  {
    finding: 'pasted with a line break inside',
    ask: async () => inside((await live()).replace('.', '.\n')),
    check: 'paste',
    found: /a line break inside it/,
    fix: /on one line/,
  },
  {
    finding: 'pasted with a line break at its end',
    ask: async () => inside(`${await live()}\n`),
    check: 'paste',
    found: /a line break around it/,
    fix: /tr -d/,
  },
  {
    finding: 'pasted percent-encoded',
    ask: async () => inside(`Bearer%20${(await live()).replaceAll('.', '%2E')}%0A`),
    check: 'paste',
    found: /percent-encoding in it, .*"Bearer" in front/,
    fix: /decode it: percent-encoding belongs into a URL/,
  },
  {
    finding: 'pasted with the rest of the reply',
    ask: async () => inside(JSON.stringify(await tokens(world.issuer, world.client), null, 2)),
    check: 'paste',
    found: /the rest of a token reply around it/,
    fix: /the value of access_token alone/,
  },
  {
    finding: 'pasted as token mint prints it',
    ask: async () => inside(`access_token  ${await live()}\ntoken_type    Bearer\nexpires_in    900`),
    check: 'paste',
    found: /the rest of a token reply around it/,
    fix: /the value of access_token alone/,
  },
  {
    finding: 'cut off',
    ask: async () => inside((await live()).split('.')[0] ?? ''),
    check: 'form',
    found: /the beginning of a JWT: it has 1 of 3 parts/,
    fix: /paste the whole value/,
  },
]

const KINDS: Row[] = [
  {
    finding: 'a refresh token, where the issuer is ours',
    ask: async () => inside((await grantTokens(world.issuer, world.client)).refresh_token ?? ''),
    check: 'kind',
    found: /a refresh token/,
    fix: /access_token/,
  },
  {
    finding: 'a refresh token, seen from outside',
    ask: async () => outside((await grantTokens(world.issuer, world.client)).refresh_token ?? ''),
    check: 'kind',
    found: /a refresh token/,
    fix: /access_token/,
  },
  {
    finding: 'a refresh token that is a JWT, as of Keycloak',
    ask: () => lied('honest', { header: { typ: 'JWT' }, claims: { typ: 'Refresh' } }),
    check: 'kind',
    found: /a refresh token/,
    fix: /access_token/,
  },
  {
    finding: 'an ID token',
    ask: () => lied('honest', { header: { typ: 'JWT' }, claims: { nonce: 'n', aud: 'c' } }),
    check: 'kind',
    found: /an ID token \(it has nonce\)/,
    fix: /access_token/,
  },
  {
    finding: 'an ID token, by its audience',
    ask: () => lied('honest', { header: { typ: 'JWT' }, claims: { scope: undefined, aud: 'c' } }),
    check: 'kind',
    found: /an ID token \(its aud is the client c\)/,
    fix: /access_token/,
  },
]

const TIMES: Row[] = [
  {
    finding: 'expired, and by how long',
    ask: () => lied('honest', { expiresIn: -180 }),
    check: 'expiry',
    found: /^expired 3 min ago/,
    fix: /get a new token/,
  },
  {
    finding: 'not yet valid',
    ask: () => lied('honest', { claims: { nbf: inSeconds(300) } }),
    check: 'not before',
    found: /not valid yet: only in 5 min/,
    fix: /wait until then/,
  },
  {
    finding: 'issued in the future',
    ask: () => lied('honest', { claims: { iat: inSeconds(300) } }),
    check: 'issued at',
    found: /5 min in the future/,
    fix: /clocks/,
  },
  {
    finding: 'clock skew: this machine is behind',
    ask: () => lied('ahead'),
    check: 'clock',
    found: /this machine is 10 min behind the issuer's/,
    fix: /NTP/,
  },
  {
    finding: 'clock skew: this machine is ahead, which is why a live token looks expired',
    ask: () => lied('behind', { expiresIn: -300 }),
    check: 'expiry',
    found: /by the issuer's clock it is still valid/,
    fix: /clocks/,
  },
]

const wrongIssuer = (finding: string, iss: (url: string) => string, found: RegExp): Row => ({
  finding,
  ask: async () => ({
    args: [
      await world.liar.sign('honest', { claims: { iss: iss(world.liar.at('honest')) } }),
      '--issuer',
      world.liar.at('honest'),
    ],
  }),
  check: 'issuer',
  found,
  fix: /must be the same string/,
})

const NAMES: Row[] = [
  wrongIssuer('wrong issuer: a slash at the end', (url) => `${url}/`, /the slash at the end \(one too many\)/),
  wrongIssuer(
    'wrong issuer: http against https',
    (url) => url.replace('http:', 'https:'),
    /differ in http and https \(https instead of http\)$/,
  ),
  wrongIssuer('wrong issuer: another port', (url) => url.replace(/:\d+/, ':4001'), /the port \(4001 instead of \d+\)/),
  wrongIssuer(
    'wrong issuer: another path',
    (url) => url.replace('honest', 'tenant'),
    /the path \(\/tenant instead of \/honest\)/,
  ),
  wrongIssuer(
    'wrong issuer: another host',
    (url) => url.replace('127.0.0.1', 'auth.example'),
    /the host \(auth.example instead of 127.0.0.1\)/,
  ),
  {
    finding: 'wrong issuer, where the database is',
    ask: async () => ({ args: [await live()], env: { ...world.issuer.env, SIGNET_ISSUER: `${world.issuer.issuer}/` } }),
    check: 'issuer',
    found: /the slash at the end \(it is missing\)/,
    fix: /SIGNET_ISSUER/,
  },
  {
    finding: 'wrong audience',
    ask: async () => inside(live(), '--resource', 'https://orders.example'),
    check: 'audience',
    found: /aud is api; expected is https:\/\/orders.example/,
    fix: /resource=https:\/\/orders.example/,
  },
  {
    finding: 'wrong audience, by a slash alone',
    ask: () => lied('honest', { claims: { aud: 'https://api.example/' } }, '--resource', 'https://api.example'),
    check: 'audience',
    found: /the same but for a slash/,
    fix: /the same string/,
  },
]

const KEYS: Row[] = [
  {
    finding: 'unknown kid: rotated out',
    ask: () => lied('honest', { key: 'unpublished', expiresIn: -600 }),
    check: 'kid',
    found: /it was rotated out/,
    fix: /get a new token/,
  },
  {
    finding: 'unknown kid: another issuer signed it',
    ask: async () => outside(world.liar.sign('honest', { key: 'unpublished' })),
    check: 'kid',
    found: /another issuer signed the token, http.*honest/,
    fix: /let your app trust/,
  },
  {
    finding: 'unknown kid: a cache holds an old key set',
    ask: () => lied('stale-cache', { key: 'unpublished' }),
    check: 'kid',
    found: /there in a fresh copy/,
    fix: /a cache in between/,
  },
  {
    finding: 'unknown kid: the app uses another key set than the metadata names',
    ask: async () => outside(live(), '--jwks', `${world.liar.at('honest')}/jwks`),
    check: 'kid',
    found: /in the set that the metadata names/,
    fix: /old copy or the wrong set/,
  },
  {
    finding: 'unknown kid: taken out early, or of another database under the same name',
    ask: () => lied('honest', { key: 'unpublished' }),
    check: 'kid',
    found: /although the token has not expired/,
    fix: /compare its JWKS URL/,
  },
  {
    finding: 'unknown kid, where the database is',
    ask: () => inside(world.liar.sign('honest')),
    check: 'kid',
    found: /key published is unknown here/,
    fix: /SIGNET_DATABASE_URL/,
  },
  {
    finding: 'a key of a resource of its own, which is no fault',
    ask: async () => outside(ownKeyToken('org-sound'), '--resource', 'org-sound'),
    check: 'kid',
    found: /one of resource org-sound's own, published at http\S+\/jwks\/org-sound/,
    fix: null,
  },
  {
    finding: 'a key of a resource of its own, looked for in the shared set',
    ask: async () => outside(ownKeyToken('org-shared'), '--jwks', `${world.issuer.issuer}/.well-known/jwks.json`),
    check: 'kid',
    found: /one of resource org-shared's own/,
    fix: /give your app http\S+\/jwks\/org-shared as its JWKS URL/,
  },
  {
    finding: 'a key that was revoked as compromised',
    ask: async () => {
      const token = await ownKeyToken('org-revoked')
      await world.issuer.operator.call('POST', `/admin/api/keys/${kidOf(token)}/revoke`)
      return outside(token)
    },
    check: 'kid',
    found: /revoked as compromised/,
    fix: /get a new token/,
  },
]

const kidOf = (token: string) =>
  (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid

async function ownKeyToken(resource: string): Promise<string> {
  await createResource(world.issuer.operator, resource, { own_keys: true })
  const client = await createClient(world.issuer.operator, { scope: 'read', resources: [resource] })
  return (await tokens(world.issuer, client)).access_token ?? ''
}

const SIGNATURES: Row[] = [
  {
    finding: 'a token that is bound to a key (DPoP), which is no fault',
    ask: () => lied('honest', { claims: { cnf: { jkt: 'thumbprint' } } }),
    check: 'binding',
    found: /as Bearer it is refused/,
    fix: null,
  },
  {
    finding: 'claims changed after signing',
    ask: async () => outside(tamper(await live(), 1, (claims) => ({ ...claims, scope: 'admin' }))),
    check: 'signature',
    found: /tampered with after signing/,
    fix: /do not accept it/,
  },
  {
    finding: 'claims changed after signing, where the database is',
    ask: async () => inside(tamper(await live(), 1, (claims) => ({ ...claims, sub: 'root' }))),
    check: 'signature',
    found: /tampered with after signing/,
    fix: /do not accept it/,
  },
  {
    finding: 'the end of the signature cut off',
    ask: async () => outside((await live()).slice(0, -8)),
    check: 'signature',
    found: /58 bytes where 64 belong: the end is missing/,
    fix: /paste it whole/,
  },
  {
    finding: 'HS256 against a JWKS',
    ask: async () => {
      const secret = new TextEncoder().encode('a secret that two share, of 32 characters')
      const claims = { iss: world.liar.at('honest'), aud: 'api', iat: inSeconds(0), exp: inSeconds(60) }
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: 'published' })
        .sign(secret)
      return { args: [token, '--issuer', world.liar.at('honest')] }
    },
    check: 'algorithm',
    found: /HS256 is made with a shared secret/,
    fix: /ES256 or RS256/,
  },
  {
    finding: 'algorithm against key type',
    ask: async () => ({
      args: [
        tamper(await world.liar.sign('honest'), 0, (header) => ({ ...header, kid: 'rsa' })),
        '--issuer',
        world.liar.at('honest'),
      ],
    }),
    check: 'key type',
    found: /key rsa is RSA for RS256, but the header says ES256/,
    fix: /the algorithm follows from the key/,
  },
  {
    finding: 'alg none',
    ask: async () => inside(tamper(await live(), 0, (header) => ({ ...header, alg: 'none' })).replace(/[^.]+$/, '')),
    check: 'algorithm',
    found: /alg is none: the token is not signed/,
    fix: /never accept it/,
  },
]

const REVOKED: Row[] = [
  {
    finding: 'revoked, and by which entry, where the database is',
    ask: async () => {
      const token = await live()
      await post(world.issuer, '/revoke', { token }, world.client)
      return inside(token)
    },
    check: 'blacklist',
    found: /denied by entry \S+ \(jti\)/,
    fix: /get a new token; what was ended stays ended/,
  },
  {
    finding: 'blacklisted, and by which entry, seen from outside',
    ask: async () => {
      const { access_token: token = '' } = await grantTokens(world.issuer, world.client, 'mallory')
      const entry = await world.issuer.operator.call('POST', '/blacklist', { sub: 'mallory', reason: 'left' })
      expect(entry.status).toBe(201)
      return outside(token)
    },
    check: 'revocation',
    found: /denied by blacklist entry \S+ \(sub\)/,
    fix: /signet blacklist remove \S+/,
  },
]

const lying = (
  finding: string,
  lie: Parameters<LyingIssuer['at']>[0],
  check: string,
  found: RegExp,
  fix: RegExp,
): Row => ({
  finding,
  ask: () => ({ args: ['--issuer', world.liar.at(lie)] }),
  check,
  found,
  fix,
})

const DISCOVERY: Row[] = [
  lying(
    'discovery: issuer differs',
    'issuer-differs',
    'issuer',
    /metadata says issuer is \S+\/other.*the path/,
    /the same string/,
  ),
  lying('discovery: HTML instead of JSON', 'html', 'discovery', /answers HTML, no JSON/, /let the proxy pass/),
  lying('discovery: redirects', 'redirects', 'discovery', /301 and redirects to \S+honest/, /do not follow redirects/),
  lying('discovery: behind a login', 'login', 'discovery', /answers 401/, /ask for no login/),
  lying('discovery: no jwks_uri', 'no-jwks-uri', 'discovery', /names no jwks_uri/, /by hand/),
  lying('jwks_uri answers 404', 'keys-gone', 'jwks', /jwks answers 404/, /path is wrong/),
  lying('jwks_uri answers HTML', 'keys-html', 'jwks', /answers HTML/, /let the proxy pass/),
  lying('JWKS without keys', 'no-keys', 'jwks', /holds no keys/, /jwks_uri/),
  lying(
    'JWKS with private members',
    'private',
    'jwks secrecy',
    /key published shows its private members \(d\)/,
    /revoke that key now/,
  ),
  lying('JWKS with nameless keys', 'nameless', 'jwks names', /1 keys without kid/, /may try the wrong key/),
  {
    finding: 'jwks_uri unreachable',
    ask: () => ({ args: ['--issuer', world.liar.at('honest'), '--jwks', 'http://127.0.0.1:9/jwks'] }),
    check: 'jwks',
    found: /cannot be reached/,
    fix: /firewall or proxy/,
  },
  {
    finding: 'an issuer that nobody serves',
    ask: () => ({ args: ['--issuer', 'http://127.0.0.1:2'] }),
    check: 'discovery',
    found: /cannot be reached: connect ECONNREFUSED/,
    fix: /check the URL/,
  },
  {
    finding: 'plain http to another machine',
    ask: () => ({ args: ['--issuer', 'http://127.0.0.1.invalid'] }),
    check: 'tls',
    found: /plain http to 127.0.0.1.invalid/,
    fix: /put TLS in front/,
  },
  {
    finding: 'https in the URL, plain http behind it',
    ask: () => ({ args: ['--issuer', world.liar.at('honest').replace('http:', 'https:')] }),
    check: 'tls',
    found: /no TLS on that port/,
    fix: /speak https there/,
  },
]

const deployment = (
  finding: string,
  env: () => Record<string, string>,
  check: string,
  found: RegExp,
  fix: RegExp | null,
): Row => ({
  finding,
  ask: () => ({ args: [], env: { ...world.issuer.env, ...env() } }),
  check,
  found,
  fix,
})

/** A server has no disk here, and its database is not gone with a file. */
const isOnFile = postgresOfRun === undefined

const DEPLOYMENT: Row[] = [
  ...(isOnFile ? [deployment('a sound deployment: room on the disk', () => ({}), 'disk space', /MB free/, null)] : []),
  deployment('a sound deployment: http on loopback', () => ({}), 'tls', /fine on this machine/, null),
  deployment(
    'JWKS cached for longer than keys are published before they sign',
    () => ({ SIGNET_KEY_PREPUBLISH: '70s', SIGNET_JWKS_MAX_AGE: '1m' }),
    'jwks caching',
    /max-age is 300 s, longer than keys are published/,
    /SIGNET_JWKS_MAX_AGE/,
  ),
  deployment(
    'a key rotation that is overdue',
    () => ({ SIGNET_KEY_ROTATION: '1h' }),
    'keys ES256',
    /overdue/,
    /signet key rotate/,
  ),
  deployment(
    'another master key',
    () => ({ SIGNET_MASTER_KEY: 'A'.repeat(43) }),
    'master key',
    /was sealed under/,
    /original key back in SIGNET_MASTER_KEY/,
  ),
  deployment(
    'no database',
    () => environmentOf(join(world.folder, 'nowhere')),
    'database',
    /there is no database at/,
    /signet restore/,
  ),
  ...(isOnFile
    ? [
        deployment(
          'a database that is gone, beside keys that know it',
          goneDatabase,
          'database',
          /the database .* is missing/,
          /signet restore/,
        ),
      ]
    : []),
  deployment(
    'a lost master key, where there is a database',
    () => ({ SIGNET_KEYS_DIR: join(world.folder, 'no-keys') }),
    'master key file',
    /is missing/,
    /no new one is made for an existing database/,
  ),
  {
    finding: 'another database than the server has',
    async ask() {
      const env = { ...environmentOf(join(world.folder, 'other')), SIGNET_ISSUER: world.issuer.issuer }
      await signet(['resource', 'create', 'somewhere'], env)
      return { args: [], env }
    },
    check: 'database served',
    found: /the key .* of this database is not at http:.*: the server there has another database/,
    fix: /set SIGNET_DATABASE_URL and SIGNET_KEYS_DIR as that server has them/,
  },
  deployment('a file that is no database', brokenDatabase, 'database', /./, /./),
  deployment(
    'a variable that is misspelt',
    () => ({ SIGNET_ISSUR: 'x' }),
    'configuration',
    /did you mean SIGNET_ISSUER/,
    /reference\.md/,
  ),
]

function goneDatabase(): Record<string, string> {
  const env = environmentOf(join(world.folder, 'gone'))
  mkdirSync(join(world.folder, 'gone/keys'), { recursive: true })
  writeFileSync(join(world.folder, 'gone/keys/databases'), `${join(world.folder, 'gone/data/signet.db')}\n`)
  return env
}

function brokenDatabase(): Record<string, string> {
  const env = environmentOf(join(world.folder, 'broken'))
  mkdirSync(join(world.folder, 'broken/data'), { recursive: true })
  writeFileSync(join(world.folder, 'broken/data/signet.db'), 'this is no database, '.repeat(500))
  return env
}

async function refused(path: string, form: Record<string, string>, credentials: Credentials): Promise<string> {
  const answer = await post(world.issuer, path, form, credentials)
  expect(answer.status).toBeGreaterThanOrEqual(400)
  return answer.headers.get('x-request-id') ?? ''
}

function logFile(name: string): string {
  const file = join(world.folder, name)
  writeFileSync(file, world.issuer.logged.join('\n'))
  return file
}

const ask = { grant_type: 'client_credentials' }

const REQUESTS: Row[] = [
  {
    finding: 'a refused request: wrong secret, from the audit trail',
    ask: async () => ({
      args: ['--request', await refused('/token', ask, { ...world.client, secret: 'guess' })],
      env: world.issuer.env,
    }),
    check: 'request',
    found: /refused: wrong or expired secret \(.*client.wrong_secret orders/,
    fix: /signet client rotate-secret orders/,
  },
  {
    finding: 'a refused request: no such client, from the audit trail',
    ask: async () => ({
      args: ['--request', await refused('/token', ask, { clientId: 'orbers', secret: 'x' })],
      env: world.issuer.env,
    }),
    check: 'request',
    found: /refused: no client of the id that was sent \(.*client.unknown/,
    fix: /signet client list/,
  },
  {
    finding: 'a refused request: refresh token reuse, from the audit trail',
    ask: async () => {
      const { refresh_token = '' } = await grantTokens(world.issuer, world.client)
      const next = await post(world.issuer, '/refresh', { refresh_token }, world.client)
      await post(world.issuer, '/refresh', { refresh_token: next.body.refresh_token as string }, world.client)
      const id = await refused('/refresh', { refresh_token }, world.client)
      return { args: ['--request', id], env: world.issuer.env }
    },
    check: 'request',
    found: /refused: refresh token reuse/,
    fix: /start over with a new grant/,
  },
  {
    finding: 'a refused request: no such client, from the log',
    ask: async () => {
      const id = await refused('/token', ask, { clientId: 'ordres', secret: 'x' })
      return { args: ['--request', id, '--log', logFile('unknown.log')] }
    },
    check: 'request',
    found: /refused with invalid_client: no client "ordr…" \(6 characters/,
    fix: /signet client list/,
  },
  {
    finding: 'a refused request: a subject on the blacklist, from the log',
    ask: async () => {
      await world.issuer.operator.call('POST', '/blacklist', { sub: 'trudy' })
      const form = { grant_type: 'urn:signet:params:oauth:grant-type:subject', subject: 'trudy' }
      const id = await refused('/token', form, world.client)
      return { args: ['--request', id, '--log', logFile('blacklist.log')] }
    },
    check: 'request',
    found: /refused with invalid_grant: the subject is on the blacklist/,
    fix: /signet blacklist list/,
  },
  {
    finding: 'a request that is on no record: which step leads further',
    ask: () => ({ args: ['--request', 'nothing-like-it'], env: world.issuer.env }),
    check: 'request',
    found: /its reason stands in the server's log alone/,
    fix: /signet doctor --request nothing-like-it --log -/,
  },
]

test.concurrent.for([
  ...PASTED,
  ...KINDS,
  ...TIMES,
  ...NAMES,
  ...KEYS,
  ...SIGNATURES,
  ...REVOKED,
  ...DISCOVERY,
  ...DEPLOYMENT,
  ...REQUESTS,
])('$finding', async (row, { expect: demand }) => {
  const checks = await diagnose(await row.ask(world))
  const own = checks.filter(({ check }) => check === row.check)
  const told = own.find(({ ok }) => ok === (row.fix === null)) ?? own[0]
  demand(told, JSON.stringify(checks, null, 1)).toBeDefined()
  demand(told?.found).toMatch(row.found)
  demand(told?.ok).toBe(row.fix === null)
  if (row.fix) demand(told?.fix).toMatch(row.fix)
})

test.concurrent('a good token has no finding, inside and outside', async ({ expect: demand }) => {
  const token = await live()
  const failed = (checks: Check[]) => checks.filter(({ ok }) => !ok)
  demand(failed(await diagnose(await inside(token, '--resource', API)))).toEqual([])
  demand(failed(await diagnose(await outside(token, '--resource', API)))).toEqual([])
  demand(failed(await diagnose(await lied('honest', {}, '--resource', 'api')))).toEqual([])
  demand(failed(await diagnose(await outside(ownKeyToken('org-good'), '--resource', 'org-good')))).toEqual([])
  demand(failed(await diagnose({ args: [], env: world.issuer.env }))).toEqual([])
})

test.concurrent('a refused request, from a log in the pretty form that is piped in', async ({
  expect: demand,
  onTestFinished,
}) => {
  const fields = { request_id: 'the-id', reason: 'no client "x"', method: 'POST', route: '/token', status: 401 }
  const log = `[15:18:12] INFO: request ${JSON.stringify(fields)}\n    error: "invalid_client"\n`
  const place = new Place(onTestFinished)
  const { code, stdout } = await place.run(['doctor', '--request', 'the-id', '--log', '-', '--json'], {}, log)
  demand(code).toBe(1)
  demand(JSON.parse(stdout)).toEqual([
    {
      check: 'request',
      ok: false,
      found: 'refused with 401: no client "x" (POST /token 401)',
      fix: expect.stringContaining('compare the client_id with: signet client list'),
    },
  ])
})

test('a disk that is nearly full is a finding', () => {
  const megabyte = 1024 * 1024
  expect(judgeDiskSpace('/data', 10 * megabyte, 0)).toMatchObject({
    ok: false,
    fix: expect.stringMatching(/make room.*leave the server running/) as string,
  })
  expect(judgeDiskSpace('/data', 1000 * megabyte, 900 * megabyte).ok).toBe(false)
  expect(judgeDiskSpace('/data', 1000 * megabyte, 10 * megabyte).ok).toBe(true)
})

/** A certificate of its own making, for a host name. */
function certify(host: string): { key: Buffer; cert: Buffer; file: string } {
  const [keyFile, file] = [join(world.folder, `${host}.key`), join(world.folder, `${host}.pem`)]
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30']
  const names = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`]
  execFileSync('openssl', [...request, ...names, '-keyout', keyFile, '-out', file], { stdio: 'ignore' })
  return { key: readFileSync(keyFile), cert: readFileSync(file), file }
}

const hasOpenssl = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

test.skipIf(!hasOpenssl)(
  `a certificate that is self-signed, or for another host${hasOpenssl ? '' : ' (skipped: openssl is not installed)'}`,
  async () => {
    const tlsOf = async (host: string, trusted: boolean) => {
      const { key, cert, file } = certify(host)
      const server = createServer({ key, cert }, (_request, response) => response.writeHead(404).end())
      await new Promise<void>((listening) => server.listen(0, 'localhost', listening))
      const issuer = `https://localhost:${(server.address() as AddressInfo).port}` // it listens on a port
      const checks = await diagnose({ args: ['--issuer', issuer], env: trusted ? { NODE_EXTRA_CA_CERTS: file } : {} })
      server.close()
      return checks.find(({ check }) => check === 'tls')
    }
    expect(await tlsOf('localhost', true)).toMatchObject({ ok: true })
    expect(await tlsOf('localhost', false)).toMatchObject({
      ok: false,
      found: expect.stringContaining('self-signed') as string,
      fix: expect.stringContaining('NODE_EXTRA_CA_CERTS') as string,
    })
    expect(await tlsOf('other.example', true)).toMatchObject({
      ok: false,
      found: expect.stringContaining('for another host name') as string,
      fix: expect.stringContaining('subjectAltName') as string,
    })
  },
)
