/** A JWT gateway for people: they sign in at Signet, and `jsonwebtoken` with `jwks-rsa` checks their RS256 tokens. */
import type { RequestListener } from 'node:http'
import { CodeFlow } from '../code-flow.ts'
import { IssuerClient } from '../issuer-calls.ts'
import { randomSecret, startLocalSignet } from '../local-signet.ts'
import { addPeople } from '../people.ts'
import { announce, endAtSignal, listen } from '../program.ts'
import { AUDIENCE, createGateway, createVerifier } from './gateway.ts'

const GATEWAY = { id: 'seal-gateway', secretIn: 'SEAL_GATEWAY_SECRET' }
const OPERATOR = { id: 'seal-operator', secretIn: 'SEAL_OPERATOR_SECRET' }

const signet = await startLocalSignet(new URL('signet.yaml', import.meta.url), [GATEWAY, OPERATOR])
const { issuer } = signet
const password = randomSecret()
await addPeople(new IssuerClient(issuer, OPERATOR), {
  groups: [
    { name: 'notaries', roles: ['sealer', 'reader'] },
    { name: 'clerks', roles: ['reader'] },
  ],
  users: [
    { username: 'ada', name: 'Ada Lovelace', email: 'ada@seal.example', groups: ['notaries'] },
    { username: 'bob', name: 'Bob', email: 'bob@seal.example', groups: ['clerks'] },
  ],
  password,
})

// The redirect URI has the gateway's port, which is known only when it listens.
let serving: RequestListener = (_request, response) => void response.writeHead(503).end()
const gateway = await listen((request, response) => serving(request, response))
const url = `http://127.0.0.1:${gateway.port}`
serving = createGateway({
  flow: await CodeFlow.discover(issuer, GATEWAY, `${url}/callback`, {
    scope: 'openid seal offline_access',
    resource: AUDIENCE,
  }),
  verifier: createVerifier(issuer),
  signet: new IssuerClient(issuer, GATEWAY),
})
endAtSignal(gateway.stop, signet.stop)

announce(
  { signet: issuer, gateway: url, password },
  `
Open ${url}/sign-in and sign in as ada (may seal) or bob (may look) with the password. Use the access_token of the answer:
  curl -H 'Authorization: Bearer TOKEN' ${url}/check
  curl -X POST -H 'Authorization: Bearer TOKEN' ${url}/seal
Renew it by JSON:
  curl -H 'Content-Type: application/json' -d '{"refresh_token":"sgr_..."}' ${url}/refresh`,
)
