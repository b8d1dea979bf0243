/** The person of a request, by the cookie of the app or by an access token that was handed over to the caller. */
import { jsonAnswer, type Answer } from './answer.ts'
import type { AppCookies } from './app-cookies.ts'
import type { AppRequest } from './app-request.ts'
import { findCredentials } from './credentials.ts'
import { TokenError } from './errors.ts'
import type { LiveSessions } from './live-sessions.ts'
import { refusalOf, SignInFault } from './sign-in-fault.ts'
import type { SignInSettings } from './sign-in-settings.ts'
import type { Verifier } from './token-verifier.ts'
import { profileOf } from './token.ts'

export interface MeNeeds {
  settings: SignInSettings
  cookies: AppCookies
  live: LiveSessions
  /** Of access tokens. */
  access: Verifier
}

/** Resource servers may let issuers choose another `typ`. An ID token names no `client_id`. */
const ACCESS_TYPES = ['at+jwt', 'JWT', '']

/** Answers GET /auth/me: the person of a request, or 401. */
export async function answerMe(request: AppRequest, needs: MeNeeds): Promise<Answer> {
  try {
    return jsonAnswer(200, await whoIsIt(request, needs))
  } catch (fault) {
    const { code, status, message, headers } = refusalOf(fault)
    const body = { authenticated: false, error: code, error_description: message }
    const cookies =
      code === 'signed_out' && needs.cookies.session(request) !== undefined ? [needs.cookies.clearSession()] : []
    return jsonAnswer(status, body, { headers, cookies })
  }
}

/** By the cookie of the app, or by an access token that was handed over to the caller. */
async function whoIsIt(request: AppRequest, needs: MeNeeds): Promise<object> {
  const { settings, cookies, live } = needs
  // A proxy before the app may use the header for itself, with another scheme.
  if (/^\s*(bearer|dpop)\b/i.test(request.header('authorization') ?? '')) return byToken(request, needs)
  const secret = cookies.session(request)
  const session = secret === undefined ? undefined : await live.find(secret)
  if (!session) throw new SignInFault('signed_out', 'nobody is signed in here: send the person to /auth/login')
  const { claims, access } = session
  const rights = profileOf({
    ...claims,
    ...access.claims,
    ...(access.scope !== undefined && { scope: access.scope }),
  })
  return {
    authenticated: true,
    ...rights,
    sub: claims.sub,
    client_id: settings.clientId,
    expires_at: Math.floor(access.expiresAt / 1000),
    ...(settings.hasFragment && { access_token: access.token }),
    claims,
  }
}

async function byToken(request: AppRequest, { settings, access }: MeNeeds): Promise<object> {
  const { token, dpop } = findCredentials(request, { publicOrigin: settings.publicOrigin })
  const { claims } = await access.verifyToken(token, {
    audience: false,
    typ: ACCESS_TYPES,
    ...(dpop && { dpop }),
  })
  if (claims.client_id !== settings.clientId)
    throw new TokenError('wrong_audience', 'the token was issued to another client')
  return { authenticated: true, ...profileOf(claims), expires_at: claims.exp, claims }
}
