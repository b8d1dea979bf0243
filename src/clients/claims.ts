/** Custom claims: which names are free, and how much of them fits into a token. */
import { invalidClientMetadata, type OAuthError } from '../ground/errors.ts'
import { describeInexact, isSafeNumber } from '../ground/exact-json.ts'

/**
 * Names with a meaning in the protocol (RFC 7519 §4.1, RFC 9068 §2.2, RFC 8693 §4, OIDC Core §2): never custom.
 * Other issuers name `scope` `scp`, and verifiers read both.
 */
const PROTOCOL_CLAIMS = new Set(
  (
    'iss sub aud exp nbf iat jti client_id scope scp sid cnf act may_act azp auth_time acr amr nonce at_hash c_hash s_hash ' +
    'events typ kid alg token_type active txn toe'
  ).split(' '),
)

/** Bytes of JSON that a client, a resource or a person may add. Servers downstream often limit headers to 8 KB. */
const MOST_CLAIM_BYTES = 4096

/** Parsers downstream have limits of 64 levels and more, and no depth may exhaust the stack here. */
const MOST_CLAIM_LEVELS = 16

export const isProtocolClaim = (name: string): boolean => PROTOCOL_CLAIMS.has(name)

/** Why these claims cannot be taken, if they cannot. */
export function findClaimFault(claims: Record<string, unknown>): string | undefined {
  for (const name of Object.keys(claims)) {
    if (isProtocolClaim(name)) return `claim "${name}" belongs to the protocol and cannot be set`
    if (name === '' || name.length > 128) return 'a claim name has 1 to 128 characters'
    if (name === '__proto__') return 'claim "__proto__" is not a name that a claim may have'
  }
  if (isDeeper(claims, MOST_CLAIM_LEVELS)) return `claims are nested deeper than ${MOST_CLAIM_LEVELS} levels`
  const inexact = findInexact(claims)
  if (inexact) return `claim "${inexact.name}": ${describeInexact(inexact.digits)}`
  const bytes = Buffer.byteLength(JSON.stringify(claims))
  return bytes > MOST_CLAIM_BYTES ? `claims of ${bytes} bytes; at most ${MOST_CLAIM_BYTES} fit into a token` : undefined
}

/**
 * A number that JSON readers change. Each door refuses it by the digits that were sent; this finds a number in memory,
 * whichever door it came through.
 */
function findInexact(value: unknown, path: string[] = []): { name: string; digits: string } | undefined {
  if (typeof value === 'number' && !isSafeNumber(value)) return { name: path.join('.'), digits: String(value) }
  if (typeof value !== 'object' || value === null) return undefined
  for (const [name, each] of Object.entries(value)) {
    const found = findInexact(each, [...path, name])
    if (found) return found
  }
  return undefined
}

/** Whether a value has more levels than this. It looks no further down. */
const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1)))

/** @throws OAuthError built by `refusal` where the claims cannot be taken. */
export function requireFreeClaims(
  claims: Record<string, unknown>,
  refusal: (description: string) => OAuthError = invalidClientMetadata,
): void {
  const fault = findClaimFault(claims)
  if (fault) throw refusal(fault)
}
