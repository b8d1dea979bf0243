/**
 * The same checks with two packages that many APIs use today: `jsonwebtoken`, and `jwks-rsa`, which caches keys and limits
 * its own requests. A key rotation reaches such APIs, too. They do not see revocations, and check `typ` only by code of
 * their own.
 */
import jwt from 'jsonwebtoken'
import { JwksClient, JwksRateLimitError, SigningKeyNotFoundError } from 'jwks-rsa'
import { TokenError, type TokenErrorCode } from 'signet-verify'

export interface SecondVerifierOptions {
  issuer: string
  audience: [string, ...string[]]
  clockToleranceSeconds: number
}

export interface SecondVerifier {
  /** @throws TokenError */
  verify(token: string): Promise<{ claims: jwt.JwtPayload; header: jwt.JwtHeader }>
  /** How often the key set was fetched. */
  fetches(): number
}

export function createSecondVerifier(options: SecondVerifierOptions): SecondVerifier {
  const { issuer, audience, clockToleranceSeconds: clockTolerance } = options
  let fetches = 0
  const keys = new JwksClient({
    cache: true,
    cacheMaxAge: 5 * 60_000, // Signet's own `max-age`; a next key is published for longer before it signs
    rateLimit: true,
    jwksRequestsPerMinute: 10,
    jwksUri: `${issuer}/.well-known/jwks.json`,
    async fetcher(uri) {
      fetches += 1
      const response = await fetch(uri, { headers: { 'user-agent': 'digital-seal-second-verifier' } })
      return (await response.json()) as { keys: unknown[] }
    },
  })
  return {
    fetches: () => fetches,
    async verify(token) {
      const { kid } = headerOf(token)
      const key = await keys.getSigningKey(kid).catch(refuseWithoutKey)
      // The key decides the algorithm, never the token: RFC 8725 §3.1.
      const algorithms = [key.alg as jwt.Algorithm]
      const expected = { issuer, audience, clockTolerance, algorithms, complete: true } as const
      const { header, payload } = verifyWithKey(token, key.getPublicKey(), expected)
      if (header.typ !== 'at+jwt') throw new TokenError('wrong_type', 'typ is not at+jwt')
      if (typeof payload === 'string') throw new TokenError('malformed_token', 'the claims are no JSON object')
      return { claims: payload, header }
    },
  }
}

/** Reads the unverified header, which may only be used to find the key. */
function headerOf(token: string): jwt.JwtHeader {
  try {
    const unverified = jwt.decode(token, { complete: true })
    if (unverified) return unverified.header
  } catch {
    // The header is no JSON, which is the same fault for the caller.
  }
  throw new TokenError('malformed_token', 'this is no JWT')
}

/** The refusals of `jsonwebtoken` differ by their messages alone. */
const CODE_OF: readonly [RegExp, TokenErrorCode][] = [
  [/^jwt expired/, 'token_expired'],
  [/^jwt not active/, 'token_not_active'],
  [/^jwt audience invalid/, 'wrong_audience'],
  [/^jwt issuer invalid/, 'wrong_issuer'],
  [/^invalid signature/, 'invalid_signature'],
  [/^(invalid algorithm|jwt signature is required)/, 'unsupported_algorithm'],
]

function verifyWithKey(token: string, key: string, expected: jwt.VerifyOptions & { complete: true }): jwt.Jwt {
  try {
    return jwt.verify(token, key, expected)
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    // `jsonwebtoken` throws a TypeError for a signature of a wrong length; uncaught it would be a 500.
    if (!(error instanceof jwt.JsonWebTokenError)) throw new TokenError('invalid_signature', said)
    throw new TokenError(CODE_OF.find(([pattern]) => pattern.test(said))?.[1] ?? 'malformed_token', said)
  }
}

function refuseWithoutKey(error: unknown): never {
  if (error instanceof SigningKeyNotFoundError) throw new TokenError('unknown_key', error.message)
  // Without keys nothing is known about the token.
  const why = error instanceof JwksRateLimitError ? 'too many unknown kids within a minute' : 'the keys cannot be read'
  throw new TokenError('issuer_unavailable', why, { cause: error })
}
