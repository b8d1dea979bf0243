/** What the account pages of factors have in common: the person, the frame, and who acts. */
import { byUser, type Actor, type AuditTrail } from '../audit.ts'
import { acrOf, withMethods } from '../authorize/assurance.ts'
import { hashOf, newCookieSecret, setCookie } from '../http/cookies.ts'
import type { PageCall } from '../http/route.ts'
import type { MasterKeys } from '../keys/master-keys.ts'
import type { FactorOwner, RaisedSession } from '../store/records/factor.ts'
import type { Store } from '../store/store.ts'
import type { FactorStore } from '../store/records/factor-store.ts'
import { accountView } from './account-view.ts'
import type { FrameNeeds } from './frame-needs.ts'
import type { SessionNeeds, SignedIn } from './session.ts'
import type { AccountPageView, Notice } from './views.ts'

export type AccountFactorNeeds = FrameNeeds &
  Omit<SessionNeeds, 'store' | 'config'> & {
    store: FactorStore & Pick<Store, 'listPasskeys' | 'findSession' | 'touchSession'>
    config: SessionNeeds['config'] & { rpId?: string | undefined; passwords: boolean }
    audit: AuditTrail
    masterKeys: MasterKeys
  }

export const actorOf = ({ person }: SignedIn, { facts }: Pick<PageCall, 'facts'>): Actor =>
  byUser(person.user.id, facts.request_id)

/** The session of a person who has shown one more factor (RFC 8176 names it), and the cookie that its browser needs from now on. */
export function raisedBy(
  methods: readonly string[],
  { session }: SignedIn,
  { issuer, clock }: Pick<AccountFactorNeeds, 'issuer' | 'clock'>,
): { raised: RaisedSession; secret: string; headers: string[] } {
  const secret = newCookieSecret()
  const amr = withMethods(session.amr, methods)
  const seconds = session.isRemembered ? (session.expiresAt - clock.now()) / 1000 : undefined
  return {
    raised: { secretHash: hashOf(secret), amr, acr: acrOf(amr) },
    secret,
    headers: setCookie('session', secret, issuer, seconds),
  }
}

export const ownerOf = ({ person, session }: SignedIn): FactorOwner => ({
  userId: person.user.id,
  sessionId: session.id,
})

/** The terms of a frame: forms of account pages are bound to the session. */
export const frameTermsOf = ({ person, secret }: SignedIn) => ({ secret, locale: person.user.profile.locale })

export const accountOf = ({ person }: SignedIn, { clock }: Pick<AccountFactorNeeds, 'clock'>): AccountPageView => ({
  account: accountView(person),
  now: clock.now(),
  zone: person.user.profile.zoneinfo,
})

/** What the form before has done, as the address of the page tells it. Anybody can write it, and it says nothing else. */
export const noticeOf = <Known extends Notice>({ sent }: Pick<PageCall, 'sent'>, known: readonly Known[]) =>
  known.find((each) => each === sent.get('done'))
