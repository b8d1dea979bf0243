/**
 * A grant: one authorisation of one client and subject, with its refresh token family. Every token issued
 * through it carries its id as `sid`. How a family rotates is tokens/refresh-rotation.ts.
 */
import { fromSeconds, type Instant } from '../ground/clock.ts'
import { timeOrderedId } from '../ground/ids.ts'
import { randomText } from '../ground/secret-value.ts'
import type { ClientRecord } from '../store/records/client.ts'
import { isExpired, type GrantRecord } from '../store/records/grant.ts'
import type { GrantSignIn } from '../store/records/authentication.ts'

/** Lifetimes that the configuration gives where client and resource give none, in seconds. */
export interface Lifetimes {
  accessTokenTtlSeconds: number
  refreshTokenTtlSeconds: number
  refreshGraceSeconds: number
}

export interface GrantTerms {
  /** The grant type that begins it. */
  grantType: string
  client: ClientRecord
  sub: string
  resources: string[]
  scope: string[]
  claims: Record<string, unknown>
  /** No access token ends after this. */
  accessExpiresAt: Instant
  /** The session in which a person gives it, where one does. */
  session?: { id: string; signIn: GrantSignIn } | undefined
}

/** A new grant, its family at generation 0. */
export function newGrant(terms: GrantTerms, lifetimes: Lifetimes, now: Instant): GrantRecord {
  const { grantType, client, sub, resources, scope, claims, accessExpiresAt, session } = terms
  return {
    sid: timeOrderedId(now),
    clientId: client.clientId,
    sub,
    grantType,
    resources,
    scope,
    claims,
    familySecret: randomText(16),
    generation: 0,
    // The write chooses the key.
    masterKeyId: null,
    masterKeyFrom: 0,
    createdAt: now,
    rotatedAt: now,
    expiresAt: now + fromSeconds(client.refreshTokenTtl ?? lifetimes.refreshTokenTtlSeconds),
    idleExpiresAt: idleEnd(client, now),
    accessExpiresAt,
    endedAt: null,
    endedReason: null,
    sessionId: session?.id ?? null,
    signIn: session?.signIn ?? null,
  }
}

export const MOST_SUBJECT_CHARACTERS = 255

/**
 * Whether a text can be the `sub` of a person. With control characters a sub could look like another one in a log.
 * U+FFFD stands for bytes that are not UTF-8: two persons whose ids came in another encoding would become one.
 */
export const isSubject = (text: string): boolean =>
  text.length <= MOST_SUBJECT_CHARACTERS && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\uFFFD]/u.test(text)

/** When a family ends that is not used from now on; `null` if it has only an absolute end. */
export const idleEnd = (client: ClientRecord, now: Instant): Instant | null =>
  client.refreshTokenIdleTtl === null ? null : now + fromSeconds(client.refreshTokenIdleTtl)

export type GrantStatus = 'active' | 'expired' | 'ended'

/** The status of a grant as operators see it. An ended grant stays `ended` after its time. */
export function statusOf(grant: GrantRecord, now: Instant): GrantStatus {
  if (grant.endedAt !== null) return 'ended'
  return isExpired(grant, now) ? 'expired' : 'active'
}
