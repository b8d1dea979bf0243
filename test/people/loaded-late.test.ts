/** An issuer of services loads nothing of people: cold start and memory stay as they were before people could sign in. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startServer } from '../../harness/program.ts'
import { createClient, createResource, declareOperator, grantTokens, operatorOf, refresh } from '../support/admin.ts'
import { request } from '../support/client.ts'
import { environmentOf, temporaryFolder } from '../support/issuer.ts'

/** Rooms and packages of people. Lists of routes, shapes of the admin API and names of columns are small, and are loaded. */
const OF_PEOPLE = [
  /^src\/(authorize|outbound)\//,
  /^src\/pages\/(?!((\w+-)*routes|page|handler|html|session)\.ts$)/,
  /^src\/sessions\/(logout|logout-sender)\.ts$/,
  /^src\/users\/(invitation|passkey|totp|recovery|guesses)\.ts$/,
  /^src\/store\/acts\/(codes|factors|guesses|links|proofs|sign-ins)\.ts$/,
  /^src\/(tokens\/id-token|grant-types\/authorization-code)\.ts$/,
  /^node_modules\/(@simplewebauthn|@zxcvbn-ts|otpauth|uqr)\//,
]

const TRACER = resolve(import.meta.dirname, '../support/trace-modules.mjs')

async function start() {
  const folder = temporaryFolder()
  const trace = join(folder, 'modules')
  const { file, credentials } = declareOperator(folder)
  const env = { ...environmentOf(folder, { SIGNET_CONFIG: file }), TRACE_MODULES: trace }
  const server = await startServer({ env, nodeOptions: ['--import', TRACER] }, onTestFinished)
  const loaded = (): string[] => {
    const names = readFileSync(trace, 'utf8').split('\n')
    return names.map((name) => name.replace(/^.*?\/(?=(src|node_modules)\/)/, '').replace(/^.*?(?=src\/)/, ''))
  }
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
  for (const path of ['/.well-known/openid-configuration', '/.well-known/jwks.json', '/blacklist/feed', '/metrics'])
    expect((await request(`${server.url}${path}`)).status, path).toBe(200)
  expect((await operator.call('GET', '/admin/api/clients')).status).toBe(200)
  expect(loaded().length).toBeGreaterThan(300)
  expect(ofPeople()).toEqual([])

  expect((await request(`${server.url}/login`)).status).toBeLessThan(400)
  expect(ofPeople()).toContain('src/pages/login.ts')
  // The libraries of factors wait for the factor.
  expect(ofPeople().filter((name) => name.startsWith('node_modules/'))).toEqual([])
})
