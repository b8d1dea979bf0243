/** Guards our own API: a Bearer access token whose `aud` is the issuer, with a scope (RFC 6750). */
import { insufficientScope, invalidToken } from '../ground/errors.ts'
import { ADMIN_SCOPE, READ_SCOPE } from '../resources/resource.ts'
import type { TokenState } from '../tokens/token-state.ts'
import { challenge } from './challenge.ts'

interface Judged {
  clientId: string
  isAdministrator: boolean
}

/**
 * Judges a token by memory alone, so that it can be judged again in the same turn as an act.
 * @param scope is enough; `signet:admin` always is
 * @throws OAuthError `invalid_token` or `insufficient_scope`
 */
export function judgeBearer(
  authorization: string | undefined,
  scope: string,
  { tokenState, issuer }: { tokenState: TokenState; issuer: string },
): Judged {
  const token = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  if (token === undefined) {
    throw invalidToken(`send an access token for ${issuer} with scope ${scope}: Authorization: Bearer …`, {
      headers: challenge('Bearer'),
    })
  }
  const refuse = (reason: string) =>
    invalidToken(
      `the access token was refused: it must be live, with aud ${issuer}; see why with: signet token inspect TOKEN`,
      { reason, headers: challenge('Bearer', 'invalid_token') },
    )
  if (tokenState.isRefreshToken(token)) throw refuse('a refresh token was sent')
  const state = tokenState.checkAccessToken(token)
  if (!state.active) throw refuse(state.reason)
  const audience = [state.claims.aud].flat()
  if (!audience.includes(issuer)) throw refuse(`aud is ${audience.join(' ')}`)
  if (state.claims.cnf) throw refuse('it is bound to a key, and this API takes plain Bearer tokens')
  const granted = (state.claims.scope ?? '').split(' ')
  const isAdministrator = granted.includes(ADMIN_SCOPE)
  if (!granted.includes(scope) && !isAdministrator)
    throw insufficientScope(`this needs scope ${scope}`, {
      headers: challenge('Bearer', 'insufficient_scope', enough(scope)),
    })
  return { clientId: state.claims.client_id, isAdministrator }
}

/** The challenge names the scope of administrators: after reading comes changing. */
const enough = (scope: string): string => (scope === READ_SCOPE ? ADMIN_SCOPE : scope)
