/**
 * The session of a page: the person whom the browser's cookie names, judged at each request. A page that changes
 * passwords or factors asks for a fresh sign-in besides (PEOPLE S4).
 */
import { confirm, maySignIn } from '../authorize/standing.ts'
import type { Blacklist } from '../blacklist/match.ts'
import { hashOf } from '../ground/secret-value.ts'
import type { PageCall } from '../http/route.ts'
import type { Clock, Instant } from '../ground/clock.ts'
import type { FoundSession, SessionStore } from '../store/people-store.ts'
import { isLiveSession, timesOfUse } from '../store/records/session.ts'
import { SignInFirst, type ReturnPath } from './sign-in-first.ts'

export interface SessionNeeds {
  issuer: string
  store: Pick<SessionStore, 'findSession' | 'touchSession'>
  clock: Pick<Clock, 'now'>
  blacklist: Pick<Blacklist, 'findRefusing'>
  /** `off`: second factors are not asked for, so no sign-in can be fresher than its password. */
  config: { mfa?: 'off' | 'optional' | 'required' | undefined }
}

/** A session with its person and the secret of its cookie, which the forms of the page are bound to. */
export interface SignedIn extends FoundSession {
  secret: string
}

/** A request is longer only by a hint, and the address of the sign-in page holds the request once more escaped. */
const MOST_RETURN_CHARACTERS = 4096

/** Whether a value from outside is such a path. Nothing else may stand in `return_to`. */
export const isReturnPath = (value: string): value is ReturnPath =>
  /^\/account(?:\/[a-z-]{1,40})?$/.test(value) || isRequestPath(value)

/** A request as `URLSearchParams` writes it. An attacker who can make the path can make a link to it as well. */
const isRequestPath = (value: string): boolean =>
  value.length <= MOST_RETURN_CHARACTERS && /^\/authorize\?[\w*.+%=&-]+$/.test(value)

/** The live session that the browser's cookie names, where its person may be signed in; `undefined` for none. */
export async function findLiveSession(
  call: Pick<PageCall, 'cookies'>,
  needs: Pick<SessionNeeds, 'store' | 'clock' | 'blacklist'>,
): Promise<SignedIn | undefined> {
  const found = await findSessionToEnd(call, needs)
  return found && maySignIn(found.person, needs) ? found : undefined
}

/** The same for signing out, which is nobody refused. */
export async function findSessionToEnd(
  { cookies }: Pick<PageCall, 'cookies'>,
  { store, clock }: Pick<SessionNeeds, 'store' | 'clock'>,
): Promise<SignedIn | undefined> {
  if (cookies.session === undefined) return undefined
  const found = await store.findSession(hashOf(cookies.session))
  const now = clock.now()
  if (!found || !isLiveSession(found.session, now) || found.person.user.disabledAt !== null) return undefined
  const seen = timesOfUse(found.session, now)
  if (seen) await store.touchSession(found.session.id, seen)
  return { ...found, secret: cookies.session }
}

/**
 * The live session of a page that needs one.
 * @param returnTo the page itself, by GET
 * @throws SignInFirst which `page` answers with 303 to /login
 */
export async function requireSession(
  call: Pick<PageCall, 'cookies'>,
  needs: SessionNeeds,
  returnTo: ReturnPath,
): Promise<SignedIn> {
  const found = await findLiveSession(call, needs)
  if (!found) throw new SignInFirst(needs.issuer, returnTo, false)
  return found
}

/** Like `requireSession`, for a page that changes how people sign in. */
export async function requireFreshSession(
  call: Pick<PageCall, 'cookies'>,
  needs: SessionNeeds,
  returnTo: ReturnPath,
): Promise<SignedIn> {
  const found = await requireSession(call, needs, returnTo)
  if (!isFresh(found, needs.clock.now(), needs.config)) throw new SignInFirst(needs.issuer, returnTo, true)
  return found
}

/** Whether the person may change passwords and factors now (PEOPLE S4). */
function isFresh(
  { session, person }: FoundSession,
  now: Instant,
  { mfa = 'optional' }: SessionNeeds['config'],
): boolean {
  const { amr, authTime } = session
  return confirm({ person, amr, authTime }, { mfa, now }).outcome === 'confirmed'
}
