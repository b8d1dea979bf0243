/** Checks algorithm, key and signature of a token. No verifier may accept a token that is refused here. */
import { errors } from 'jose'
import { bad, good, shown, type Check, type Members } from './check.ts'

const UNSIGNED =
  'never accept it: anybody can write such a token; fix the list of algorithms in your verifier to ES256 and RS256'

/** @param accepted algorithms of asymmetric signatures */
export function checkAlgorithm(header: Members, accepted: readonly string[]): Check {
  const alg = shown(header.alg)
  if (accepted.includes(alg)) return good('algorithm', alg)
  if (alg.toLowerCase() === 'none') return bad('algorithm', `alg is ${alg}: the token is not signed`, UNSIGNED)
  if (/^HS\d+$/.test(alg)) {
    return bad(
      'algorithm',
      `${alg} is made with a shared secret; a JWKS holds public keys, and none of them can check it`,
      'let the issuer sign with ES256 or RS256; never give a verifier the public key as a secret, whoever has the JWKS could then make tokens',
    )
  }
  return bad('algorithm', `${alg}; accepted: ${accepted.join(', ')}`, UNSIGNED)
}

/** The kind of key that each algorithm needs (RFC 7518 §3.1, RFC 8037). */
const KEY_TYPES: Readonly<Record<string, string>> = {
  ES256: 'EC P-256',
  ES384: 'EC P-384',
  ES512: 'EC P-521',
  EdDSA: 'OKP',
  Ed25519: 'OKP',
}

/** The key decides the algorithm, never the header (RFC 8725 §3.1). */
export function checkKeyType(header: Members, key: { kid?: string; kty?: string; crv?: string; alg?: string }): Check {
  const alg = shown(header.alg)
  const wanted = KEY_TYPES[alg] ?? (/^[RP]S\d+$/.test(alg) ? 'RSA' : undefined)
  const type = key.kty === 'EC' ? `EC ${key.crv}` : (key.kty ?? 'of no type')
  const found = `key ${key.kid ?? 'without a kid'} is ${type}${key.alg === undefined ? '' : ` for ${key.alg}`}`
  if (type === wanted && (key.alg === undefined || key.alg === alg)) return good('key type', found)
  return bad(
    'key type',
    `${found}, but the header says ${alg}`,
    'the header was changed, or your app asks for another algorithm than the issuer signs with: the algorithm follows from the key; at Signet it is the choice of the resource (signet resource update ID --alg)',
  )
}

/** Bytes of a signature whose length the algorithm fixes (RFC 7518 §3.4). */
const SIGNATURE_BYTES: Readonly<Record<string, number>> = { ES256: 64, ES384: 96, ES512: 132, EdDSA: 64, Ed25519: 64 }

/** Turns an error of jose into a check. */
export function explainSignature(error: unknown, token: string, alg: unknown): Check {
  if (!(error instanceof errors.JOSEError)) throw error
  if (error instanceof errors.JWKSNoMatchingKey) return bad('signature', 'no key of the set fits the header')
  if (error instanceof errors.JOSEAlgNotAllowed) return bad('signature', 'not checked: its algorithm is refused')
  if (!(error instanceof errors.JWSSignatureVerificationFailed))
    return bad('signature', error.message, 'the token was changed or cut after it was signed: paste it whole')
  return bad(
    'signature',
    `the signature does not fit: header, claims or signature were tampered with after signing${describeLength(token, alg)}`,
    'do not accept it; where you trust the place it came from, fetch the token again and paste it whole',
  )
}

function describeLength(token: string, alg: unknown): string {
  const bytes = Buffer.from(token.split('.')[2] ?? '', 'base64url').length
  const right = SIGNATURE_BYTES[shown(alg)]
  if (right === undefined || bytes === right) return ''
  return bytes < right
    ? ` (it has ${bytes} bytes where ${right} belong: the end is missing)`
    : ` (it has ${bytes} bytes where ${right} belong: DER instead of the JOSE form?)`
}
