/**
 * An issuer with an administrator for all tests of a file. Each test registers its own clients and resources: that costs
 * a request, and the start of an issuer costs a quarter of a second.
 */
import { appendFileSync } from 'node:fs'
import { SignJWT, type CryptoKey, type KeyObject } from 'jose'
import { beforeAll } from 'vitest'
import { createClient, createResource, declareOperator, operatorOf, type AdministeredIssuer } from './admin.ts'
import { post, type Answer, type Credentials } from './client.ts'
import { startTestIssuer, temporaryFolder, type OnEnd, type TestClock } from './issuer.ts'

/** The resource of every client of `registered`; it has all scopes of its clients. */
export const API = 'api'

/** Starts an issuer with an administrator and the resource `api`. @param declared YAML, more clients of the file */
export async function startWithApi(
  env: Record<string, string> = {},
  {
    onEnd,
    folder = temporaryFolder(onEnd),
    declared = '',
    clock,
  }: { onEnd?: OnEnd; folder?: string; declared?: string; clock?: TestClock } = {},
): Promise<AdministeredIssuer> {
  const { file, credentials } = declareOperator(folder, `resources:\n  - id: ${API}`)
  appendFileSync(file, declared)
  const issuer = await startTestIssuer(
    { SIGNET_CONFIG: file, ...env },
    { folder, ...(onEnd && { onEnd }), ...(clock && { clock }) },
  )
  return { ...issuer, operator: operatorOf(issuer, credentials) }
}

/** Starts an issuer before the tests of this file and stops it after them. */
export function shareWithApi(env: Record<string, string> = {}): () => AdministeredIssuer {
  let shared: AdministeredIssuer | undefined
  beforeAll(async () => {
    const ends: (() => Promise<void> | void)[] = []
    shared = await startWithApi(env, { onEnd: (work) => ends.unshift(work) })
    return async () => {
      for (const end of ends) await end()
    }
  })
  return () => {
    if (!shared) throw new Error('the shared issuer is there once the tests of the file run')
    return shared
  }
}

/** Names of claims that nobody can have as a claim of their own. */
export const PROTOCOL_CLAIMS =
  'iss sub aud exp nbf iat jti client_id scope scp sid cnf act azp acr amr auth_time nonce'.split(' ')

let named = 0
/** A name that no other test of this file uses. */
export const fresh = (name: string): string => `${name}-${++named}`

/** A client with a generated secret: scope `a b` at `api`, may ask for refresh tokens, unless told otherwise. */
export const registered = (
  { operator }: AdministeredIssuer,
  metadata: Record<string, unknown> = {},
): Promise<Credentials> =>
  createClient(operator, {
    client_id: fresh('client'),
    grant_types: ['client_credentials', 'refresh_token'],
    scope: 'a b',
    resources: [API],
    ...metadata,
  })

/** A resource under a name of its own. */
export const resource = ({ operator }: AdministeredIssuer, metadata: Record<string, unknown> = {}): Promise<string> =>
  createResource(operator, fresh('https://api.example.com/'), metadata)

/** Changes a client's metadata. */
export async function change(
  { operator }: AdministeredIssuer,
  { clientId }: Credentials,
  metadata: Record<string, unknown>,
): Promise<void> {
  const answer = await operator.call('PATCH', `/admin/api/clients/${clientId}`, metadata)
  if (answer.status !== 200) throw new Error(answer.text)
}

/** The actions of the audit trail on one target, newest first. */
export async function auditOf({ operator }: AdministeredIssuer, target: string): Promise<string[]> {
  const answer = await operator.call('GET', `/admin/api/audit?target=${encodeURIComponent(target)}`)
  const events = answer.body as unknown as { action: string }[] // the answer is a list
  return events.map(({ action }) => action)
}

/** Asks for a token by client credentials. */
export const ask = (issuer: { url: string }, client: Credentials, form: Record<string, string> = {}): Promise<Answer> =>
  post(issuer, '/token', { grant_type: 'client_credentials', ...form }, client)

/** The status and the registered code of a refusal. */
export const refusal = ({ status, body }: Answer): string => `${status} ${body.error}`

/** A valid client assertion, with changes by `claims` and `header`; `undefined` leaves a claim out. */
export function assertionOf(
  clientId: string,
  issuer: { issuer: string; clock: TestClock },
  key: CryptoKey | KeyObject | Uint8Array,
  { claims = {}, header = {} }: { claims?: Record<string, unknown>; header?: Record<string, unknown> } = {},
): Promise<string> {
  const now = Math.floor(issuer.clock.now() / 1000)
  const standard = {
    iss: clientId,
    sub: clientId,
    aud: issuer.issuer,
    iat: now,
    exp: now + 60,
    jti: crypto.randomUUID(),
  }
  return new SignJWT({ ...standard, ...claims }).setProtectedHeader({ alg: 'ES256', ...header }).sign(key)
}
