/** POST /introspect (RFC 7662): to the client a token was issued to, and to the resource it is meant for. */
import { isPublicClient } from '../clients/client.ts'
import { toSeconds } from '../ground/clock.ts'
import { invalidClient } from '../ground/errors.ts'
import { authenticateClient } from '../http/client-auth.ts'
import { readForm } from '../http/form.ts'
import { TOKEN_QUESTION_PARAMETERS } from '../http/parameters.ts'
import type { Handler, Rooms } from '../http/rooms.ts'
import { sendJson } from '../http/send.ts'
import type { ClientRecord, GrantRecord } from '../store/store.ts'
import type { AccessTokenClaims } from '../tokens/access-token.ts'

const INACTIVE = { active: false } as const

export const introspect = (rooms: Rooms): Handler => {
  const { tokenState, issuer } = rooms
  return async (c) => {
    const parameters = await readForm(c, TOKEN_QUESTION_PARAMETERS)
    const { client } = await authenticateClient(c, parameters, rooms)
    if (isPublicClient(client))
      throw invalidClient('introspection needs a client that authenticates; this one is public')
    const token = parameters.require('token')
    const facts = c.env.facts

    if (tokenState.isRefreshToken(token)) {
      const state = await tokenState.checkRefreshToken(token)
      if (state.active && state.grant.clientId === client.clientId)
        return sendJson(c, describeGrant(state.grant, issuer))
      facts.reason = state.active ? 'refresh token of another client' : state.reason
      return sendJson(c, INACTIVE)
    }
    const state = tokenState.checkAccessToken(token)
    if (state.active && isFor(client, state.claims)) return sendJson(c, describe(state.claims))
    facts.reason = state.active ? 'neither issued to this client nor meant for one of its resources' : state.reason
    return sendJson(c, INACTIVE)
  }
}

/** Servers such as Dovecot look at no `aud`: tokens of other audiences have to look inactive to them. */
const isFor = (client: ClientRecord, claims: AccessTokenClaims): boolean =>
  claims.client_id === client.clientId || [claims.aud].flat().some((aud) => client.resources.includes(aud))

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
