/** POST /revoke (RFC 7009). A client revokes its own tokens and learns nothing about others. */
import type { Revocation } from '../blacklist/revocation.ts'
import { nothing } from '../ground/shape.ts'
import { AS_CLIENT_OF_ANY_ORIGIN } from '../http/access.ts'
import { empty } from '../http/reply.ts'
import { TOKEN_QUESTION, TOKEN_QUESTION_PARAMETERS } from '../http/parameters.ts'
import { route } from '../http/route.ts'
import type { TokenState } from '../tokens/token-state.ts'

interface Needs {
  tokenState: TokenState
  revocation: Revocation
}

export const revoke = ({ tokenState, revocation }: Needs) =>
  route(
    {
      post: '/revoke',
      access: AS_CLIENT_OF_ANY_ORIGIN,
      form: TOKEN_QUESTION_PARAMETERS,
      id: 'revokeToken',
      tag: 'Tokens',
      says: 'Revoke a token of the client’s own (RFC 7009)',
      tells: 'An access token is denied; a refresh token ends its grant. 200 whatever the token was.',
      ...TOKEN_QUESTION,
      answers: { 200: nothing('It is good no more, if it was the client’s.') },
      refuses: ['invalid_request'],
    },
    async ({ form, caller: { client }, actor, facts }) => {
      const token = form.require('token')
      if (tokenState.isRefreshToken(token)) {
        const state = await tokenState.checkRefreshToken(token)
        // A used or expired token of the family still ends it: its holder wants the family gone.
        if (state.grant?.clientId === client.clientId) await revocation.endGrant(state.grant.sid, actor)
        else facts.reason = 'nothing revoked: unknown refresh token, or of another client'
      } else {
        const state = tokenState.checkAccessToken(token)
        // Also where an entry of an administrator denies it now, because that entry may be lifted.
        if (state.claims?.client_id === client.clientId) await revocation.revokeAccessToken(state.claims, actor)
        else
          facts.reason = state.active ? 'nothing revoked: token of another client' : `nothing revoked: ${state.reason}`
      }
      // RFC 7009 §2.2: 200 whatever the token was.
      return empty()
    },
  )
