/** POST /introspect (RFC 7662): answers the client that a token was issued to, and the resource that it is for. */
import { isPublicClient } from '../clients/client.ts'
import { toSeconds, type Clock } from '../ground/clock.ts'
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
import type { AccessTokenState, RefreshTokenState, TokenState } from '../tokens/token-state.ts'

const INACTIVE = { active: false } as const

interface Needs {
  issuer: string
  clock: Pick<Clock, 'now'>
  tokenState: TokenState
  store: Pick<Store, 'silenceMs' | 'findPerson'>
}

/** @throws Unavailable where memory is too old to say that a token is good */
function requireNews(store: Pick<Store, 'silenceMs'>): void {
  if (couldMissDenial(store.silenceMs()))
    throw new Unavailable('the database is silent: a denial by another process could be missed')
}

export const introspect = (needs: Needs) =>
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
    async ({ form, caller, facts }) => {
      if (isPublicClient(caller.client))
        throw invalidClient('introspection needs a client that authenticates; this one is public')
      const token = form.require('token')
      const question = { token, asks: () => caller.current(needs.clock.now()) }
      const told = await (needs.tokenState.isRefreshToken(token) ? tellRefresh : tellAccess)(question, needs)
      if (told.active) return tokenJson(told)
      facts.reason = told.reason
      return tokenJson(INACTIVE)
    },
  )

interface Question {
  token: string
  /** The client that asks, as of now. */
  asks: () => ClientRecord
}

type Inactive = { active: false; reason: string }

/** The members of the answer, or why the token is inactive. */
type Told = ({ active: true } & Record<string, unknown>) | Inactive

/** The person is read first, and the token judged last: it may end while the database answers. */
async function tellAccess(question: Question, needs: Needs): Promise<Told> {
  const first = judgeAccess(question, needs)
  if (!first.active) return first
  // The token of a service has no `auth_time`, and nothing is read for it.
  if (first.claims.auth_time === undefined) return describe(first.claims)
  const username = await usernameOf(first.claims.sub, needs)
  const last = judgeAccess(question, needs)
  if (!last.active) return last
  const { acr, auth_time } = last.claims
  return { ...describe(last.claims), username, acr, auth_time }
}

/** Judges by memory alone, in one turn. */
function judgeAccess({ token, asks }: Question, { tokenState, store }: Needs): AccessTokenState | Inactive {
  requireNews(store)
  const state = tokenState.checkAccessToken(token)
  return !state.active || isFor(asks(), state.claims)
    ? state
    : { active: false, reason: 'neither issued to this client nor meant for one of its resources' }
}

async function tellRefresh(question: Question, needs: Needs): Promise<Told> {
  const first = await judgeRefresh(question, needs)
  if (!first.active) return first
  const { sub, signIn } = first.grant
  if (signIn === null) return describeGrant(first.grant, needs.issuer)
  const username = await usernameOf(sub, needs)
  const last = await judgeRefresh(question, needs)
  if (!last.active) return last
  const { acr, authTime } = signIn
  return { ...describeGrant(last.grant, needs.issuer), username, acr, auth_time: toSeconds(authTime) }
}

async function judgeRefresh({ token, asks }: Question, { tokenState }: Needs): Promise<RefreshTokenState | Inactive> {
  const state = await tokenState.checkRefreshToken(token)
  return !state.active || state.grant.clientId === asks().clientId
    ? state
    : { active: false, reason: 'refresh token of another client' }
}

const usernameOf = async (id: string, { store }: Needs): Promise<string | undefined> =>
  (await store.findPerson({ id }))?.user.username

/** Servers such as Dovecot do not check `aud`, so tokens of other audiences have to look inactive to them. */
const isFor = (client: ClientRecord, claims: AccessTokenClaims): boolean =>
  claims.client_id === client.clientId || [claims.aud].flat().some((aud) => client.resources.includes(aud))

/** RFC 7662 §2.2. A person behind the token is told by name, and how the person was authenticated (RFC 9470 §6.2). */
function describe(claims: AccessTokenClaims) {
  const { iss, aud, sub, client_id, scope = '', exp, iat, jti, sid, cnf, username } = claims
  return {
    active: true as const,
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
    active: true as const,
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
