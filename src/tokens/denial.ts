/** Finds the blacklist entry that denies a given token. */
import { fromSeconds } from '../ground/clock.ts'
import type { Denial } from '../blacklist/revocation.ts'
import { invalidRequest } from '../ground/errors.ts'
import { isAdministrators, type TokenState } from './token-state.ts'

/**
 * An access token is denied by its `jti`, a refresh token by its grant.
 * @throws OAuthError `invalid_request` if the text is not a live token of this issuer
 */
export async function nameDenial(
  token: string,
  tokenState: TokenState,
): Promise<Pick<Denial, 'kind' | 'value' | 'tokenExpiresAt' | 'isAdministrators'>> {
  if (tokenState.isRefreshToken(token)) {
    const { grant } = await tokenState.checkRefreshToken(token)
    if (grant) return { kind: 'sid', value: grant.sid }
  } else {
    const state = tokenState.checkAccessToken(token)
    if (state.claims) {
      const { jti, exp, scope } = state.claims
      return { kind: 'jti', value: jti, tokenExpiresAt: fromSeconds(exp), isAdministrators: isAdministrators(scope) }
    }
  }
  throw invalidRequest('token is no live token of this issuer: it needs no blacklist entry', { isOfRecords: true })
}
