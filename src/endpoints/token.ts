/** POST /token and POST /refresh (RFC 6749 §3.2). */
import { AUTHORIZATION_CODE, SUBJECT_GRANT } from '../clients/client.ts'
import { parseScope } from '../grants/scope.ts'
import { invalidRequest, unsupportedGrantType } from '../ground/errors.ts'
import { SERVED_GRANT_TYPES, type GrantNeeds } from '../grant-types/index.ts'
import type { TokenParameters, TokenSet } from '../grant-types/grant-type.ts'
import type { Clock } from '../ground/clock.ts'
import { answerOf, header, integer, oneOf, optional, shapeOf, text } from '../ground/shape.ts'
import type { Traffic } from '../ground/traffic.ts'
import { AS_CLIENT, AS_CLIENT_OF_ANY_ORIGIN } from '../http/access.ts'
import { tokenJson, type Reply } from '../http/reply.ts'
import { endpointUrl } from '../http/endpoint-url.ts'
import type { Parameters as FormParameters } from '../http/form.ts'
import { REFRESH_PARAMETERS, TOKEN_PARAMETERS } from '../http/parameters.ts'
import { route, type ClientCall } from '../http/route.ts'
import type { Store } from '../store/store.ts'
import { checkProof } from '../tokens/check-proof.ts'
import type { DpopProof } from '../tokens/dpop-proof.ts'

/** The needs of the grant types, beside the door's own. */
type Needs = GrantNeeds & {
  issuer: string
  clock: Clock
  store: Store
  traffic: Traffic
}

const DPOP = { DPoP: { says: 'Proof of a key, to which the access token is then bound (RFC 9449 §5).' } }

const REFUSES = [
  'invalid_request',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'invalid_dpop_proof',
] as const

const REFRESH_EXAMPLE = { refresh_token: 'sgr_…' }

export const token = (needs: Needs) =>
  route(
    {
      post: '/token',
      access: AS_CLIENT_OF_ANY_ORIGIN,
      form: TOKEN_PARAMETERS,
      id: 'issueToken',
      tag: 'Tokens',
      says: 'Issue an access token (RFC 6749 §3.2)',
      headers: DPOP,
      required: ['grant_type'],
      examples: {
        // The page of the description fills in the first.
        client_credentials: {
          summary: 'A service in its own name',
          value: { grant_type: 'client_credentials', scope: 'orders:read offline_access' },
        },
        authorization_code: {
          summary: 'For a person who has signed in here',
          value: {
            grant_type: AUTHORIZATION_CODE,
            code: '…',
            redirect_uri: 'https://app.example.com/callback',
            code_verifier: '…',
          },
        },
        refresh_token: { summary: 'Refresh', value: { grant_type: 'refresh_token', ...REFRESH_EXAMPLE } },
        subject: {
          summary: 'For a person whom the backend signed in itself',
          value: { grant_type: SUBJECT_GRANT, subject: 'ada', subject_claims: '{"email":"ada@example.com"}' },
        },
      },
      answers: { 200: issued() },
      refuses: REFUSES,
    },
    (call) => answerGrant(call, call.form.get('grant_type'), '/token', needs),
  )

/** The same as `/token` with `grant_type=refresh_token`; takes a form or JSON. */
export const refresh = (needs: Needs) =>
  route(
    {
      post: '/refresh',
      access: AS_CLIENT,
      form: REFRESH_PARAMETERS,
      isFormOrJson: true,
      id: 'refreshToken',
      tag: 'Tokens',
      says: 'Refresh (RFC 6749 §6)',
      tells: 'The same as `/token` with `grant_type=refresh_token`; takes a form or JSON with the same members.',
      headers: DPOP,
      required: ['refresh_token'],
      examples: { refresh: { summary: 'Refresh', value: REFRESH_EXAMPLE } },
      answers: { 200: issued() },
      refuses: REFUSES,
    },
    (call) => {
      const grantType = call.form.get('grant_type') ?? 'refresh_token'
      if (grantType !== 'refresh_token')
        throw unsupportedGrantType('/refresh serves grant_type refresh_token alone; use /token')
      return answerGrant(call, grantType, '/refresh', needs)
    },
  )

async function answerGrant(
  { form, caller, facts, header: sent }: ClientCall<keyof typeof TOKEN_PARAMETERS, never, never>,
  grantType: string | undefined,
  path: string,
  needs: Needs,
): Promise<Reply> {
  if (grantType === undefined) throw invalidRequest('grant_type is missing')
  const served = SERVED_GRANT_TYPES.get(grantType)
  if (!served)
    throw unsupportedGrantType(`this issuer serves the grant types ${[...SERVED_GRANT_TYPES.keys()].join(', ')}`)
  facts.grant_type = grantType
  const proof = await readProof(sent('dpop'), path, needs)
  const request = { caller, parameters: tokenParameters(form), requestId: facts.request_id, proof }
  const tokens = await served.run(request, needs)
  needs.traffic.tokensIssued.add(grantType, tokens.alg)
  return tokenJson(tokenResponse(tokens))
}

/** The key behind the `DPoP` header, where there is one (RFC 9449 §5). */
async function readProof(
  proof: string | undefined,
  path: string,
  { issuer, clock, store }: Needs,
): Promise<DpopProof | undefined> {
  if (proof === undefined) return undefined
  // Behind a proxy the path may be another one; the client saw the issuer's URL.
  return checkProof(proof, { method: 'POST', url: endpointUrl(issuer, path), clock, store })
}

function tokenParameters(parameters: FormParameters<keyof typeof TOKEN_PARAMETERS>): TokenParameters {
  const scope = parameters.get('scope')
  // RFC 6749 §4.1.3 knows no scope beside a code. Apps that send one mean the scope that the person granted.
  const isWithCode = parameters.get('grant_type') === AUTHORIZATION_CODE
  return {
    scope: scope === undefined || isWithCode ? undefined : parseScope(scope),
    resources: [...parameters.all('resource'), ...parameters.all('audience')],
    refreshToken: parameters.get('refresh_token'),
    subject: parameters.get('subject'),
    subjectClaims: parameters.get('subject_claims'),
    code: parameters.get('code'),
    redirectUri: parameters.get('redirect_uri'),
    codeVerifier: parameters.get('code_verifier'),
  }
}

/** RFC 6749 §5.1. An answer without `scope` means the scope of the request, so a person's grant without any says so. */
export const tokenResponse = ({
  accessToken,
  isBound,
  expiresInSeconds,
  scope,
  isOfPerson,
  refreshToken,
  idToken,
}: TokenSet) => ({
  access_token: accessToken,
  token_type: isBound ? 'DPoP' : 'Bearer',
  expires_in: expiresInSeconds,
  ...(refreshToken !== undefined && { refresh_token: refreshToken }),
  ...(idToken !== undefined && { id_token: idToken }),
  ...((isOfPerson || scope.length > 0) && { scope: scope.join(' ') }),
})

/** The description of an answer with tokens. */
export function issued() {
  const shape = shapeOf<ReturnType<typeof tokenResponse>>(
    'TokenResponse',
    {
      access_token: text('A JWT as in RFC 9068.'),
      token_type: oneOf(['Bearer', 'DPoP'], '`DPoP` where it is bound to a key (RFC 9449).'),
      expires_in: { ...integer('Seconds.'), minimum: 1 },
      refresh_token: optional(text('Opaque; keep only the newest one.')),
      id_token: optional(text('A JWT that tells the client who signed in (OIDC Core §2), where `openid` was granted.')),
      scope: optional(text('What was granted; empty where nothing of the request of a person was.')),
    },
    {
      access_token: 'eyJhbGciOiJFUzI1NiIsImtpZCI6…',
      token_type: 'Bearer',
      expires_in: 900,
      refresh_token: 'sgr_…',
      scope: 'orders:read offline_access',
    },
  )
  return answerOf('Issued.', shape, { Pragma: header('`no-cache`.') })
}
