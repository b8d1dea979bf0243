/** Links that are sent to people. Their address is made of the issuer URL alone, never of a request. */
import type { Instant } from '../ground/clock.ts'
import { fromSeconds } from '../ground/clock.ts'
import { hashOf, newSecretValue } from '../ground/secret-value.ts'
import { newOneTime, type LinkKind, type OneTimeFacts, type OneTimeRecord } from '../store/records/one-time.ts'

/** How long a link is remembered after its end, so that a late use can be told from a wrong address. */
const REMEMBERED_MS = 30 * 86_400_000

const PATHS: Record<LinkKind, string> = { invitation: '/invite', sign_in_link: '/link' }

/** A one-time link, shown once. */
export interface ShownLink {
  id: string
  url: string
  expiresAt: Instant
}

export interface NewLink<Kind extends LinkKind> {
  /** Shown once. */
  url: string
  record: OneTimeRecord<Kind>
}

export interface LinkTerms<Kind extends LinkKind> {
  kind: Kind
  /** The id of the person that it is for; empty for none. */
  owner: string
  facts: OneTimeFacts[Kind]
  uses: number
  ttlSeconds: number
}

/** @param issuer the issuer URL */
export function newLink<Kind extends LinkKind>(
  { kind, owner, facts, uses, ttlSeconds }: LinkTerms<Kind>,
  issuer: string,
  now: Instant,
): NewLink<Kind> {
  const secret = newSecretValue()
  const expiresAt = now + fromSeconds(ttlSeconds)
  return {
    url: `${issuer.replace(/\/$/, '')}${PATHS[kind]}?token=${secret}`,
    record: newOneTime(
      { kind, hash: hashOf(secret), owner, facts, usesLeft: uses, expiresAt, keptUntil: expiresAt + REMEMBERED_MS },
      now,
    ),
  }
}
