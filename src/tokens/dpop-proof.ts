/**
 * DPoP proofs (RFC 9449 §4). A client proves that it holds a key, and its access token is bound to that key
 * (`cnf.jkt`). A thief of the token cannot use it without the key.
 */
import { hash } from 'node:crypto'
import { EmbeddedJWK, calculateJwkThumbprint, decodeProtectedHeader, errors, jwtVerify } from 'jose'
import { fromSeconds, toSeconds, type Clock } from '../ground/clock.ts'
import { ASSERTION_ALGORITHMS } from '../clients/assertion.ts'
import { PRIVATE_MEMBERS } from '../clients/assertion-key.ts'
import { invalidDpopProof } from '../ground/errors.ts'
import type { Store } from '../store/store.ts'

/** The greatest age of a proof, and the greatest lead of the client's clock. Seconds. */
const WINDOW = 60
const MOST_CHARACTERS = 8192
/** base64url of 4096 bits, and of 32. */
const MOST_MODULUS_CHARACTERS = 683
const MOST_EXPONENT_CHARACTERS = 6

export interface ProofContext {
  method: string
  /** The public URL of the endpoint, without query (RFC 9449 §4.3). */
  url: string
  clock: Clock
  store: Store
  /** The access token that the proof goes with; absent where it asks for one (RFC 9449 §7). */
  accessToken?: string | undefined
}

/** A proof that is good, as long as it is used for the first time. */
export interface DpopProof {
  /** The RFC 7638 thumbprint of the key, for `cnf.jkt`. */
  readonly key: string
  /**
   * Consumes its `jti`, once in all processes: the last step before the act that it is for, since it writes.
   * @throws OAuthError `invalid_dpop_proof` where it was used before
   */
  consume(): Promise<void>
}

/**
 * Checks a proof, and consumes nothing.
 * @throws OAuthError `invalid_dpop_proof` (RFC 9449 §5).
 */
export async function checkProof(
  proof: string,
  { method, url, clock, store, accessToken }: ProofContext,
): Promise<DpopProof> {
  const refuse = (reason: string) => invalidDpopProof(`the DPoP proof was refused: ${reason}`)
  if (proof.length > MOST_CHARACTERS) throw refuse(`it has more than ${MOST_CHARACTERS} characters`)
  if (isExpensive(proof)) throw refuse('its key is longer than 4096 bits, or has an unusual exponent')
  const { payload, protectedHeader } = await verify(proof, clock).catch((error: unknown) => {
    // For an unusable key the platform throws an exception of its own.
    if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException) {
      throw refuse(
        "it must be a JWT with typ dpop+jwt, an asymmetric alg, its public key in jwk, and that key's signature",
      )
    }
    throw error
  })
  const jwk = protectedHeader.jwk ?? {}
  if (PRIVATE_MEMBERS.some((member) => member in jwk)) throw refuse('its jwk has private members; replace that key')
  const now = toSeconds(clock.now())
  const { jti, iat, htm, htu, ath } = payload
  if (htm !== method) throw refuse(`htm must be ${method}`)
  if (typeof htu !== 'string' || withoutQuery(htu) !== withoutQuery(url)) throw refuse(`htu must be ${url}`)
  if (typeof iat !== 'number' || Math.abs(now - iat) > WINDOW)
    throw refuse(`iat must be within ${WINDOW} seconds of the issuer's time, which is ${now}`)
  if (typeof jti !== 'string' || jti === '' || jti.length > 256)
    throw refuse('jti must be a string of 1 to 256 characters')
  if (accessToken !== undefined && ath !== hash('sha256', accessToken, 'base64url'))
    throw refuse('ath must be the hash of the access token')
  const key = await calculateJwkThumbprint(jwk)
  const consume = async () => {
    const outcome = await store.consumeJti('dpop_proof', key, jti, fromSeconds(iat + 2 * WINDOW))
    if (outcome === 'replayed') throw refuse('its jti was used before; make a proof for each request')
  }
  return { key, consume }
}

/**
 * Whether the key makes the check of the proof expensive. The caller chooses the key: with a long exponent,
 * verifying an RSA signature costs as much as making one.
 */
function isExpensive(proof: string): boolean {
  try {
    const { n = '', e = '' } = decodeProtectedHeader(proof).jwk ?? {}
    return n.length > MOST_MODULUS_CHARACTERS || e.length > MOST_EXPONENT_CHARACTERS
  } catch {
    return false // the signature check refuses it
  }
}

const verify = (proof: string, clock: Clock) =>
  jwtVerify(proof, EmbeddedJWK, {
    typ: 'dpop+jwt',
    algorithms: [...ASSERTION_ALGORITHMS],
    requiredClaims: ['jti', 'iat', 'htm', 'htu'],
    currentDate: new Date(clock.now()),
    clockTolerance: WINDOW,
  })

const withoutQuery = (url: string): string => {
  if (!URL.canParse(url)) return url
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
