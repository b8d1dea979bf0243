/**
 * Proof of possession (RFC 9449): a token that is bound to a key is valid only together with a proof. The key signs the
 * proof for one request, and the proof can be used once.
 */
import { calculateJwkThumbprint, compactVerify, importJWK, type JWK } from 'jose'
import { ASYMMETRIC_ALGORITHMS, publicPart } from './algorithms.ts'
import { sha256 } from './digest.ts'
import { TokenError } from './errors.ts'
import { ExpiringSet } from './expiring-set.ts'
import type { TokenClaims } from './token.ts'

/** The proof of a request, and the request that it has to fit. */
export interface DpopProof {
  /** The `DPoP` header. */
  proof: string | undefined
  method: string
  /** The URL as the client sees it. */
  url: string
}

/** The proof and the request that it was checked against, as one text to compare. */
export const describeProof = ({ proof, method, url }: DpopProof): string => JSON.stringify([proof, method, url])

const MOST_PROOF_CHARACTERS = 8192
/** The greatest age of a proof. A used proof is remembered for the same time. */
const PROOF_SECONDS = 60
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

const refuse = (description: string, cause?: unknown): TokenError =>
  new TokenError('invalid_signature', `DPoP proof: ${description}`, {
    scheme: 'DPoP',
    challengeError: 'invalid_dpop_proof',
    cause,
  })

/** The thumbprint that a token is bound to. @throws TokenError `wrong_type` where it is bound by something else */
function boundTo({ cnf }: TokenClaims): string | undefined {
  if (cnf === undefined) return undefined
  const jkt = typeof cnf === 'object' && cnf !== null && 'jkt' in cnf ? cnf.jkt : undefined
  if (typeof jkt === 'string') return jkt
  throw new TokenError('wrong_type', 'the token is bound (cnf) by a method that cannot be checked here')
}

/** The arrival of a request, by the wall clock and by the even clock. */
export interface ProofTime {
  nowSeconds: number
  evenMs: number
  toleranceSeconds: number
}

export class ProofChecker {
  /** Under a flood the oldest proofs are forgotten early. Their `iat` still limits them. */
  readonly #seen = new ExpiringSet()
  /** A request may pass several guards with the same proof. The checked values are kept, since an object can change. */
  readonly #checked = new WeakMap<DpopProof, string>()

  /**
   * Checks that token and request belong together.
   * @param request the proof of a request with scheme `DPoP`; `undefined` for a Bearer token
   * @throws TokenError `wrong_type` where token and scheme do not fit, `invalid_signature` for a bad proof
   */
  async check(token: string, claims: TokenClaims, request: DpopProof | undefined, time: ProofTime): Promise<void> {
    const jkt = boundTo(claims)
    if (jkt === undefined && request === undefined) return
    if (request === undefined)
      throw new TokenError('wrong_type', 'the token is bound to a key: send it with scheme DPoP and a proof', {
        scheme: 'DPoP',
      })
    if (jkt === undefined)
      throw new TokenError('wrong_type', 'the token is not bound to a key: send it with scheme Bearer')
    const checked = `${token} ${describeProof(request)}`
    if (this.#checked.get(request) === checked) return
    const { jti, iat } = await checkProof(token, jkt, request, time)
    const livesSeconds = iat + PROOF_SECONDS + time.toleranceSeconds - time.nowSeconds
    const now = { wallMs: time.nowSeconds * 1000, evenMs: time.evenMs }
    if (!this.#seen.add(`${jkt} ${jti}`, livesSeconds * 1000, now)) throw refuse('it was used before (jti)')
    this.#checked.set(request, checked)
  }
}

async function checkProof(
  token: string,
  jkt: string,
  { proof, method, url }: DpopProof,
  { nowSeconds, toleranceSeconds }: ProofTime,
): Promise<{ jti: string; iat: number }> {
  if (proof === undefined || proof === '') throw refuse('the DPoP header is missing')
  if (proof.length > MOST_PROOF_CHARACTERS) throw refuse(`longer than ${MOST_PROOF_CHARACTERS} characters`)
  if (proof.includes(',')) throw refuse('exactly one is needed')
  const { claims, thumbprint } = await verifyProof(proof)
  if (thumbprint !== jkt) throw refuse('made with another key than the token is bound to')
  const { htm, htu, ath, jti, iat } = claims
  if (htm !== method) throw refuse('made for another method (htm)')
  if (typeof htu !== 'string' || !samePlace(htu, url)) throw refuse('made for another URL (htu)')
  if (ath !== sha256(token)) throw refuse('made for another token (ath)')
  if (typeof jti !== 'string' || jti === '' || jti.length > 256) throw refuse('jti is missing')
  if (typeof iat !== 'number') throw refuse('iat is missing')
  if (iat > nowSeconds + toleranceSeconds) throw refuse('made in the future (iat)')
  if (iat < nowSeconds - PROOF_SECONDS - toleranceSeconds) throw refuse(`older than ${PROOF_SECONDS} s (iat)`)
  return { jti, iat }
}

/** base64url of 4096 bits, and of 32. */
const MOST_MODULUS_CHARACTERS = 683
const MOST_EXPONENT_CHARACTERS = 6

async function verifyProof(proof: string): Promise<{ claims: Record<string, unknown>; thumbprint: string }> {
  try {
    let thumbprint = ''
    const { payload } = await compactVerify(proof, async ({ typ, alg, jwk, crit }) => {
      if (typ !== 'dpop+jwt') throw refuse('typ is not dpop+jwt')
      if (crit !== undefined) throw refuse('crit is not understood')
      if (!ASYMMETRIC_ALGORITHMS.includes(alg)) throw refuse('alg is none that proves possession')
      const key = readKey(jwk)
      thumbprint = await calculateJwkThumbprint(key)
      return importJWK(key, alg)
    })
    const claims: unknown = JSON.parse(new TextDecoder().decode(payload))
    if (typeof claims !== 'object' || claims === null) throw refuse('no claims')
    return { claims: claims as Record<string, unknown>, thumbprint } // each is looked at by the caller
  } catch (cause) {
    throw cause instanceof TokenError ? cause : refuse('its form or signature is wrong', cause)
  }
}

function readKey(jwk: JWK | undefined): JWK {
  if (typeof jwk !== 'object' || jwk === null) throw refuse('jwk is missing')
  if (PRIVATE_MEMBERS.some((member) => member in jwk)) throw refuse('jwk holds private members')
  const key = publicPart(jwk)
  if (!key) throw refuse('jwk is no public signature key')
  // The caller chose this key: with a long RSA exponent a single check would take milliseconds.
  if ((key.n?.length ?? 0) > MOST_MODULUS_CHARACTERS || (key.e?.length ?? 0) > MOST_EXPONENT_CHARACTERS)
    throw refuse('jwk is longer than 4096 bits, or has an unusual exponent')
  return key
}

/** RFC 9449 §4.3: query and fragment do not count. */
function samePlace(htu: string, url: string): boolean {
  if (!URL.canParse(htu) || !URL.canParse(url)) return false
  const [told, real] = [new URL(htu), new URL(url)]
  return told.origin === real.origin && told.pathname === real.pathname
}
