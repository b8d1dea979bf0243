/** Trials that the verifiers of every language pass: an API that one guards, and many of them that follow an issuer. */
import { expect } from 'vitest'
import {
  createBackend,
  createResource,
  grantTokens,
  refresh,
  startAdministered,
  tokens,
  until,
  type AdministeredIssuer,
} from '../support/admin.ts'
import { bearer, claimsOf, headerOf, post, request, type Credentials } from '../support/client.ts'
import { inTime } from '../support/in-time.ts'

export const API = 'https://orders.example/v1'

export interface Scene {
  issuer: AdministeredIssuer
  shop: Credentials
}

export async function scene(): Promise<Scene> {
  const issuer = await startAdministered({ SIGNET_REFRESH_GRACE: '1s' })
  await createResource(issuer.operator, API)
  const shop = await createBackend(issuer.operator, {
    client_id: 'shop',
    resources: [API],
    scope: 'read orders:read orders:write',
  })
  return { issuer, shop }
}

/** The API of a quickstart answers at /orders, and refuses what is revoked within a second, by token and by key. */
export async function expectGuarded({ issuer, shop }: Scene, url: string): Promise<void> {
  const ask = (token?: string) => request(`${url}/orders`, token === undefined ? {} : { headers: bearer(token) })
  const { access_token: first = '' } = await tokens(issuer, shop, { scope: 'orders:read' })
  const { access_token: second = '' } = await tokens(issuer, shop, { scope: 'orders:read' })
  const { access_token: lesser = '' } = await tokens(issuer, shop, { scope: 'orders:write' })
  expect(await ask()).toMatchObject({ status: 401, body: { error: 'missing_token' } })
  expect(await ask(first)).toMatchObject({ status: 200, body: { for: 'shop' } })
  expect(await ask(lesser)).toMatchObject({ status: 403, body: { error: 'insufficient_scope' } })
  expect(await ask('ey.ey.ey')).toMatchObject({ status: 401, body: { error: 'malformed_token' } })
  const isRevoked = (token: string) => async () => (await ask(token)).body.error === 'token_revoked'
  await issuer.operator.call('POST', '/blacklist', { token: first })
  await until(isRevoked(first), 1000)
  expect((await ask(second)).status).toBe(200)
  await issuer.operator.call('POST', `/admin/api/keys/${headerOf(second).kid}/revoke`)
  await until(isRevoked(second), 1000)
  const { access_token: fresh } = await tokens(issuer, shop, { scope: 'orders:read' })
  expect(await ask(fresh)).toMatchObject({ status: 200, body: { for: 'shop' } })
  const { body: keys } = await issuer.operator.call('GET', '/admin/api/keys')
  expect(JSON.stringify(keys)).toContain('"name":"orders-api"')
}

type Revoke = (scene: Scene, access: string, family: string) => Promise<unknown>

const revocations: Revoke[] = [
  ({ issuer }, token) => issuer.operator.call('POST', '/blacklist', { token }),
  ({ issuer }, access) => issuer.operator.call('POST', '/blacklist', { sid: claimsOf(access).sid }),
  ({ issuer, shop }, token) => post(issuer, '/revoke', { token }, shop),
  async ({ issuer, shop }, _access, family) => {
    const second = String((await refresh(issuer, shop, family)).body.refresh_token)
    await refresh(issuer, shop, second)
    return refresh(issuer, shop, family)
  },
  ({ issuer }, access) => issuer.operator.call('POST', `/admin/api/keys/${headerOf(access).kid}/revoke`),
  ({ issuer }) => issuer.operator.call('POST', '/admin/api/clients/shop/disable'),
]

/** The verdicts of the verifiers of one program on a token. `delay`: milliseconds after `since`. */
export type AskFollowers = (question: {
  token: string
  since?: number
}) => Promise<{ verdict: string; delay: number }[]>

/** All fifty refuse a token within a second (p99), whatever revoked it. @param language for the line that is printed */
export async function expectRefusedByAll(it: Scene, ask: AskFollowers, language: string): Promise<void> {
  const delays: number[] = []
  for (const revoke of revocations) {
    const { access_token: token = '', refresh_token: family = '' } = await grantTokens(it.issuer, it.shop, 'ada')
    expect((await ask({ token })).map(({ verdict }) => verdict)).toEqual(Array(50).fill('good'))
    await revoke(it, token, family)
    const answers = await ask({ token, since: Date.now() })
    expect(answers.map(({ verdict }) => verdict)).toEqual(Array(50).fill('token_revoked'))
    delays.push(...answers.map(({ delay }) => delay))
  }
  const p99 = delays.toSorted((a, b) => a - b)[Math.floor(delays.length * 0.99)] ?? Infinity
  console.log(`refused in ${language} after: p99 ${p99.toFixed(0)} ms of ${delays.length}`)
  expect(p99).toBeLessThan(inTime(1000))
}
