/** A JWT gateway: it seals tokens through Signet, and checks them with two verifiers side by side. */
import { authFromEnv, createAuthMiddleware } from 'signet-verify/express'
import { IssuerClient } from '../issuer-calls.ts'
import { randomSecret, startLocalSignet } from '../local-signet.ts'
import { announce, endAtSignal, listen } from '../program.ts'
import { createGateway } from './gateway.ts'
import { createSecondVerifier } from './second-verifier.ts'

const GATEWAY = { id: 'gateway', secretIn: 'GATEWAY_SECRET' }
const OPERATOR = { id: 'gateway-operator', secretIn: 'GATEWAY_OPERATOR_SECRET' }

const signet = await startLocalSignet(new URL('signet.yaml', import.meta.url), [GATEWAY, OPERATOR])
const { issuer } = signet
const operatorKey = randomSecret()

const AUDIENCE: [string, ...string[]] = ['letters', 'invoices', 'stamps', 'drafts'] // not: archive
const CLOCK_TOLERANCE_SECONDS = 2
const seals = createAuthMiddleware({
  issuer,
  audience: AUDIENCE,
  clockTolerance: CLOCK_TOLERANCE_SECONDS,
  revocations: true,
  name: 'digital-seal',
})
// A single fixed key is enough for a few operators; it is compared in constant time.
const operators = authFromEnv({ env: { AUTH_ENABLED: 'true', AUTH_MODE: 'static', AUTH_TOKENS: operatorKey } })

const gateway = await listen(
  createGateway({
    operators,
    seals,
    second: createSecondVerifier({
      issuer,
      audience: AUDIENCE,
      clockToleranceSeconds: CLOCK_TOLERANCE_SECONDS,
    }),
    sealer: new IssuerClient(issuer, GATEWAY),
    administrator: new IssuerClient(issuer, OPERATOR),
  }),
)
endAtSignal(gateway.stop, () => seals.close(), signet.stop)

const url = `http://localhost:${gateway.port}`
const operate = `-H 'Authorization: Bearer ${operatorKey}' -H 'Content-Type: application/json'`
announce(
  { signet: issuer, gateway: url, 'operator key': operatorKey },
  `
Seal a letter (ES256) or an invoice (RS256):
  curl ${operate} -d '{"subject":"ada","resource":"letters"}' ${url}/seal
Check the access_token, here and with jsonwebtoken and jwks-rsa:
  curl -H 'Authorization: Bearer TOKEN' ${url}/check
  curl -H 'Authorization: Bearer TOKEN' ${url}/check/second
Renew it; rotate the keys while it runs; end it before its time:
  curl -H 'Content-Type: application/json' -d '{"refresh_token":"sgr_..."}' ${url}/refresh
  curl ${operate} -X POST ${url}/keys/rotate
  curl ${operate} -d '{"token":"TOKEN"}' ${url}/blacklist`,
)
