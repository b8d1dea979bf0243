/** GET and POST /link: a one-time link that signs a person in. GET shows, POST signs in. */
import { SignIns, type SignInNeeds } from '../authorize/sign-ins.ts'
import { maySignIn } from '../authorize/standing.ts'
import { hashOf } from '../ground/secret-value.ts'
import type { Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import type { Person } from '../store/records/user.ts'
import type { Store } from '../store/store.ts'
import { accountView } from './account-view.ts'
import { browserOf, goneFault, goOn, loginCookie, type GoOnNeeds } from './go-on.ts'
import { newFrame } from './frame.ts'
import { linkFault } from './new-account.ts'
import type { AccountPath } from './sign-in-first.ts'
import { show } from './show.ts'
import { linkPage } from './templates/link.ts'

export type LinkNeeds = GoOnNeeds & SignInNeeds & { store: Store }

export const showLink =
  (needs: LinkNeeds) =>
  async (call: PageCall): Promise<Reply> => {
    const token = call.sent.get('token') ?? ''
    const { user, ...rest } = await personOfLink(token, needs)
    const met = browserOf(call)
    const frame = newFrame(call, needs, { secret: met.browser.loginSecret, locale: user.profile.locale })
    const view = { account: accountView({ user, ...rest }), token }
    return show(frame, linkPage(frame, view), { headers: loginCookie(met, needs.issuer) })
  }

/** @throws PageFault where the link cannot be used */
async function personOfLink(token: string, { store, blacklist }: LinkNeeds): Promise<Person> {
  const link = await store.findLink('sign_in_link', hashOf(token))
  if (!link) throw linkFault('unknown')
  if (link.usesLeft <= 0) throw linkFault('used')
  if (store.now() >= link.expiresAt) throw linkFault('expired')
  const person = await store.findPerson({ id: link.owner })
  if (!person || !maySignIn(person, { blacklist })) throw linkFault('unknown')
  return person
}

export function answerLink(needs: LinkNeeds): (call: PageCall) => Promise<Reply> {
  const signIns = new SignIns(needs)
  return async (call) => {
    const token = call.sent.get('token') ?? ''
    const person = await personOfLink(token, needs)
    if (call.sent.get('action') !== 'sign-in') return showLink(needs)(call)
    const met = browserOf(call)
    const { signIn } = await signIns.beginOwn(met.browser, placeAfter(person, needs.config))
    const ref = { id: signIn.id, browserHash: hashOf(met.browser.loginSecret) }
    const reached = await signIns.take(
      ref,
      { step: 'sign_in', proof: { kind: 'link', hash: hashOf(token) } },
      met.browser,
    )
    if ('gone' in reached) throw goneFault(reached, call)
    if (reached.isRefused) {
      // Another request has used the link meanwhile, or its time has come.
      await personOfLink(token, needs)
      throw linkFault('used')
    }
    return goOn(call, reached, needs, loginCookie(met, needs.issuer))
  }
}

/**
 * The page on which the person sets a new way in. Where a lost passkey would be asked for there, the link leads to the
 * overview.
 */
function placeAfter({ user, factors }: Person, { passwords, mfa }: LinkNeeds['config']): AccountPath {
  const isPasskeyDue = mfa === 'optional' && factors.passkeys > 0 && user.totpSecret === null
  if (isPasskeyDue) return '/account'
  return passwords === false ? '/account/passkeys' : '/account/password'
}
