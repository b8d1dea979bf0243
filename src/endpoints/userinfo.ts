/** GET and POST /userinfo (OIDC Core §5.3): the claims of the person behind an access token, as of now. */
import { insufficientScope, invalidToken } from '../ground/errors.ts'
import { anything, flag, integer, optional, text, texts, object, type AnswerShape } from '../ground/shape.ts'
import { AS_HOLDER } from '../http/access.ts'
import { challenge, type Scheme } from '../http/challenge.ts'
import { USERINFO_PARAMETERS } from '../http/parameters.ts'
import { json, type Reply } from '../http/reply.ts'
import { route, type HolderCall, type Route } from '../http/route.ts'
import { OPENID } from '../clients/client.ts'
import type { ClientDirectory } from '../clients/directory.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { GrantPerson } from '../store/records/code.ts'
import type { Store } from '../store/store.ts'
import type { AccessTokenClaims } from '../tokens/access-token.ts'
import type { IdTokens } from '../tokens/id-token.ts'
import { claimsOfPerson } from '../users/claims.ts'

interface Needs {
  store: Store
  clients: ClientDirectory
  idTokens: IdTokens
}

const PATH = '/userinfo'
export function userinfo(needs: Needs): Route[] {
  const shared = {
    access: AS_HOLDER,
    tag: 'Tokens',
    tells:
      'Takes any live access token of a grant with scope `openid`, whatever its `aud`. A JWT where the client is registered with `userinfo_signed_response_alg`.',
    answers: { 200: USERINFO },
    headers: { DPoP: { says: 'Proof of the key that the token is bound to (RFC 9449 §7).' } },
  } as const
  const handler = (call: HolderCall) => answer(call, needs)
  return [
    route({ get: PATH, id: 'readUserinfo', says: 'Claims of the person (OpenID Connect §5.3)', ...shared }, handler),
    route(
      {
        post: PATH,
        form: USERINFO_PARAMETERS,
        refuses: ['invalid_request'],
        id: 'postUserinfo',
        says: 'The same by POST; the token may stand in the form',
        examples: { token: { summary: 'A token', value: { access_token: 'eyJhbGciOiJFUzI1NiIsImtpZCI6…' } } },
        ...shared,
      },
      handler,
    ),
  ]
}

/**
 * The token decides, as at `/introspect`: a grant that has ended brings no more tokens, and its access tokens are denied
 * one by one where they end with it.
 */
async function answer({ token, judge }: HolderCall, { store, clients, idTokens }: Needs): Promise<Reply> {
  const found = token.sid === undefined ? undefined : await store.findGrantPerson(token.sid)
  judge()
  if (!found?.grant.scope.includes(OPENID)) {
    throw insufficientScope('this token is of no grant with scope openid', {
      headers: challenge(schemeOf(token), 'insufficient_scope', OPENID),
    })
  }
  const tell = () => {
    judge()
    const client = clients.find(token.client_id)
    if (!client || found.person.user.disabledAt !== null) throw gone(token)
    return { client, claims: claimsFor(token, found, client) }
  }
  const { client, claims } = tell()
  const alg = client.userinfoSignedResponseAlg
  if (alg === null) return json(claims)
  // A key may have to be made ready first: the token is judged again when the signature begins.
  const signed = await idTokens.signUserinfo(alg, client.clientId, () => tell().claims)
  return { status: 200, headers: ['Content-Type', 'application/jwt', 'Cache-Control', 'no-store'], body: signed }
}

/** A token that was narrowed to no `openid` tells of the person nothing but `sub`. */
function claimsFor(
  token: AccessTokenClaims,
  { grant, person }: GrantPerson,
  client: ClientRecord,
): Record<string, unknown> {
  const scope = (token.scope ?? '').split(' ')
  const asked = { scope, requested: grant.signIn?.claims.userinfo ?? [] }
  const claims = scope.includes(OPENID) ? claimsOfPerson(person, client, asked) : {}
  return { ...claims, sub: grant.sub }
}

const schemeOf = ({ cnf }: AccessTokenClaims): Scheme => (cnf ? 'DPoP' : 'Bearer')

const gone = (token: AccessTokenClaims) =>
  invalidToken('the access token was refused: what it was issued for is over', {
    headers: challenge(schemeOf(token), 'invalid_token'),
  })

const USERINFO: AnswerShape = {
  says: 'The claims that scope, request and claim map of the client give.',
  content: {
    'application/json': {
      schema: object({
        sub: text('The id of the person, as in the ID token.'),
        name: optional(text()),
        given_name: optional(text()),
        family_name: optional(text()),
        nickname: optional(text()),
        preferred_username: optional(text()),
        picture: optional(text()),
        locale: optional(text()),
        zoneinfo: optional(text()),
        updated_at: optional(integer('Seconds.')),
        middle_name: optional(text()),
        profile: optional(text('The URL of a page about the person.')),
        website: optional(text()),
        gender: optional(text()),
        birthdate: optional(text()),
        email: optional(text()),
        email_verified: optional(flag()),
        phone_number: optional(text()),
        phone_number_verified: optional(flag()),
        address: optional(anything()),
        groups: optional(texts()),
        roles: optional(texts()),
        permissions: optional(texts()),
      }),
      example: {
        sub: '019a6e3c-7d1f-7c3a-9b52-0c1f6f1f2a77',
        preferred_username: 'ada',
        email: 'ada@example.com',
        email_verified: true,
        groups: ['staff'],
      },
    },
    'application/jwt': { schema: text('The same with `iss` and `aud`, signed.') },
  },
}
