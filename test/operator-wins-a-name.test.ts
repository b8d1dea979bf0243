/**
 * Clients and persons share one name space, in which the operator wins: registering a client under an id that some
 * backend has used for a person ends that person's grants and says so, at every door. No backend can block a name.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { acceptorsOf, EVERYBODY, type Acceptors } from './support/acceptance.ts'
import {
  createBackend,
  createClient,
  declareOperator,
  grantTokens,
  operatorOf,
  refresh,
  SUBJECT_GRANT,
  type Operator,
} from './support/admin.ts'
import { claimsOf, post, type Credentials } from './support/client.ts'
import { startTestIssuer, temporaryFolder, type TestIssuer } from './support/issuer.ts'
import { signet } from './support/process.ts'
import { auditOf, refusal } from './support/shared.ts'

const API = 'orders-api'
const SECRET = 'a-secret-of-thirty-two-characters-or-more'
/** The second one has a name that a backend has used for a person. */
const DECLARED = `  - client_id: other
    scope: read
    client_secret: { file: newsvc.secret }
  - client_id: newsvc
    scope: read
    client_secret: { file: newsvc.secret }
`

interface Scene {
  issuer: TestIssuer
  operator: Operator
  shop: Credentials
  acceptors: Acceptors
  file: string
  /** The tokens of the backend in the name of `newsvc`, and of somebody else. */
  person: Record<string, string>
  ada: Record<string, string>
}

async function scene(): Promise<Scene> {
  const folder = temporaryFolder()
  const { file, credentials } = declareOperator(folder, `resources:\n  - id: ${API}`)
  writeFileSync(join(folder, 'newsvc.secret'), SECRET)
  const issuer = await startTestIssuer({ SIGNET_CONFIG: file }, { folder })
  const operator = operatorOf(issuer, credentials)
  const shop = await createBackend(operator, { client_id: 'shop', resources: [API] })
  const api = await createClient(operator, { client_id: 'api-itself', resources: [API] })
  return {
    issuer,
    operator,
    shop,
    file,
    acceptors: acceptorsOf(issuer, api),
    person: await grantTokens(issuer, shop, 'newsvc'),
    ada: await grantTokens(issuer, shop, 'ada'),
  }
}

/** The person's grant is over, its access tokens are refused to their end; another person's goes on. */
async function expectEnded({ issuer, shop, acceptors, person, ada }: Scene): Promise<void> {
  expect(refusal(await refresh(issuer, shop, person.refresh_token ?? ''))).toBe('400 invalid_grant')
  expect((await refresh(issuer, shop, ada.refresh_token ?? '')).status).toBe(200)
  expect(await acceptors.of(ada.access_token ?? '')).toEqual(EVERYBODY)
  expect(await acceptors.everOf(person.access_token ?? '')).toEqual([])
}

/** The name stands in a sentence about a person whose grants end. */
const SAYS_SO = /newsvc.*(person|sub|grant)|(person|sub|grant).*newsvc/i

test('registering a client ends the grants of the person of that name, and the answer says so', async () => {
  const it = await scene()
  const answer = await it.operator.call('POST', '/admin/api/clients', { client_id: 'newsvc' })
  expect(answer.status, answer.text).toBe(201)
  expect(`${answer.text} ${[...answer.headers].join(' ')}`).toMatch(/person|ended/i)
  await expectEnded(it)
  expect(await auditOf({ ...it.issuer, operator: it.operator }, claimsOf(it.person.access_token ?? '').sid)).toContain(
    'grant.ended',
  )
})

test('the command line registers it as well, and says on stderr whose grants ended', async () => {
  const it = await scene()
  const { code, stderr } = await signet(['client', 'create', '--id', 'newsvc', '--json'], it.issuer.env)
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(SAYS_SO)
  await expect.poll(() => it.acceptors.of(it.person.access_token ?? ''), { timeout: 5000 }).toEqual([])
  await expectEnded(it)
})

test('the client works from then on, and no backend gets tokens in its name', async () => {
  const it = await scene()
  const client = await createClient(it.operator, { client_id: 'newsvc', resources: [API], scope: 'read' })
  const own = await post(it.issuer, '/token', { grant_type: 'client_credentials' }, client)
  expect(await it.acceptors.of(own.body.access_token)).toEqual(EVERYBODY)
  const form = { grant_type: SUBJECT_GRANT, subject: 'newsvc' }
  expect(refusal(await post(it.issuer, '/token', form, it.shop))).toBe('400 invalid_request')
})

test('registering says nothing of persons where there is none of that name', async () => {
  const it = await scene()
  const answer = await it.operator.call('POST', '/admin/api/clients', { client_id: 'quiet' })
  expect(answer.status).toBe(201)
  expect(JSON.stringify(answer.body)).not.toMatch(/person|ended/i)
  expect((await refresh(it.issuer, it.shop, it.person.refresh_token ?? '')).status).toBe(200)
})

test('a person whose grants have ended, or only ever had access tokens, is no obstacle and no news', async () => {
  const it = await scene()
  await it.operator.call('DELETE', `/admin/api/grants/${claimsOf(it.person.access_token ?? '').sid}`)
  expect((await it.operator.call('POST', '/admin/api/clients', { client_id: 'newsvc' })).status).toBe(201)
  await post(it.issuer, '/token', { grant_type: SUBJECT_GRANT, subject: 'fleeting' }, it.shop)
  expect((await it.operator.call('POST', '/admin/api/clients', { client_id: 'fleeting' })).status).toBe(201)
})

test('a dry run says whose grants would end, and ends none', async () => {
  const it = await scene()
  appendFileSync(it.file, DECLARED)
  const { code, stdout, stderr } = await signet(['apply', it.file, '--dry-run'], it.issuer.env)
  expect(code, stderr).toBe(0)
  expect(stdout).toContain('+ client newsvc')
  expect(stdout + stderr).toMatch(SAYS_SO)
  expect((await refresh(it.issuer, it.shop, it.person.refresh_token ?? '')).status).toBe(200)
})

test('apply registers it, and says whose grants ended', async () => {
  const it = await scene()
  appendFileSync(it.file, DECLARED)
  const { code, stdout, stderr } = await signet(['apply', it.file], it.issuer.env)
  expect(code, stderr).toBe(0)
  expect(stdout).toContain('+ client newsvc')
  expect(stdout + stderr).toMatch(SAYS_SO)
  await expect.poll(() => it.acceptors.of(it.person.access_token ?? ''), { timeout: 5000 }).toEqual([])
  await expectEnded(it)
})

test('a start whose file declares it goes on, and the log says whose grants ended', async () => {
  const it = await scene()
  appendFileSync(it.file, DECLARED)
  const again = await it.issuer.restart()
  const lines = again.logged.filter((line) => SAYS_SO.test(line))
  expect(lines, again.logged.join('\n')).not.toEqual([])
  await expectEnded(it)
  for (const clientId of ['other', 'newsvc']) {
    const answer = await post(it.issuer, '/token', { grant_type: 'client_credentials' }, { clientId, secret: SECRET })
    expect(answer.status).toBe(200)
  }
})

// ------------------------------------------------------------------ all or nothing

test.each([
  ['a name that Signet uses itself', 'client_id: other', 'client_id: system'],
  [
    'a client whose grant needs the secret that it may not have',
    'scope: read\n    client_secret: { file: newsvc.secret }\n$',
    'scope: read\n    token_endpoint_auth_method: none\n    grant_types: [client_credentials]\n',
  ],
  [
    'a resource that nobody knows',
    'scope: read\n    client_secret: { file: newsvc.secret }\n$',
    'scope: read\n    resources: [unknown]\n    client_secret: { file: newsvc.secret }\n',
  ],
])('a file with %s applies nothing, and ends no grants', async (_, from, to) => {
  const it = await scene()
  appendFileSync(
    it.file,
    `  - client_id: first\n    scope: read\n    client_secret: { file: newsvc.secret }\n${DECLARED}`,
  )
  writeFileSync(it.file, readFileSync(it.file, 'utf8').replace(new RegExp(from), to))
  const { code, stderr } = await signet(['apply', it.file], it.issuer.env)
  expect(code).toBe(1)
  expect(stderr).toMatch(/signet\.yaml:\d+/)
  for (const clientId of ['first', 'other', 'newsvc'])
    expect((await it.operator.call('GET', `/admin/api/clients/${clientId}`)).status).toBe(404)
  expect((await refresh(it.issuer, it.shop, it.person.refresh_token ?? '')).status).toBe(200)
})
