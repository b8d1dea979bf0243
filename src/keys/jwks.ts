/** The key set for verifiers (RFC 7517): public members only, each key with `kid`, `alg` and `use`. */
import { entityTag } from '../ground/entity-tag.ts'
import type { Instant } from '../ground/clock.ts'
import type { SigningKeyRecord } from '../store/records/key.ts'

export interface JwksDocument {
  body: string
  /** Strong entity tag over the body (RFC 9110 §8.8.3). */
  etag: string
  /** When its newest key was published; 0 without keys. */
  knowsUntil: Instant
}

/** @param records published keys; their order does not change the document */
export function jwksDocument(records: SigningKeyRecord[]): JwksDocument {
  const keys = records
    .toSorted((a, b) => a.createdAt - b.createdAt || a.kid.localeCompare(b.kid))
    .map(({ kid, alg, publicJwk }) => ({ ...publicJwk, kid, alg, use: 'sig' }))
  const body = JSON.stringify({ keys })
  return {
    body,
    etag: entityTag(body),
    knowsUntil: Math.max(0, ...records.map(({ createdAt }) => createdAt)),
  }
}
