/** Authorization codes, as they are redeemed: the facts of the write that decides, and its verdicts. */
import type { Instant } from '../../ground/clock.ts'
import type { OAuthError } from '../../ground/errors.ts'
import type { Recording } from './audit.ts'
import type { OwnDenials } from './blacklist.ts'
import type { GrantDenial, GrantOptions, GrantRecord } from './grant.ts'
import type { OneTimeRecord } from './one-time.ts'
import type { ConsentRecord, SessionRecord } from './session.ts'
import type { CodeFacts } from './sign-in.ts'
import type { Person } from './user.ts'

/** A code with everything that its redemption depends on, all of one state. */
export interface FoundCode {
  value: OneTimeRecord<'code'>
  session: SessionRecord | undefined
  person: Person | undefined
  consent: ConsentRecord | undefined
}

/**
 * `refuse`: the code stays as it is. `burn`: it is good for nothing any more. `end`: it was used before, and the grant that
 * it gave ends. `wait`: a token of these names would be denied from the start; the code stays as it is.
 */
export type CodeVerdict =
  | { act: 'redeem'; grant: GrantRecord; options: GrantOptions; event: Recording | undefined }
  | { act: 'refuse' | 'burn'; error: OAuthError }
  | { act: 'end'; reason: string; deny: GrantDenial; own?: OwnDenials; event: Recording | undefined; error: OAuthError }
  | { act: 'wait'; sub: string }

export type CodeRule = (code: FoundCode, now: Instant) => CodeVerdict

export type CodeOutcome =
  | { outcome: 'redeemed'; grant: GrantRecord; person: Person; facts: CodeFacts; replaced: string | undefined }
  | { outcome: 'refused'; error: OAuthError }
  | { outcome: 'wait'; sub: string }
  | { outcome: 'unknown' }

/** The person and session behind a grant. */
export interface GrantPerson {
  grant: GrantRecord
  person: Person
}
