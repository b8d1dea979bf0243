/**
 * Client assertions as everybody has to know them (RFC 7523 §2.2): their type, their algorithms, and which client one
 * speaks for. assertion-check.ts judges them.
 */
import { textIn } from '../ground/jwt-part.ts'

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Asymmetric ones only: a public key can never serve as a shared secret. */
export const ASSERTION_ALGORITHMS = ['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'EdDSA', 'Ed25519'] as const

/** Longer is refused before anything in it is parsed. */
const MOST_CHARACTERS = 16_384

/** The unverified claims of an assertion: the client whose keys verify it, and which of them. */
export function readClientAssertion(assertion: string): { issuer: string; kid: string | undefined } | undefined {
  if (assertion.length > MOST_CHARACTERS) return undefined
  const [header, payload] = assertion.split('.', 2)
  const issuer = textIn(payload, 'iss')
  return issuer === undefined ? undefined : { issuer, kid: textIn(header, 'kid') }
}
