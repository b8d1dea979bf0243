/**
 * The forms of account pages. A form that is older than the session of its browser performs nothing: the person has signed
 * out or in since, in another tab, or has sent it before and loads its answer again.
 */
import { readCookies } from '../http/cookies.ts'
import { basePath } from '../http/endpoint-url.ts'
import { PageFault } from '../http/page-fault.ts'
import type { ErrorPage } from '../http/route.ts'
import type { FrameNeeds } from './frame-needs.ts'
import { seeOther } from './html.ts'
import { signInFirst } from './page.ts'
import { errorReplyOf } from './error.ts'
import { findLiveSession, type SessionNeeds, type SignedIn } from './session.ts'
import { SignInFirst, type AccountPath } from './sign-in-first.ts'

/** The error page of POST at an account page. @param back the page itself, by GET */
export function staleFormPage(back: AccountPath, needs: FrameNeeds & SessionNeeds): ErrorPage {
  const errorPage = errorReplyOf(needs)
  return async (error, asked, reply) => {
    const stale = error instanceof PageFault ? error.options.stale : undefined
    if (!stale) return errorPage(error, asked, reply)
    const cookies = readCookies(asked.header('cookie'), needs.issuer)
    const signedIn = await findLiveSession({ cookies }, needs)
    if (signedIn && !isDone(stale.action, signedIn))
      return errorPage(new PageFault('csrf', 403, { stale, again: back }), asked, reply)
    Object.assign(asked.facts, { error: undefined, reason: 'the form is older than the session of its browser' })
    if (!signedIn) return signInFirst(asked, new SignInFirst(needs.issuer, back, false))
    return seeOther(`${basePath(needs.issuer)}${back}?done=totp_enabled`)
  }
}

/** The first code of an app gives the session another secret, so the form that sent it is always an older one. */
const isDone = (action: string | undefined, { person }: SignedIn): boolean =>
  action === 'confirm-totp' && person.user.totpSecret !== null
