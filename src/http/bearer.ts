/** Guards our own API: a Bearer access token whose `aud` is the issuer, with a scope (RFC 6750). */
import type { MiddlewareHandler } from 'hono'
import { byClient } from '../audit.ts'
import { insufficientScope, invalidToken } from '../ground/errors.ts'
import { ADMIN_SCOPE } from '../resources/resource.ts'
import type { Env, Rooms } from './rooms.ts'

const challenge = (error?: string, scope?: string): Record<string, string> => ({
  'WWW-Authenticate': `Bearer realm="signet"${error ? `, error="${error}"` : ''}${scope ? `, scope="${scope}"` : ''}`,
})

/** @param scope one of them is enough; `signet:admin` always is. */
export function requireScope({ tokenState, issuer, store, limits }: Rooms, scope: string): MiddlewareHandler<Env> {
  return async (c, next) => {
    const token = /^bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1]
    if (token === undefined) {
      throw invalidToken(`send an access token for ${issuer} with scope ${scope}: Authorization: Bearer …`, {
        headers: challenge(),
      })
    }
    const refuse = (reason: string) =>
      invalidToken(
        `the access token was refused: it must be live, with aud ${issuer}; see why with: signet token inspect TOKEN`,
        {
          reason,
          headers: challenge('invalid_token'),
        },
      )
    if (tokenState.isRefreshToken(token)) throw refuse('a refresh token was sent')
    // The token may have been revoked at another process a moment ago.
    await store.catchUp()
    const state = tokenState.checkAccessToken(token)
    if (!state.active) throw refuse(state.reason)
    if (![state.claims.aud].flat().includes(issuer)) throw refuse(`aud is ${[state.claims.aud].flat().join(' ')}`)
    if (state.claims.cnf) throw refuse('it is bound to a key, and this API takes plain Bearer tokens')
    const granted = (state.claims.scope ?? '').split(' ')
    if (!granted.includes(scope) && !granted.includes(ADMIN_SCOPE)) {
      throw insufficientScope(`this needs scope ${scope}`, { headers: challenge('insufficient_scope', scope) })
    }
    const { client_id: clientId } = state.claims
    c.env.facts.client_id = clientId
    c.env.actor = {
      ...byClient(clientId, c.env.facts.request_id),
      isAdministrator: granted.includes(ADMIN_SCOPE),
    }
    limits.noteClient(clientId, c.env.outgoing)
    return next()
  }
}
