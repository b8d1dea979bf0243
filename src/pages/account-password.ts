/**
 * GET and POST /account/password: the person chooses another password, after a sign-in that is at most five minutes old.
 * The person stays signed in here, and nowhere else.
 */
import type { Config } from '../config/setting.ts'
import { basePath } from '../http/endpoint-url.ts'
import { PageFault } from '../http/page-fault.ts'
import type { Reply } from '../http/reply.ts'
import type { PageCall } from '../http/route.ts'
import type { PasswordQueue } from '../ground/hash-queue.ts'
import { Passwords } from '../users/password.ts'
import type { UserRegistry } from '../users/registration.ts'
import { seeOther } from './html.ts'
import { actorOf, changeOwn, ownFrame, ownView, type OwnNeeds } from './account-page.ts'
import { requireFreshSession, type SignedIn } from './session.ts'
import { show } from './show.ts'
import { passwordPage } from './templates/password.ts'
import type { FormError } from './views.ts'
import { weakPassword } from './weak-password.ts'

export type PasswordNeeds = OwnNeeds & { userRegistry: UserRegistry; config: Config; hashQueue: PasswordQueue }

const PATH = '/account/password'

export const showPassword =
  (needs: PasswordNeeds) =>
  async (call: PageCall): Promise<Reply> => {
    requirePasswords(needs)
    return showForm(call, await requireFreshSession(call, needs, PATH), needs)
  }

export const changePassword =
  (needs: PasswordNeeds) =>
  async (call: PageCall): Promise<Reply> => {
    requirePasswords(needs)
    const signedIn = await requireFreshSession(call, needs, PATH)
    const address = `${basePath(needs.issuer)}${PATH}`
    if (call.sent.get('action') !== 'change-password') return seeOther(address)
    const isChanged = await choose(call, signedIn, needs)
    if (isChanged) return seeOther(`${address}?done=changed`)
    const passwords = new Passwords(needs.hashQueue, needs.config)
    const weakness = await passwords.findWeakness(call.sent.get('password') ?? '', signedIn.person.user)
    return showForm(call, signedIn, needs, weakPassword(weakness))
  }

/** @returns whether the password can be chosen */
async function choose(call: PageCall, signedIn: SignedIn, { userRegistry, issuer }: PasswordNeeds): Promise<boolean> {
  const { id } = signedIn.person.user
  const session = signedIn.session.id
  const act = userRegistry.choosePassword(id, call.sent.get('password') ?? '', actorOf(signedIn, call), {
    network: call.network,
    except: session,
    inSession: session,
  })
  return (await changeOwn(act, PATH, issuer)) !== undefined
}

/** @throws PageFault 404 where there are no passwords (SIGNET_PASSWORDS) */
function requirePasswords({ config }: PasswordNeeds): void {
  if (!config.passwords) throw new PageFault('not_found', 404)
}

function showForm(call: PageCall, signedIn: SignedIn, needs: PasswordNeeds, error?: FormError): Promise<Reply> {
  const frame = ownFrame(call, signedIn, needs)
  const { least } = new Passwords(needs.hashQueue, needs.config)
  const view = {
    ...ownView(signedIn, needs),
    hasPassword: signedIn.person.user.passwordHash !== null,
    leastCharacters: least,
    ...(call.sent.get('done') === 'changed' && { notice: 'password_changed' as const }),
    error,
  }
  return show(frame, passwordPage(frame, view), { status: error ? 422 : 200 })
}

/** GET /.well-known/change-password: password managers lead here (W3C, A Well-Known URL for Changing Passwords). */
export const toPassword =
  ({ issuer }: PasswordNeeds) =>
  (): Reply =>
    seeOther(`${basePath(issuer)}${PATH}`)
