/**
 * The checks of one token, in the order that gives the most helpful code: form, algorithm, key, signature, time, issuer,
 * audience, type. No claim is believed before the signature is verified.
 */
import { compactVerify, errors } from 'jose'
import { TokenError, shown } from './errors.ts'
import { findInexact } from './exact-numbers.ts'
import { isTooDeep, MOST_LEVELS } from './nesting.ts'
import { normalType, type Rules } from './options.ts'
import type { FoundKey, KeySource } from './remote-keys.ts'
import type { TokenClaims, TokenHeader, VerifiedToken } from './token.ts'

/** A token with a valid signature, and the key that verified it. */
export interface SignedToken extends VerifiedToken {
  verifiedBy: FoundKey
  /** The version of the revocation list that did not deny the token, and the time of that check. */
  cleared?: { version: number; atSeconds: number }
}

/** base64url whose spare bits are zero (RFC 4648 §3.5). */
const PART = /^(?:[\w-]{4})*(?:[\w-][AQgw]|[\w-]{2}[AEIMQUYcgkosw048])?$/

/** RFC 7515 §7.1. Decoders accept more than this, and then one token has many spellings. */
function isCompact(token: string): boolean {
  const parts = token.split('.', 4)
  return parts.length === 3 && parts[0] !== '' && parts.every((part) => PART.test(part))
}

/** A longer token is refused before any other check. */
const MOST_TOKEN_CHARACTERS = 16_384

/**
 * @throws TokenError `malformed_token`, `unsupported_algorithm`, `unknown_key`, `invalid_signature`,
 * `issuer_unavailable`
 */
export async function verifySignature(
  token: string,
  keys: Pick<KeySource, 'keyFor'>,
  algorithms: ReadonlySet<string>,
): Promise<SignedToken> {
  let verifiedBy: FoundKey | undefined
  requireText(token.slice(0, token.indexOf('.')))
  try {
    const take = (found: FoundKey) => (verifiedBy = found).key
    const { payload, protectedHeader } = await compactVerify(token, (header) => {
      requireShallow('header', header)
      requireHeader(header, algorithms)
      // jwk, jku, x5u and x5c are ignored, because a forger can write them (RFC 8725 §3.10).
      const found = keys.keyFor(header.alg, header.kid)
      return found instanceof Promise ? found.then(take) : take(found)
    })
    if (!verifiedBy) throw new TokenError('unknown_key', 'no key was asked for')
    return { claims: readClaims(payload), header: protectedHeader, verifiedBy }
  } catch (cause) {
    throw cause instanceof TokenError ? cause : asTokenError(cause)
  }
}

/** @throws TokenError `malformed_token` */
export function requireForm(token: unknown): asserts token is string {
  if (token === undefined || token === null || token === '') throw new TokenError('missing_token', 'there is no token')
  if (typeof token !== 'string') throw new TokenError('malformed_token', 'a token is a string')
  if (token.length > MOST_TOKEN_CHARACTERS)
    throw new TokenError('malformed_token', `the token is longer than ${MOST_TOKEN_CHARACTERS} characters`)
  if (!isCompact(token)) throw new TokenError('malformed_token', describeForm(token))
}

/** A deeper value overflows the stack of code that walks it, such as `JSON.stringify` in an API. */
function requireShallow(what: string, value: unknown): void {
  if (isTooDeep(value))
    throw new TokenError('malformed_token', `the ${what} of the token goes deeper than ${MOST_LEVELS} levels`)
}

function requireHeader(
  { alg, kid, crit }: { alg?: unknown; kid?: unknown; crit?: unknown },
  algorithms: ReadonlySet<string>,
): void {
  if (crit !== undefined)
    throw new TokenError('malformed_token', 'the token names extensions (crit) that are not understood')
  if (kid !== undefined && typeof kid !== 'string') throw new TokenError('malformed_token', 'kid is not a string')
  if (typeof alg !== 'string' || !algorithms.has(alg))
    throw new TokenError(
      'unsupported_algorithm',
      `the algorithm ${shown(alg)} is not accepted; accepted are ${[...algorithms].join(', ')}`,
    )
}

function asTokenError(cause: unknown): TokenError {
  if (cause instanceof errors.JWSSignatureVerificationFailed)
    return new TokenError('invalid_signature', 'the signature does not belong to this token and key', { cause })
  if (cause instanceof errors.JWSInvalid || cause instanceof errors.JOSENotSupported)
    return new TokenError('malformed_token', `this is no signed JWT: ${cause.message}`, { cause })
  return new TokenError('unsupported_algorithm', 'the key cannot be used for the algorithm of the token', { cause })
}

/** jose reads a header that begins with a byte order mark, or is no UTF-8. No other verifier does. */
function requireText(headerPart: string): void {
  try {
    if (!decoder.decode(Buffer.from(headerPart, 'base64url')).startsWith('\ufeff')) return
  } catch {
    // refused below
  }
  throw new TokenError('malformed_token', 'the header of the token is not JSON')
}

/** Describes common mistakes, such as a token pasted with quotes. */
function describeForm(token: string): string {
  if (token.startsWith('sgr_')) return 'this is a refresh token; an API takes the access token'
  if (/^\s*bearer\s/i.test(token)) return `leave the word Bearer out of the token`
  if (/^["'].*["']$/.test(token)) return 'there are quotes around the token'
  if (/\s/.test(token)) return 'there is white space in the token'
  if (token.split('.').length === 5) return 'the token is encrypted'
  return 'this is no signed JWT'
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const STRINGS = ['iss', 'sub', 'jti', 'client_id', 'sid'] as const
const TIMES = ['iat', 'nbf'] as const

function readClaims(payload: Uint8Array): TokenClaims {
  let text: string
  let claims: unknown
  try {
    text = decoder.decode(payload)
    claims = JSON.parse(text)
  } catch (cause) {
    throw new TokenError('malformed_token', 'the claims are not JSON', { cause })
  }
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims))
    throw new TokenError('malformed_token', 'the claims are no JSON object')
  requireShallow('payload', claims)
  const inexact = findInexact(text)
  if (inexact !== undefined)
    throw new TokenError(
      'malformed_token',
      `the claim ${shown(inexact)} holds a number that JavaScript would change: the issuer has to send it as a string`,
    )
  requireTypes(claims as Record<string, unknown>) // an object, by the lines above
  return claims as TokenClaims // the types that it promises were looked at
}

function requireTypes(claims: Record<string, unknown>): void {
  if (claims.exp === undefined) throw new TokenError('malformed_token', 'the token never expires: exp is missing')
  if (!Number.isFinite(claims.exp)) throw new TokenError('malformed_token', 'exp is not a number')
  for (const name of TIMES)
    if (claims[name] !== undefined && !Number.isFinite(claims[name]))
      throw new TokenError('malformed_token', `${name} is not a number`)
  for (const name of STRINGS)
    if (claims[name] !== undefined && typeof claims[name] !== 'string')
      throw new TokenError('malformed_token', `${name} is not a string`)
}

/**
 * @throws TokenError `token_expired`, `token_not_active`, `wrong_issuer`, `wrong_audience`, `wrong_type`
 */
export function checkClaims(claims: TokenClaims, { typ }: TokenHeader, rules: Rules, nowSeconds: number): void {
  checkTime(claims, nowSeconds, rules.clockToleranceSeconds)
  if (rules.issuer !== undefined && claims.iss !== rules.issuer)
    throw new TokenError('wrong_issuer', `the token was issued by ${shown(claims.iss)}, not by ${shown(rules.issuer)}`)
  if (Array.isArray(rules.audience) && !rules.audience.some((name) => isFor(claims.aud, name)))
    throw new TokenError(
      'wrong_audience',
      `the token is for ${shown(claims.aud)}, not for ${rules.audience.map(shown).join(' or ')}`,
    )
  const type = typeof typ === 'string' ? normalType(typ) : ''
  if (!rules.types.includes(type))
    throw new TokenError(
      'wrong_type',
      `the token's typ is ${shown(typ)}, not ${rules.types.map(shown).join(' or ')}; an API takes access tokens`,
    )
}

function checkTime({ exp, nbf, iat }: TokenClaims, now: number, tolerance: number): void {
  if (exp <= now - tolerance)
    throw new TokenError('token_expired', `the token expired ${Math.ceil(now - exp)} s ago: get a new one`)
  if (nbf !== undefined && nbf > now + tolerance)
    throw new TokenError('token_not_active', `the token is not valid for another ${Math.ceil(nbf - now)} s (nbf)`)
  if (iat !== undefined && iat > now + tolerance)
    throw new TokenError(
      'token_not_active',
      `the token was issued ${Math.ceil(iat - now)} s in the future (iat): compare the clocks`,
    )
}

const isFor = (aud: unknown, name: string): boolean => aud === name || (Array.isArray(aud) && aud.includes(name))
