/** The rotation of a refresh token family: the rule that decides, its verdicts, and what became of it. */
import type { Instant } from '../../ground/clock.ts'
import type { OAuthError } from '../../ground/errors.ts'
import type { Recording } from './audit.ts'
import type { OwnDenials } from './blacklist.ts'
import type { GrantDenial, GrantRecord } from './grant.ts'
import type { Person } from './user.ts'

/** The verdict of the rule of refresh rotation on a presented generation, under the family's lock. */
export type RotationVerdict =
  /** `masterKeyId`: the master key that the family moves to; absent where it stays. */
  | { act: 'rotate'; idleExpiresAt: Instant | null; accessExpiresAt: Instant; masterKeyId?: string | undefined }
  | { act: 'repeat'; accessExpiresAt: Instant }
  | { act: 'end'; reason: string; deny: GrantDenial; own?: OwnDenials; event: Recording | undefined; error: OAuthError }
  | { act: 'refuse'; error: OAuthError }

/** The grant after a rotation at `now`. */
export function rotated(
  grant: GrantRecord,
  verdict: Extract<RotationVerdict, { act: 'rotate' }>,
  now: Instant,
): GrantRecord {
  const { idleExpiresAt, accessExpiresAt, masterKeyId } = verdict
  const generation = grant.generation + 1
  const moved = masterKeyId === undefined ? {} : { masterKeyId, masterKeyFrom: generation }
  return {
    ...grant,
    ...moved,
    generation,
    rotatedAt: now,
    idleExpiresAt,
    accessExpiresAt: Math.max(grant.accessExpiresAt, accessExpiresAt),
  }
}

/**
 * The rule of refresh rotation, asked under the family's lock. It may be asked several times.
 * @param person who gave the grant by signing in, read in the same write; absent for any other grant, and where the
 *   person does not exist any more
 */
export type RotationRule = (grant: GrantRecord, now: Instant, person: Person | undefined) => RotationVerdict

/** A family that was renewed. */
export interface Renewed {
  outcome: 'rotated' | 'repeated'
  grant: GrantRecord
  /** The person that the rule has judged. */
  person: Person | undefined
  /** The time of the write, which dates the access token that follows. */
  at: Instant
}

export type RotationOutcome =
  | Renewed
  | { outcome: 'refused'; error: OAuthError }
  | { outcome: 'ended'; error: OAuthError }
  | { outcome: 'unknown' }
