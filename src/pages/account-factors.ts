/** The shared part of the account pages of factors: their needs, the owner of a factor, and a session that a factor raises. */
import type { AuditTrail } from '../audit.ts'
import { acrOf, withMethods, type FactorTerms } from '../authorize/assurance.ts'
import { hashOf, newSecretValue } from '../ground/secret-value.ts'
import { setCookie } from '../http/cookies.ts'
import type { MasterKeys } from '../keys/master-keys.ts'
import type { FactorOwner, RaisedSession } from '../store/records/factor.ts'
import type { Store } from '../store/store.ts'
import type { FactorStore } from '../store/factor-store.ts'
import type { FrameNeeds } from './frame-needs.ts'
import type { SessionNeeds, SignedIn } from './session.ts'

export type AccountFactorNeeds = FrameNeeds &
  Omit<SessionNeeds, 'store' | 'config'> & {
    store: FactorStore & Pick<Store, 'listPasskeys' | 'findSession' | 'touchSession'>
    config: SessionNeeds['config'] & FactorTerms & { rpId?: string | undefined }
    audit: AuditTrail
    masterKeys: MasterKeys
  }

/** The session of a person who has shown one more factor (RFC 8176 names it), and the cookie that its browser needs from now on. */
export function raisedBy(
  methods: readonly string[],
  { session }: SignedIn,
  { issuer, clock }: Pick<AccountFactorNeeds, 'issuer' | 'clock'>,
): { raised: RaisedSession; secret: string; headers: string[] } {
  const secret = newSecretValue()
  const withFactor = (before: readonly string[]) => {
    const amr = withMethods(before, methods)
    return { amr, acr: acrOf(amr) }
  }
  const seconds = session.isRemembered ? (session.expiresAt - clock.now()) / 1000 : undefined
  return {
    raised: { formerHash: session.secretHash, secretHash: hashOf(secret), withFactor },
    secret,
    headers: setCookie('session', secret, issuer, seconds),
  }
}

export const ownerOf = ({ person, session }: SignedIn): FactorOwner & { sessionId: string } => ({
  userId: person.user.id,
  sessionId: session.id,
})
