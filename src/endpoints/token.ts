/** POST /token and POST /refresh (RFC 6749 §3.2). */
import { parseScope } from '../grants/scope.ts'
import { invalidRequest, unsupportedGrantType } from '../ground/errors.ts'
import { GRANT_TYPES } from '../grant-types/index.ts'
import type { TokenParameters, TokenSet } from '../grant-types/grant-type.ts'
import { endpointUrl } from '../http/endpoint-url.ts'
import { authenticateClient } from '../http/client-auth.ts'
import { readForm, readFormOrJson, type Parameters } from '../http/form.ts'
import { REFRESH_PARAMETERS, TOKEN_PARAMETERS } from '../http/parameters.ts'
import type { Env, Handler, Rooms } from '../http/rooms.ts'
import { sendJson } from '../http/send.ts'
import { checkProof, type Proof } from '../tokens/dpop-proof.ts'
import type { Context } from 'hono'

export const token =
  (rooms: Rooms): Handler =>
  async (c) => {
    const parameters = await readForm(c, TOKEN_PARAMETERS)
    return answerGrant(c, parameters, parameters.get('grant_type'), rooms)
  }

/** The same as `/token` with `grant_type=refresh_token`; takes a form or JSON. */
export const refresh =
  (rooms: Rooms): Handler =>
  async (c) => {
    const parameters = await readFormOrJson(c, REFRESH_PARAMETERS)
    const grantType = parameters.get('grant_type') ?? 'refresh_token'
    if (grantType !== 'refresh_token')
      throw unsupportedGrantType('/refresh serves grant_type refresh_token alone; use /token')
    return answerGrant(c, parameters, grantType, rooms)
  }

async function answerGrant(
  c: Context<Env>,
  parameters: Parameters<keyof typeof TOKEN_PARAMETERS>,
  grantType: string | undefined,
  rooms: Rooms,
): Promise<Response> {
  const caller = await authenticateClient(c, parameters, rooms)
  if (grantType === undefined) throw invalidRequest('grant_type is missing')
  const served = GRANT_TYPES.get(grantType)
  if (!served) throw unsupportedGrantType(`this issuer serves the grant types ${[...GRANT_TYPES.keys()].join(', ')}`)
  const facts = c.env.facts
  facts.grant_type = grantType
  const proof = await readProof(c, rooms)
  const request = { caller, parameters: tokenParameters(parameters), requestId: facts.request_id, proof }
  const tokens = await served.run(request, rooms)
  rooms.traffic.tokensIssued.add(grantType, tokens.alg)
  return sendJson(c, tokenResponse(tokens))
}

/** The key behind the `DPoP` header, where there is one (RFC 9449 §5). */
async function readProof(c: Context<Env>, { issuer, clock, store }: Rooms): Promise<Proof | undefined> {
  const proof = c.req.header('dpop')
  if (proof === undefined) return undefined
  // Behind a proxy the path may be another one; what the client saw is the issuer's URL.
  return checkProof(proof, { method: 'POST', url: endpointUrl(issuer, c.req.path), clock, store })
}

function tokenParameters(parameters: Parameters<keyof typeof TOKEN_PARAMETERS>): TokenParameters {
  const scope = parameters.get('scope')
  return {
    scope: scope === undefined ? undefined : parseScope(scope),
    resources: [...parameters.all('resource'), ...parameters.all('audience')],
    refreshToken: parameters.get('refresh_token'),
    subject: parameters.get('subject'),
    subjectClaims: parameters.get('subject_claims'),
  }
}

/** RFC 6749 §5.1. */
const tokenResponse = ({ accessToken, isBound, expiresInSeconds, scope, refreshToken }: TokenSet) => ({
  access_token: accessToken,
  token_type: isBound ? 'DPoP' : 'Bearer',
  expires_in: expiresInSeconds,
  ...(refreshToken !== undefined && { refresh_token: refreshToken }),
  ...(scope.length > 0 && { scope: scope.join(' ') }),
})
