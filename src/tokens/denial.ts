/** Finds the blacklist entry that denies a given token. */
import { fromSeconds } from '../ground/clock.ts'
import type { Denial } from '../blacklist/revocation.ts'
import { invalidRequest, type OAuthError } from '../ground/errors.ts'
import { EXPIRED } from './access-token.ts'
import { isAdministrators, type TokenState } from './token-state.ts'

type Named = Pick<Denial, 'kind' | 'value' | 'tokenExpiresAt' | 'isAdministrators'>

/**
 * An access token is denied by its `jti`, a refresh token by its grant.
 * @throws OAuthError `invalid_request` if the text is not a live token of this issuer; it tells a token that has expired from a text that
 * no token can be read from, since only the first is harmless
 */
export async function nameDenial(token: string, tokenState: TokenState): Promise<Named> {
  if (!tokenState.isRefreshToken(token)) return nameAccessToken(token, tokenState)
  const state = await tokenState.checkRefreshToken(token)
  if (!state.grant) throw nothingDenied(state)
  return { kind: 'sid', value: state.grant.sid }
}

function nameAccessToken(token: string, tokenState: TokenState): Named {
  const state = tokenState.checkAccessToken(token)
  if (!state.claims) throw nothingDenied(state)
  const { jti, exp, scope } = state.claims
  return { kind: 'jti', value: jti, tokenExpiresAt: fromSeconds(exp), isAdministrators: isAdministrators(scope) }
}

const nothingDenied = ({ reason = '' }: { active: boolean; reason?: string }): OAuthError =>
  invalidRequest(
    reason === EXPIRED
      ? 'token has expired: it needs no blacklist entry'
      : `token is no live token of this issuer (${reason}), and NOTHING WAS DENIED: give the whole value of access_token or refresh_token, and nothing else`,
    { isOfRecords: true },
  )
