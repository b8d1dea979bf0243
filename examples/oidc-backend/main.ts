/** An API behind an OIDC issuer: Express guards for scopes, roles, permissions and the platform's owner. */
import { createTokenVerifier } from 'signet-verify'
import { createAuthMiddleware } from 'signet-verify/express'
import { IssuerClient } from '../issuer-calls.ts'
import { randomSecret, startLocalSignet } from '../local-signet.ts'
import { announce, endAtSignal, listen } from '../program.ts'
import { AUDIENCE, createApi } from './api.ts'
import { createWebsite } from './website.ts'

const SHOP = { id: 'shop', secretIn: 'SHOP_SECRET' }
const OPERATOR = { id: 'shop-operator', secretIn: 'SHOP_OPERATOR_SECRET' }

const signet = await startLocalSignet(new URL('signet.yaml', import.meta.url), [SHOP, OPERATOR])
const { issuer } = signet

// Keys are found by discovery. The verifier gets the audience at each call; the guards have theirs.
const verifier = createTokenVerifier({ issuer, revocations: true, name: 'shop-api' })
const auth = createAuthMiddleware({ issuer, audience: AUDIENCE, revocations: true, name: 'shop-api' })
const api = await listen(createApi(verifier, auth))

const password = randomSecret()
const site = await listen(
  createWebsite({ password, shop: new IssuerClient(issuer, SHOP), operator: new IssuerClient(issuer, OPERATOR) }),
)
endAtSignal(
  api.stop,
  site.stop,
  () => auth.close(),
  () => verifier.close(),
  signet.stop,
)

const [url, siteUrl] = [`http://localhost:${api.port}`, `http://localhost:${site.port}`]
const post = (body: object) => `curl -H 'Content-Type: application/json' -d '${JSON.stringify(body)}'`
announce(
  { signet: issuer, api: url, website: siteUrl, password },
  `
Sign in as ada (platform owner), bob (may refund), eve (nothing known) or mal (claims of wrong types):
  ${post({ person: 'bob', password })} ${siteUrl}/sign-in
Use the access_token:
  curl -H 'Authorization: Bearer TOKEN' ${url}/auth/me
  curl -H 'Authorization: Bearer TOKEN' -X POST ${url}/refunds
  curl -i -H 'Authorization: Bearer TOKEN' ${url}/platform
End every token of a person:
  ${post({ person: 'bob', password })} ${siteUrl}/sign-out-everywhere`,
)
