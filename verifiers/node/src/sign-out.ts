/** The end of a sign-in: the person signs out in the app, or the issuer says that the session is over. */
import { emptyAnswer, refusalAnswer, seeOther, type Answer } from './answer.ts'
import type { AppCookies } from './app-cookies.ts'
import { onlyOne, type AppRequest } from './app-request.ts'
import { isFromOwnOrigin } from './credentials.ts'
import type { IssuerCalls } from './issuer-calls.ts'
import type { Sessions } from './sessions.ts'
import { refusalOf, SignInFault } from './sign-in-fault.ts'
import type { SignInSettings } from './sign-in-settings.ts'
import type { TokenChecks } from './token-checks.ts'

export interface SignOutNeeds {
  settings: SignInSettings
  cookies: AppCookies
  calls: IssuerCalls
  checks: TokenChecks
  sessions: Sessions
}

/** RP-Initiated Logout 1.0. Another site cannot sign a person out. */
export async function logout(
  request: AppRequest,
  { settings, cookies, calls, sessions }: SignOutNeeds,
): Promise<Answer> {
  if (!isFromOwnOrigin(request, settings.publicOrigin))
    throw new SignInFault('cross_site', 'only a page of this app signs a person out')
  const secret = cookies.session(request)
  const session = secret === undefined ? undefined : sessions.remove(secret)
  void calls.revoke(session?.refreshToken)
  return seeOther(await signedOutAt(session?.idToken, { settings, calls }), [cookies.clearSession()])
}

/** The page on which the issuer ends its own session; the app's first page if that is not possible. */
async function signedOutAt(
  idToken: string | undefined,
  { settings, calls }: Pick<SignOutNeeds, 'settings' | 'calls'>,
): Promise<string> {
  const { clientId, signedOutUri } = settings
  try {
    const { endSession } = await calls.endpoints()
    if (endSession === undefined) return '/'
    const url = new URL(endSession)
    if (idToken !== undefined) url.searchParams.set('id_token_hint', idToken)
    url.searchParams.set('client_id', clientId)
    url.searchParams.set('post_logout_redirect_uri', signedOutUri)
    return url.href
  } catch {
    return '/'
  }
}

/** OIDC Back-Channel Logout §2.5, §2.8. */
export async function backChannelLogout(
  request: AppRequest,
  { calls, checks, sessions }: SignOutNeeds,
): Promise<Answer> {
  try {
    const logoutToken = onlyOne(await request.form(), 'logout_token')
    if (logoutToken === undefined) throw new SignInFault('invalid_request', 'logout_token is missing')
    const ended = await checks.atLogout(logoutToken)
    for (const { refreshToken } of sessions.end(ended)) void calls.revoke(refreshToken)
    return emptyAnswer(200)
  } catch (fault) {
    const refusal = refusalOf(fault)
    if (refusal.status >= 500) return refusalAnswer(refusal, { asPage: false })
    return refusalAnswer({ ...refusal, code: 'invalid_request', status: 400, headers: {} }, { asPage: false })
  }
}
