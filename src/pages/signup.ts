/** GET and POST /signup, where SIGNET_SIGNUP lets strangers in. */
import { SignIns } from '../authorize/sign-ins.ts'
import { basePath } from '../http/endpoint-url.ts'
import type { Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import { browserOf, findStep, loginCookie } from './go-on.ts'
import { seeOther } from './html.ts'
import { answerForm, showForm, signUp, type NewAccountNeeds } from './new-account.ts'

/** The sign-ins in which an account can be made. */
export const HERE = ['sign_in', 'choose_account', 'sign_up'] as const

export function showSignup(needs: NewAccountNeeds): (call: PageCall) => Promise<Reply> {
  const signIns = new SignIns(needs)
  return async (call) => {
    const source = signUp(needs)
    if (!call.sent.has('tx')) {
      const met = browserOf(call)
      const { signIn } = await signIns.beginOwn(met.browser, '/account')
      const location = `${basePath(needs.issuer)}/signup?tx=${signIn.id}`
      return seeOther(location, loginCookie(met, needs.issuer))
    }
    const found = await findStep(call, HERE, { ...needs, signIns })
    return 'elsewhere' in found ? found.elsewhere : showForm(call, source, { ...needs, signIns })
  }
}

export function answerSignup(needs: NewAccountNeeds): (call: PageCall) => Promise<Reply> {
  const signIns = new SignIns(needs)
  return async (call) => {
    const source = signUp(needs)
    const found = await findStep(call, HERE, { ...needs, signIns })
    return 'elsewhere' in found ? found.elsewhere : answerForm(call, source, { ...needs, signIns })
  }
}
