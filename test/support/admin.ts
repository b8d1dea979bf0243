/**
 * An issuer with an administrator who is declared in a file before the first start, as an operator would do it, and the
 * acts of tests as that administrator: clients, resources, tokens.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bearer, claimsOf, post, request, type Answer, type Credentials } from './client.ts'
import { startTestIssuer, temporaryFolder, type TestClock, type TestIssuer } from './issuer.ts'
import { inTime } from './in-time.ts'

export const SUBJECT_GRANT = 'urn:signet:params:oauth:grant-type:subject'

const OPERATOR = 'operator'

/** The administrator of an issuer, with a token that is renewed when it expires or its key is revoked. */
export interface Operator {
  credentials: Credentials
  token(): Promise<string>
  call(method: string, path: string, json?: unknown): Promise<Answer>
}

export interface AdministeredIssuer extends TestIssuer {
  operator: Operator
}

/** Writes a declarative file with the administrator, beside which a test may declare more. Returns its path. */
export function declareOperator(folder: string, more = ''): { file: string; credentials: Credentials } {
  const secret = `operator-${randomBytes(24).toString('hex')}`
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'operator.secret'), secret)
  const file = join(folder, 'signet.yaml')
  writeFileSync(
    file,
    `${more}\nclients:\n  - client_id: ${OPERATOR}\n    scope: signet:admin\n    client_secret: { file: operator.secret }\n`,
  )
  return { file, credentials: { clientId: OPERATOR, secret } }
}

/** Starts an issuer with an administrator. */
export async function startAdministered(
  env: Record<string, string> = {},
  { folder = temporaryFolder(), clock }: { folder?: string; clock?: TestClock } = {},
): Promise<AdministeredIssuer> {
  const { file, credentials } = declareOperator(folder)
  const issuer = await startTestIssuer({ ...env, SIGNET_CONFIG: file }, { folder, ...(clock && { clock }) })
  return { ...issuer, operator: operatorOf(issuer, credentials) }
}

/** Another process on the same database, under the same issuer URL, behind a port of its own. */
export function startReplica(issuer: TestIssuer, env: Record<string, string> = {}): Promise<TestIssuer> {
  return startTestIssuer({ ...issuer.env, ...env, SIGNET_PORT: '0' }, issuer)
}

/** Acts as the administrator of an issuer, at any of its addresses. */
export function operatorOf(
  at: { url: string; issuer?: string; clock?: { now(): number } },
  credentials: Credentials,
): Operator {
  // Administration is served below the path of the issuer only.
  const base = at.issuer === undefined ? '' : new URL(at.issuer).pathname.replace(/\/$/, '')
  let current: string | undefined
  const now = () => (at.clock?.now() ?? Date.now()) / 1000
  const renew = async () => {
    const answer = await post(at, '/token', { grant_type: 'client_credentials' }, credentials)
    if (answer.status !== 200) throw new Error(answer.text)
    return (current = String(answer.body.access_token))
  }
  const token = async () => (current !== undefined && claimsOf(current).exp > now() + 5 ? current : renew())
  const send = (method: string, path: string, json: unknown, using: string) =>
    request(at.url + base + path, { method, headers: bearer(using), ...(json !== undefined && { json }) })
  return {
    credentials,
    token,
    async call(method, path, json) {
      const answer = await send(method, path, json, await token())
      return answer.status === 401 ? send(method, path, json, await renew()) : answer
    },
  }
}

/** Registers a client; its generated secret comes with it. */
export async function createClient(operator: Operator, metadata: Record<string, unknown> = {}): Promise<Credentials> {
  const answer = await operator.call('POST', '/admin/api/clients', metadata)
  if (answer.status !== 201) throw new Error(answer.text)
  return { clientId: answer.body.client_id, secret: answer.body.client_secret ?? '' }
}

export async function createResource(
  operator: Operator,
  id: string,
  metadata: Record<string, unknown> = {},
): Promise<string> {
  const answer = await operator.call('POST', '/admin/api/resources', { id, ...metadata })
  if (answer.status !== 201) throw new Error(answer.text)
  return id
}

/** A client of an API, with refresh tokens and persons. */
export async function createBackend(operator: Operator, metadata: Record<string, unknown> = {}): Promise<Credentials> {
  return createClient(operator, {
    grant_types: ['client_credentials', 'refresh_token', SUBJECT_GRANT],
    scope: 'read write',
    ...metadata,
  })
}

/** A token response; anything but 200 fails the test. */
export async function tokens(
  at: { url: string },
  client: Credentials,
  form: Record<string, string> = {},
): Promise<Record<string, string>> {
  const answer = await post(at, '/token', { grant_type: 'client_credentials', ...form }, client)
  if (answer.status !== 200) throw new Error(answer.text)
  return answer.body
}

/** Tokens of a grant: with a refresh token, for a person where one is named. */
export const grantTokens = (
  at: { url: string },
  client: Credentials,
  subject?: string,
): Promise<Record<string, string>> =>
  tokens(at, client, {
    scope: 'read offline_access',
    ...(subject !== undefined && { grant_type: SUBJECT_GRANT, subject }),
  })

export const refresh = (at: { url: string }, client: Credentials, refreshToken: string): Promise<Answer> =>
  post(at, '/refresh', { refresh_token: refreshToken }, client)

export const introspect = (at: { url: string }, client: Credentials, token: string): Promise<Answer> =>
  post(at, '/introspect', { token }, client)

/** Whether a token is active for a client; the inactive response must be exactly the one of RFC 7662 §2.2. */
export async function isActive(at: { url: string }, client: Credentials, token: string): Promise<boolean> {
  const { status, body, text } = await introspect(at, client, token)
  if (status !== 200) throw new Error(text)
  if (body.active !== true && text !== '{"active":false}') throw new Error(text)
  return body.active
}

/** Waits until a condition holds, such as after periodic work. */
export async function until(what: () => Promise<boolean> | boolean, withinMs = 20_000): Promise<void> {
  const began = performance.now()
  while (!(await what())) {
    if (performance.now() - began > inTime(withinMs)) throw new Error(`not within ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
