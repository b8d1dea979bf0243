/** POST /revoke (RFC 7009). A client revokes its own tokens; about others it learns nothing. */
import { authenticateClient } from '../http/client-auth.ts'
import { readForm } from '../http/form.ts'
import { TOKEN_QUESTION_PARAMETERS } from '../http/parameters.ts'
import { actorOf } from '../http/actor.ts'
import type { Handler, Rooms } from '../http/rooms.ts'

export const revoke = (rooms: Rooms): Handler => {
  const { tokenState, revocation } = rooms
  return async (c) => {
    const parameters = await readForm(c, TOKEN_QUESTION_PARAMETERS)
    const { client } = await authenticateClient(c, parameters, rooms)
    const token = parameters.require('token')
    const facts = c.env.facts
    if (tokenState.isRefreshToken(token)) {
      const state = await tokenState.checkRefreshToken(token)
      // A used or expired token of the family still ends it: whoever holds it wants it gone.
      if (state.grant?.clientId === client.clientId) await revocation.endGrant(state.grant.sid, actorOf(c))
      else facts.reason = 'nothing revoked: unknown refresh token, or of another client'
    } else {
      const state = tokenState.checkAccessToken(token)
      // Also where an administrator's entry denies it at present: that one may be lifted.
      if (state.claims?.client_id === client.clientId) {
        await revocation.revokeAccessToken(state.claims, actorOf(c))
      } else
        facts.reason = state.active ? 'nothing revoked: token of another client' : `nothing revoked: ${state.reason}`
    }
    // RFC 7009 §2.2: 200 whatever the token was.
    return c.body(null, 200)
  }
}
