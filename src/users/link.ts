/** Links that are sent to people. Their address is made of the issuer URL alone, never of a request. */
import type { Instant } from '../ground/clock.ts'
import { fromSeconds } from '../ground/clock.ts'
import { timeOrderedId } from '../ground/ids.ts'
import { hashOf, newSecretValue } from '../ground/secret-value.ts'
import type { OneTimeRecord } from '../store/records/one-time.ts'

/** How long a link is remembered after its end, so that a late use can be told from a wrong address. */
const REMEMBERED_MS = 30 * 86_400_000

const PATHS = { invitation: '/invite', sign_in_link: '/link' } as const

export interface NewLink {
  /** Shown once. */
  url: string
  record: OneTimeRecord
}

export interface LinkTerms {
  kind: keyof typeof PATHS
  /** The id of the person that it is for; empty for none. */
  owner: string
  facts: Record<string, unknown>
  uses: number
  ttlSeconds: number
}

export function newLink({ kind, owner, facts, uses, ttlSeconds }: LinkTerms, issuer: string, now: Instant): NewLink {
  const secret = newSecretValue()
  const expiresAt = now + fromSeconds(ttlSeconds)
  return {
    url: `${issuer.replace(/\/$/, '')}${PATHS[kind]}?token=${secret}`,
    record: {
      kind,
      hash: hashOf(secret),
      id: timeOrderedId(now),
      owner,
      facts,
      usesLeft: uses,
      createdAt: now,
      expiresAt,
      keptUntil: expiresAt + REMEMBERED_MS,
      consumedAt: null,
      outcome: null,
    },
  }
}
