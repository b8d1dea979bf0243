/**
 * A scene for races: one API, one client `shop` that may ask for whatever, and everybody who could accept its tokens.
 * The client `orders-api` looks on at introspection, so that no denial of `shop` blinds it.
 */
import { exportJWK, generateKeyPair, type CryptoKey } from 'jose'
import { expect } from 'vitest'
import { acceptorsOf, type Acceptors } from './acceptance.ts'
import {
  createBackend,
  createClient,
  createResource,
  grantTokens,
  operatorOf,
  refresh,
  startAdministered,
  startReplica,
  type AdministeredIssuer,
  type Operator,
} from './admin.ts'
import { claimsOf, post, request, type Answer, type Credentials } from './client.ts'
import { assertionOf } from './shared.ts'
import { holdWriteLock, untilBegun } from './write-lock.ts'

export const API = 'https://orders.example/v1'
export const MONTH = 30 * 86_400

export interface Scene {
  issuer: AdministeredIssuer
  shop: Credentials
  acceptors: Acceptors
}

export async function scene(metadata: Record<string, unknown> = {}): Promise<Scene> {
  const issuer = await startAdministered()
  await createResource(issuer.operator, API)
  const shop = await createBackend(issuer.operator, { client_id: 'shop', resources: [API], ...metadata })
  const api = await createClient(issuer.operator, { client_id: 'orders-api', resources: [API] })
  return { issuer, shop, acceptors: acceptorsOf(issuer, api) }
}

export const setTtl = ({ issuer }: Scene, seconds: number): Promise<Answer> =>
  issuer.operator.call('PATCH', '/admin/api/clients/shop', { access_token_ttl: seconds })

/** The access token of an answer, where it brought one. */
export const tokenIn = ({ status, body }: Answer): string | undefined =>
  status === 200 ? String(body.access_token) : undefined

export async function expectGood(answer: Promise<Answer>): Promise<Answer> {
  const { status, text } = await answer
  expect(status, text).toBeLessThan(300)
  return answer
}

export interface Held {
  sid: string
  /** Was used, and has the newest for its successor. */
  spent: string
  newest: string
}

export async function hold({ issuer, shop }: Scene): Promise<Held> {
  const first = await grantTokens(issuer, shop, 'ada')
  const second = await refresh(issuer, shop, first.refresh_token ?? '')
  const { sid } = claimsOf(first.access_token ?? '')
  return { sid, spent: first.refresh_token ?? '', newest: second.body.refresh_token }
}

/** A client that authenticates by a signed assertion, whose one-time id is a write. */
interface Signing {
  clientId: string
  key: CryptoKey
}

export async function signingMetadata(): Promise<{ key: CryptoKey; metadata: Record<string, unknown> }> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'own', alg: 'ES256', use: 'sig' }] }
  return { key: privateKey, metadata: { token_endpoint_auth_method: 'private_key_jwt', jwks } }
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

export const askSigned = async ({ issuer }: Scene, { clientId, key }: Signing, form: Record<string, string> = {}) =>
  post(issuer, '/token', {
    grant_type: 'client_credentials',
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: await assertionOf(clientId, issuer, key, { header: { kid: 'own' } }),
    ...form,
  })

/** Registers another client under the id of the one that was deleted. */
export const createAnew = ({ issuer: { operator } }: Scene): Promise<Credentials> =>
  createBackend(operator, { client_id: 'shop', resources: [API] })

interface Elsewhere {
  prepare?: (round: number) => Promise<unknown>
  ask: () => Promise<Answer>
  act: (operator: Operator) => Promise<Answer>
  undo: (operator: Operator) => Promise<unknown>
}

/**
 * Has an act written and answered by a second process while a request of the first one waits for the write lock.
 * Which of the two is written first is chance, so it is tried again until it was the act.
 */
export async function actElsewhere(it: Scene, { prepare, ask, act, undo }: Elsewhere): Promise<Answer> {
  const replica = await startReplica(it.issuer)
  const elsewhere = operatorOf({ ...replica, clock: it.issuer.clock }, it.issuer.operator.credentials)
  for (let round = 0; round < 12; round++) {
    await prepare?.(round)
    await elsewhere.token()
    const lock = await holdWriteLock(it.issuer)
    let isAnswered = false
    const asked = ask().finally(() => (isAnswered = true))
    await untilBegun(it.issuer)
    const acting = act(elsewhere)
    await request(`${replica.url}/livez`)
    lock.release()
    await expectGood(acting)
    const again = await holdWriteLock(it.issuer)
    await untilBegun(it.issuer)
    const wasWaiting = !isAnswered
    again.release()
    const answer = await asked
    if (wasWaiting) return answer
    await undo(it.issuer.operator)
  }
  throw new Error('the request was always written before the act')
}
