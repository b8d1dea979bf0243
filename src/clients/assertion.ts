/**
 * Client assertions as everybody has to know them (RFC 7523 §2.2): their type, their algorithms, and which client one
 * speaks for. assertion-check.ts judges them.
 */

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Asymmetric ones only: a public key can never serve as a shared secret. */
export const ASSERTION_ALGORITHMS = ['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'EdDSA', 'Ed25519'] as const

/** Longer is refused before anything in it is parsed. */
const MOST_CHARACTERS = 16_384

/** The `iss` of an assertion, unverified. It names the client whose keys verify the assertion. */
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
