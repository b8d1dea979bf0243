/** Signing keys, their rings, and who reads them. */
import { isAhead, type Instant } from '../../ground/clock.ts'

export type SigningAlgorithm = 'ES256' | 'RS256'

/** RFC 7517 public members of one signing key. */
export interface PublicJwk {
  kty: string
  crv?: string
  x?: string
  y?: string
  n?: string
  e?: string
}

export type KeyStatus = 'next' | 'active' | 'retiring' | 'retired' | 'revoked'

declare const NAMES_RING: unique symbol

/** Names the issuer's rings, or those that a resource has to itself. No other text is taken for it by mistake. */
export type RingName = string & { readonly [NAMES_RING]: true }

/** The rings of the issuer's own. No resource has the empty text for its id. */
export const SHARED_RING = '' as RingName

/**
 * The rings that a resource has to itself. The empty text names none, above all not the shared ones: it comes of a variable
 * that is not set.
 */
export const ownRing = (resource: string): RingName | undefined =>
  resource === '' ? undefined : (resource as RingName) // the one text that is no resource is looked at here

/** Names a ring: the keys of one algorithm, of the issuer or of one resource. */
export interface RingId {
  ring: RingName
  alg: SigningAlgorithm
}

export interface SigningKeyRecord extends RingId {
  kid: string
  status: KeyStatus
  publicJwk: PublicJwk
  /** Compact JWE of the private JWK, sealed under the master key; emptied when retired or revoked. */
  sealedPrivateKey: string
  /** When it was published. */
  createdAt: Instant
  activatedAt: Instant | null
  /** Stopped signing: rotated out or revoked. */
  deactivatedAt: Instant | null
  /** No token that it signed is valid after this; reserved ahead of signing. */
  signedUntil: Instant
}

/** The master key that sealed a private key, by the `kid` of its JWE header; `undefined` where nothing is sealed. */
export function sealedUnder(jwe: string): string | undefined {
  const [header = ''] = jwe.split('.', 1)
  try {
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid?: unknown } // looked at below
    return typeof kid === 'string' ? kid : undefined
  } catch {
    return undefined
  }
}

/** Whether two names lead to the same ring; a key has the name of its ring. */
export const isSameRing = (one: RingId, other: RingId): boolean => one.ring === other.ring && one.alg === other.alg

/** The later of a key's two dates. */
export const newestDate = ({ createdAt, activatedAt }: SigningKeyRecord): Instant =>
  Math.max(createdAt, activatedAt ?? createdAt)

/** Whether the schedule rests on the dates of a key. */
export const isScheduled = ({ status }: SigningKeyRecord): boolean => status === 'active' || status === 'next'

/** Whether a clock that was ahead has dated a key, so that the schedule would wait for that date. */
export const isDatedAhead = (key: SigningKeyRecord, now: Instant): boolean =>
  isScheduled(key) && isAhead(newestDate(key), now)

/** Whether the key is in the JWKS. */
export const isPublished = ({ status }: SigningKeyRecord): boolean =>
  status === 'next' || status === 'active' || status === 'retiring'

/** A program that reads the key set or the blacklist feed. The name is what it says of itself. */
export interface KeyReader {
  name: string
  lastSeenAt: Instant
  /** When the newest key in the key set that it last fetched was published; 0 where it has fetched none. */
  knowsUntil: Instant
}

/** The verdict of the rule of key rotation on a ring, under its lock. */
export type PromotionVerdict = { act: 'promote' } | { act: 'wait'; safeFrom: Instant | null; reason: string }

export type PromotionOutcome =
  | { outcome: 'promoted'; keys: SigningKeyRecord[] }
  | { outcome: 'refused'; safeFrom: Instant | null; reason: string }

export type RevocationOutcome =
  | { outcome: 'revoked'; before: SigningKeyRecord }
  | { outcome: 'unknown' }
  | { outcome: 'already' }
