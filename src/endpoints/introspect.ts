/** POST /introspect (RFC 7662): answers the client that a token was issued to, and the resource that it is for. */
import { isPublicClient } from '../clients/client.ts'
import { toSeconds } from '../ground/clock.ts'
import { Unavailable, invalidClient } from '../ground/errors.ts'
import { couldMissDenial } from '../ground/silence.ts'
import { answerOf, flag, integer, object, oneOf, optional, text, type Shape } from '../ground/shape.ts'
import { AS_CLIENT } from '../http/access.ts'
import { tokenJson } from '../http/reply.ts'
import { TOKEN_QUESTION, TOKEN_QUESTION_PARAMETERS } from '../http/parameters.ts'
import { route } from '../http/route.ts'
import type { ClientRecord } from '../store/records/client.ts'
import type { Store } from '../store/store.ts'
import type { GrantRecord } from '../store/records/grant.ts'
import type { AccessTokenClaims } from '../tokens/access-token.ts'
import type { TokenState } from '../tokens/token-state.ts'

const INACTIVE = { active: false } as const

interface Needs {
  issuer: string
  tokenState: TokenState
  store: Pick<Store, 'silenceMs' | 'findPerson'>
}

/** @throws Unavailable where memory is too old to say that a token is good */
function requireNews(store: Pick<Store, 'silenceMs'>): void {
  if (couldMissDenial(store.silenceMs()))
    throw new Unavailable('the database is silent: a denial by another replica could be missed')
}

export const introspect = ({ tokenState, issuer, store }: Needs) =>
  route(
    {
      post: '/introspect',
      access: AS_CLIENT,
      form: TOKEN_QUESTION_PARAMETERS,
      id: 'introspectToken',
      tag: 'Tokens',
      says: 'Ask for the state of a token (RFC 7662)',
      tells:
        'For the client that the token was issued to, and for those that have its resource; to any other it is inactive.',
      ...TOKEN_QUESTION,
      answers: { 200: answerOf('Its state.', INTROSPECTION) },
      refuses: ['invalid_request'],
    },
    async ({ form, caller: { client }, facts }) => {
      if (isPublicClient(client))
        throw invalidClient('introspection needs a client that authenticates; this one is public')
      const token = form.require('token')
      if (tokenState.isRefreshToken(token)) {
        const state = await tokenState.checkRefreshToken(token)
        if (state.active && state.grant.clientId === client.clientId)
          return tokenJson({ ...describeGrant(state.grant, issuer), ...(await behindGrant(state.grant, store)) })
        facts.reason = state.active ? 'refresh token of another client' : state.reason
        return tokenJson(INACTIVE)
      }
      requireNews(store)
      const state = tokenState.checkAccessToken(token)
      if (state.active && isFor(client, state.claims))
        return tokenJson({ ...describe(state.claims), ...(await behindToken(state.claims, store)) })
      facts.reason = state.active ? 'neither issued to this client nor meant for one of its resources' : state.reason
      return tokenJson(INACTIVE)
    },
  )

/** Servers such as Dovecot do not check `aud`, so tokens of other audiences have to look inactive to them. */
const isFor = (client: ClientRecord, claims: AccessTokenClaims): boolean =>
  claims.client_id === client.clientId || [claims.aud].flat().some((aud) => client.resources.includes(aud))

/** The person behind a token, where one signed in for it: the name, and how the person was authenticated (RFC 9470 §6.2). */
interface Behind {
  username?: string | undefined
  acr?: string | undefined
  auth_time?: number
}

/** The token of a service has no `auth_time`, and nothing is read for it. */
async function behindToken({ sub, acr, auth_time }: AccessTokenClaims, store: Needs['store']): Promise<Behind> {
  if (auth_time === undefined) return {}
  return { username: (await store.findPerson({ id: sub }))?.user.username, acr, auth_time }
}

async function behindGrant({ sub, signIn }: GrantRecord, store: Needs['store']): Promise<Behind> {
  if (signIn === null) return {}
  const { acr, authTime } = signIn
  return { username: (await store.findPerson({ id: sub }))?.user.username, acr, auth_time: toSeconds(authTime) }
}

/** RFC 7662 §2.2. */
function describe(claims: AccessTokenClaims) {
  const { iss, aud, sub, client_id, scope = '', exp, iat, jti, sid, cnf, username } = claims
  return {
    active: true,
    iss,
    aud,
    sub,
    client_id,
    scope,
    exp,
    iat,
    jti,
    token_type: cnf ? 'DPoP' : 'Bearer',
    sid,
    cnf,
    username,
  }
}

function describeGrant(grant: GrantRecord, iss: string) {
  const { sub, clientId: client_id, sid } = grant
  return {
    active: true,
    iss,
    aud: grant.resources.length === 1 ? grant.resources[0] : grant.resources,
    sub,
    client_id,
    scope: grant.scope.join(' '),
    exp: toSeconds(Math.min(grant.expiresAt, grant.idleExpiresAt ?? Infinity)),
    iat: toSeconds(grant.rotatedAt),
    token_type: 'refresh_token',
    sid,
  }
}

const oneOrMore = { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] }

const ACTIVE = object({
  active: { ...flag('The token is good now.'), const: true },
  iss: text(),
  aud: oneOrMore,
  sub: text(),
  client_id: text(),
  scope: text(),
  exp: integer('When it ends. Seconds.'),
  iat: integer('When it was issued. Seconds.'),
  jti: optional(text()),
  token_type: oneOf(['Bearer', 'DPoP', 'refresh_token'], 'Which kind of token it is.'),
  sid: optional(text()),
  cnf: optional(object({ jkt: text('Thumbprint of the key (RFC 9449 §6.1).') }, 'The key that it is bound to.')),
  username: optional(text('Of the person who signed in; or the claim of this name.')),
  acr: optional(oneOf(['1', '2', 'phr'], 'How strongly the person was authenticated.')),
  auth_time: optional(integer('When the person was authenticated. Seconds.')),
})

const INTROSPECTION: Shape = {
  name: 'Introspection',
  schema: {
    anyOf: [ACTIVE, object({ active: { ...flag('Not good, or not the caller’s to ask about.'), const: false } })],
  },
  example: {
    active: true,
    iss: 'https://signet.example.com',
    aud: 'https://orders.example.com',
    sub: 'billing',
    client_id: 'billing',
    scope: 'orders:read',
    exp: 1_769_861_700,
    iat: 1_769_860_800,
    jti: '019a6e3c-7d1f-7c3a-9b52-0c1f6f1f2a77',
    token_type: 'Bearer',
  },
}
