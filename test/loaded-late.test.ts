/**
 * Commands and a start load what they use. An issuer of services loads nothing of people: cold start and memory stay as
 * they were before people could sign in.
 */
import { readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runCommand, startServer, type Launch } from '../harness/program.ts'
import {
  createClient,
  createResource,
  declareOperator,
  grantTokens,
  operatorOf,
  refresh,
  tokens,
} from './support/admin.ts'
import { postgresOfRun } from '../harness/folder.ts'
import { basic, post, request } from './support/client.ts'
import { environmentOf, temporaryFolder } from './support/issuer.ts'

/** Rooms and packages of people. Rules of users and groups belong to the declarative file too. The list of routes, shapes of the admin API and names of columns are small, and are loaded. */
const OF_PEOPLE = [
  /^src\/(authorize|outbound)\//,
  /^src\/pages\/(?!(routes|page|handler|html|sign-in-first|visit)\.ts$)/,
  /^src\/endpoints\/[\w-]+-handler\.ts$/,
  /^src\/sessions\/(ending|logout|logout-sender)\.ts$/,
  /^src\/users\/(invitation|password|strength|passkey|totp|recovery|guesses)\.ts$/,
  /^src\/store\/acts\/(codes|factors|guesses|links|proofs|sign-ins)\.ts$/,
  /^src\/(tokens\/id-token|grant-types\/authorization-code)\.ts$/,
  /^node_modules\/(@simplewebauthn|@zxcvbn-ts|otpauth|uqr)\//,
]

const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(
  readFileSync(resolve(import.meta.dirname, '../package.json'), 'utf8'),
)
const DEPENDENCIES = Object.keys(dependencies)

const TRACER = resolve(import.meta.dirname, 'support/trace-modules.mjs')

/** The packages of each kind of process. Another package waits until something asks for it. */
const OF_COMMANDS = ['commander', 'better-sqlite3', 'jose', ...(postgresOfRun === undefined ? [] : ['pg'])]
const OF_SERVICES = [...OF_COMMANDS, '@hono/node-server', 'hono', 'pino']

/** The part of jose that opens and makes seals, and names a key. */
const SEALS = /^node_modules\/jose\/dist\/webapi\/(jwe|jwk|key|lib|util)\//
const beyondSeals = (loaded: string[]) =>
  loaded.filter((name) => name.startsWith('node_modules/jose/') && !SEALS.test(name))

/** An environment whose processes are traced, and the modules that they have loaded up to now. */
function trace(folder: string, env: Record<string, string> = {}) {
  const file = join(folder, 'modules')
  const launch: Launch = {
    env: { ...environmentOf(folder, env), TRACE_MODULES: file },
    nodeOptions: ['--import', TRACER],
  }
  const loaded = (): string[] => {
    const names = readFileSync(file, 'utf8').split('\n')
    return names.map((name) => name.replace(/^.*?\/(?=(src|node_modules)\/)/, '').replace(/^.*?(?=src\/)/, ''))
  }
  /** Our dependencies among them. */
  const packages = (): string[] => {
    const names = loaded().flatMap((name) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1] ?? [])
    return DEPENDENCIES.filter((each) => names.includes(each))
  }
  return { launch, loaded, packages, forget: () => rmSync(file, { force: true }) }
}

async function start() {
  const folder = temporaryFolder()
  const { file, credentials } = declareOperator(folder)
  const { launch, loaded } = trace(folder, { SIGNET_CONFIG: file })
  const server = await startServer(launch, onTestFinished)
  const ofPeople = () => loaded().filter((name) => OF_PEOPLE.some((each) => each.test(name)))
  return { server, credentials, loaded, ofPeople }
}

test('an issuer of services loads nothing of people, whatever services ask; the first page loads its own', async () => {
  const { server, credentials, loaded, ofPeople } = await start()
  const operator = operatorOf(server, credentials)
  const api = await createResource(operator, 'https://api.example.com/', { scope: 'read' })
  const client = await createClient(operator, {
    grant_types: ['client_credentials', 'refresh_token'],
    scope: 'read',
    resources: [api],
  })
  const { refresh_token: token = '' } = await grantTokens(server, client)
  expect((await refresh(server, client, token)).status).toBe(200)
  for (const path of [
    '/.well-known/openid-configuration',
    '/.well-known/jwks.json',
    '/blacklist/feed',
    '/metrics',
    '/',
  ])
    expect((await request(`${server.url}${path}`)).status, path).toBe(200)
  expect((await request(`${server.url}/no-such`)).status).toBe(404)
  expect((await operator.call('GET', '/admin/api/clients')).status).toBe(200)
  expect(loaded().length).toBeGreaterThan(300)
  expect(ofPeople()).toEqual([])

  expect((await request(`${server.url}/login`)).status).toBeLessThan(400)
  expect(ofPeople()).toContain('src/pages/login.ts')
  // The libraries of factors wait for the factor.
  expect(ofPeople().filter((name) => name.startsWith('node_modules/'))).toEqual([])
})

test('a command loads no library that it does not use', async () => {
  const { launch, loaded, packages, forget } = trace(temporaryFolder())
  expect(await runCommand(['migrate', '--new'], launch)).toMatchObject({ code: 0 })
  for (const line of ['client list --json', 'key list --json', 'blacklist list --json', 'client --help', '--version']) {
    forget()
    expect(await runCommand(line.split(' '), launch), line).toMatchObject({ code: 0, stderr: '' })
    expect(loaded(), line).toContain('src/cli/main.ts')
    expect(packages(), line).toContain('commander')
    const known = line.startsWith('client --') || line === '--version' ? ['commander'] : OF_COMMANDS
    expect(
      packages().filter((each) => !known.includes(each)),
      line,
    ).toEqual([])
    expect(beyondSeals(loaded()), line).toEqual([])
  }
  forget()
  const made = await runCommand(['client', 'create', '--id', 'shop', '--json'], launch)
  expect(made.code, made.stderr).toBe(0)
  expect(packages()).toContain('zod')
})

test('a service that gives tokens loads no library that only other requests use', async () => {
  const { launch, loaded, packages } = trace(temporaryFolder())
  const server = await startServer(launch, onTestFinished)
  const [, secret = ''] = /client_secret +(\S+)/.exec(server.stdout()) ?? []
  const client = { clientId: 'demo', secret }
  const { refresh_token: token = '' } = await tokens(server, client, { scope: 'demo:read offline_access' })
  expect((await refresh(server, client, token)).status).toBe(200)
  expect((await post(server, '/introspect', { token }, client)).body).toEqual({ active: false })
  expect(packages().filter((each) => !OF_SERVICES.includes(each))).toEqual([])
  expect(beyondSeals(loaded())).toEqual([])

  // The first use loads them, whatever becomes of it.
  const proof = { form: { grant_type: 'client_credentials' }, headers: { ...basic(client), dpop: 'x' } }
  const answer = await request(`${server.url}/token`, proof)
  expect(answer.body.error, answer.text).toBe('invalid_dpop_proof')
  expect(beyondSeals(loaded())).toContain('node_modules/jose/dist/webapi/index.js')
  expect((await request(`${server.url}/openapi.json`)).status).toBe(200)
  expect(packages()).toContain('zod')
})
