/** Client authentication by a signed assertion, `private_key_jwt` (RFC 7523 §2.2 and §3). Loaded at the first assertion. */
import {
  createLocalJWKSet,
  errors,
  jwtVerify,
  type JWK,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from 'jose'
import { fromSeconds, toSeconds, type Clock, type Instant } from '../ground/clock.ts'
import type { ClientJwk } from '../store/records/client.ts'
import type { Store } from '../store/store.ts'
import { ASSERTION_ALGORITHMS } from './assertion.ts'
import { isSameAlgorithm } from './assertion-key.ts'
import { decoyFor } from './decoy-keys.ts'

/** An assertion lives at most this long, since its `jti` has to be remembered as long. Seconds. */
const MOST_LIFETIME = 600
/** How far a client's clock may be ahead before `iat` and `nbf` refuse. Seconds. */
const MOST_AHEAD = 60

/** A constant text, because an error with its stack takes time to make. The doctor knows its first word. */
const NO_KEY = 'ERR_JWKS_NO_MATCHING_KEY: no key of the client fits its alg and kid'

export type AssertionVerdict = { good: true } | { good: false; reason: string; replayed?: true }

/** A client with the keys that may have signed its assertions. */
export interface Signer {
  clientId: string
  keys: readonly ClientJwk[]
  /** Why keys may be missing, for the operator alone. */
  fault?: string | undefined
}

/** Checks an assertion against a client's keys and consumes its `jti`, once in all processes. */
export async function checkAssertion(
  assertion: string,
  signer: Signer,
  context: { issuer: string; clock: Clock; store: Store },
): Promise<AssertionVerdict> {
  const now = context.clock.now()
  const keys = new Keys(signer)
  let claims: JWTPayload
  try {
    // `jwk`, `jku` and `x5u` headers are not looked at; an unknown `crit` refuses (RFC 7515 §4.1.11).
    const verified = await jwtVerify(assertion, keys.find, rulesFor(signer.clientId, now))
    if (keys.fault !== undefined) return { good: false, reason: keys.fault }
    claims = verified.payload
    const fault = findFault(claims, verified.protectedHeader.typ, context.issuer, toSeconds(now))
    if (fault) return { good: false, reason: fault }
  } catch (thrown) {
    // Some keys can be imported and still fail, such as RSA with too few bits.
    if (!(thrown instanceof errors.JOSEError)) await checkInVain(assertion)
    return { good: false, reason: keys.fault ?? describe(thrown) }
  }
  const expiresAt = fromSeconds((claims.exp ?? 0) + MOST_AHEAD)
  const outcome = await context.store.consumeJti('client_assertion', signer.clientId, claims.jti ?? '', expiresAt)
  return outcome === 'fresh' ? { good: true } : { good: false, reason: 'its jti was used before', replayed: true }
}

/**
 * Takes as long as the refusal of a wrong signature, for an assertion without a key to check it by. Otherwise the time of
 * a refusal would tell which clients exist. Never rejects, whatever the assertion is.
 */
export async function checkInVain(assertion: string): Promise<void> {
  await jwtVerify(assertion, new Keys(undefined).find, rulesFor('', 0)).catch(() => {})
}

const rulesFor = (clientId: string, now: Instant): JWTVerifyOptions => ({
  algorithms: [...ASSERTION_ALGORITHMS],
  issuer: clientId,
  subject: clientId,
  requiredClaims: ['exp', 'jti', 'aud'],
  clockTolerance: MOST_AHEAD,
  currentDate: new Date(now),
})

/**
 * The keys that may have signed an assertion, imported for each assertion. If none of them can be used, a decoy takes
 * their place. It is chosen from a set as they are, and no assertion verifies by it.
 */
class Keys {
  readonly #signer: Signer | undefined
  /** Why a decoy took the place of the client's keys, if it did. */
  fault: string | undefined

  constructor(signer: Signer | undefined) {
    this.#signer = signer
  }

  readonly find: JWTVerifyGetKey = async (header, token) => {
    const { alg, kid } = header
    const decoy = decoyFor(alg as (typeof ASSERTION_ALGORITHMS)[number]) // no other comes as far as to a key
    const fitting = this.#signer?.keys.filter((key) => fits(key, decoy, header)) ?? []
    if (fitting.length === 0) this.fault = this.#signer?.fault ?? NO_KEY
    else {
      try {
        return await createLocalJWKSet({ keys: fitting.map((key) => ({ ...key, alg })) })(header, token)
      } catch (error) {
        this.fault = describe(error)
      }
    }
    const standIn = { ...decoy, alg, ...(kid !== undefined && { kid }) }
    return createLocalJWKSet({ keys: [standIn] })(header, token)
  }
}

const describe = (error: unknown): string =>
  error instanceof errors.JOSEError ? `${error.code}: ${error.message}` : 'its keys could not be used'

/** Decided before a key set is made, because making a set in vain would take measurable time. */
const fits = (key: ClientJwk, { kty, crv }: JWK, { alg, kid }: { alg?: string; kid?: string }): boolean =>
  key.kty === kty &&
  key.crv === crv &&
  (kid === undefined || key.kid === kid) &&
  (key.alg === undefined || isSameAlgorithm(key.alg, alg))

function findFault(claims: JWTPayload, typ: string | undefined, issuer: string, now: number): string | undefined {
  // It has to be one string, because a second audience could replay the assertion here.
  if (claims.aud !== issuer) return `aud must be the issuer ${issuer}, as one string`
  if ((claims.exp ?? 0) <= now) return 'it has expired'
  if ((claims.exp ?? 0) > now + MOST_LIFETIME + MOST_AHEAD) return `exp is more than ${MOST_LIFETIME} seconds ahead`
  if ((claims.iat ?? 0) > now + MOST_AHEAD) return 'iat is in the future'
  if (typeof claims.jti !== 'string' || claims.jti === '' || claims.jti.length > 256)
    return 'jti must be a string of 1 to 256 characters'
  // An access token, logout token or proof signed by the same key is no assertion (RFC 8725 §3.11).
  if (typ !== undefined && !['jwt', 'client-authentication+jwt'].includes(typ.toLowerCase()))
    return 'its typ is that of another kind of token'
  return undefined
}
