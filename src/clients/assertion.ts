/** Client authentication by a signed assertion, `private_key_jwt` (RFC 7523 §2.2 and §3). */
import { createLocalJWKSet, errors, jwtVerify, type JWK, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import { fromSeconds, toSeconds, type Clock } from '../clock.ts'
import type { ClientJwk, ClientRecord, Store } from '../store/store.ts'
import { decoyFor } from './decoy-keys.ts'

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Asymmetric ones only: a public key can never serve as a shared secret. */
export const ASSERTION_ALGORITHMS = ['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'EdDSA', 'Ed25519'] as const

/** An assertion lives at most this long, since its `jti` has to be remembered as long. Seconds. */
const MOST_LIFETIME = 600
/** Longer is refused before anything in it is parsed. */
const MOST_CHARACTERS = 16_384
/** How far a client's clock may be ahead before `iat` and `nbf` refuse. Seconds. */
const MOST_AHEAD = 60

export type AssertionVerdict = { good: true } | { good: false; reason: string; replayed?: true }

/** `iss` of an assertion, unverified: tells whose key to verify it with. */
export function readAssertionIssuer(assertion: string): string | undefined {
  if (assertion.length > MOST_CHARACTERS) return undefined
  try {
    const payload: unknown = JSON.parse(Buffer.from(assertion.split('.')[1] ?? '', 'base64url').toString())
    const issuer = payload && typeof payload === 'object' && 'iss' in payload ? payload.iss : undefined
    return typeof issuer === 'string' ? issuer : undefined
  } catch {
    return undefined
  }
}

/** Checks an assertion against a client's registered keys and consumes its `jti`, once in all processes. */
export async function checkAssertion(
  assertion: string,
  client: ClientRecord,
  context: { issuer: string; clock: Clock; store: Store },
): Promise<AssertionVerdict> {
  const now = context.clock.now()
  const keys = new Keys(client)
  let claims: JWTPayload
  try {
    // `jwk`, `jku` and `x5u` headers are not looked at; an unknown `crit` refuses (RFC 7515 §4.1.11).
    const verified = await jwtVerify(assertion, keys.find, {
      algorithms: [...ASSERTION_ALGORITHMS],
      issuer: client.clientId,
      subject: client.clientId,
      requiredClaims: ['exp', 'jti', 'aud'],
      clockTolerance: MOST_AHEAD,
      currentDate: new Date(now),
    })
    if (keys.areDecoys) throw new errors.JWKSNoMatchingKey()
    claims = verified.payload
    const fault = findFault(claims, verified.protectedHeader.typ, context.issuer, toSeconds(now))
    if (fault) return { good: false, reason: fault }
  } catch (thrown) {
    const error = keys.areDecoys ? new errors.JWKSNoMatchingKey() : thrown
    if (error instanceof errors.JWKSMultipleMatchingKeys) await checkInVain(assertion)
    const isKnown = error instanceof errors.JOSEError
    return { good: false, reason: isKnown ? `${error.code}: ${error.message}` : 'its keys could not be used' }
  }
  const expiresAt = fromSeconds((claims.exp ?? 0) + MOST_AHEAD)
  const outcome = await context.store.consumeJti('client_assertion', client.clientId, claims.jti ?? '', expiresAt)
  return outcome === 'fresh' ? { good: true } : { good: false, reason: 'its jti was used before', replayed: true }
}

/**
 * Takes as long as refusing a wrong signature does, where there is no key to check it by: else the time of a refusal
 * would tell which clients there are. Never rejects, whatever the assertion is.
 */
export async function checkInVain(assertion: string): Promise<void> {
  await jwtVerify(assertion, new Keys(undefined).find, { algorithms: [...ASSERTION_ALGORITHMS] }).catch(() => {})
}

/**
 * The keys that an assertion may be signed by, imported anew for each. Where none fits its header there is a decoy,
 * chosen from a set like any other, by which nothing is good.
 */
class Keys {
  readonly #registered: ClientJwk[]
  areDecoys = false

  constructor(client: ClientRecord | undefined) {
    this.#registered = client?.jwks?.keys ?? []
  }

  readonly find: JWTVerifyGetKey = (header, token) => {
    const { alg, kid } = header
    const decoy = decoyFor(alg as (typeof ASSERTION_ALGORITHMS)[number]) // no other comes as far as to a key
    const fitting = this.#registered.filter(
      (key) =>
        key.kty === decoy.kty &&
        key.crv === decoy.crv &&
        (kid === undefined || key.kid === kid) &&
        (key.alg === undefined || key.alg === alg),
    )
    this.areDecoys = fitting.length === 0
    const keys = this.areDecoys ? [kid === undefined ? decoy : { ...decoy, kid }] : fitting
    return createLocalJWKSet({ keys: keys as JWK[] })(header, token) // their form was checked when they came
  }
}

function findFault(claims: JWTPayload, typ: string | undefined, issuer: string, now: number): string | undefined {
  // One string, so that an assertion meant for somebody else as well cannot be replayed by them.
  if (claims.aud !== issuer) return `aud must be the issuer ${issuer}, as one string`
  if ((claims.exp ?? 0) <= now) return 'it has expired'
  if ((claims.exp ?? 0) > now + MOST_LIFETIME + MOST_AHEAD) return `exp is more than ${MOST_LIFETIME} seconds ahead`
  if ((claims.iat ?? 0) > now + MOST_AHEAD) return 'iat is in the future'
  if (typeof claims.jti !== 'string' || claims.jti === '' || claims.jti.length > 256)
    return 'jti must be a string of 1 to 256 characters'
  // An access token, logout token or proof signed by the same key is no assertion (RFC 8725 §3.11).
  if (typ !== undefined && !['jwt', 'client-authentication+jwt'].includes(typ.toLowerCase()))
    return `typ "${typ}" is another kind of token`
  return undefined
}
