/** Checks a token as an app does that knows the issuer over HTTP alone. */
import { compactVerify, createLocalJWKSet, errors, type JSONWebKeySet, type JWK } from 'jose'
import { systemClock } from '../ground/clock.ts'
import { toNumber } from '../ground/exact-json.ts'
import { REFRESH_TOKEN_PREFIX } from '../ground/looks-secret.ts'
import { bad, good, shown, type Check, type Members } from './check.ts'
import { checkAudience, checkBinding, checkIssuer, checkTimes, checkTyp } from './claim-checks.ts'
import { checkKind, decodeToken, refreshTokenForApi, type Pasted } from './pasted-token.ts'
import { checkAlgorithm, checkKeyType, explainSignature } from './signature-checks.ts'
import { findKey } from './find-key.ts'
import { findDenying, readFeed } from './remote-feed.ts'
import type { RemoteIssuer } from './remote-issuer.ts'

/** Asymmetric signatures that jose can check (RFC 7518 §3.1, RFC 8037, RFC 9864). */
const ASYMMETRIC = ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'EdDSA', 'Ed25519']

/** Checks a token against the documents of an issuer. @param resource the audience that the app expects */
export async function checkTokenFromAfar(
  pasted: Pasted,
  remote: RemoteIssuer,
  resource: string | undefined,
): Promise<Check[]> {
  if (pasted.token.startsWith(REFRESH_TOKEN_PREFIX)) return [refreshTokenForApi()]
  const { form, header, claims } = decodeToken(pasted)
  if (!header || !claims) return [form]
  const { issuer } = remote.place
  const feed = issuer === undefined ? undefined : await readFeed(issuer)
  const found = await findKey(header, claims, remote, feed)
  return [
    form,
    checkKind(header, claims),
    checkAlgorithm(header, ASYMMETRIC),
    found.check,
    ...(found.key ? [checkKeyType(header, found.key)] : []),
    await checkSignature(pasted.token, header, found),
    ...(issuer === undefined ? [] : [checkIssuer(claims, issuer)]),
    checkTyp(header),
    ...checkTimes(claims, systemClock.now(), remote.ahead),
    checkAudience(claims, resource),
    ...checkBinding(claims),
    ...(issuer === undefined ? [] : [checkRevocation(header, claims, feed)]),
  ]
}

async function checkSignature(
  token: string,
  header: Members,
  { jwks, key }: { jwks: JSONWebKeySet | undefined; key: JWK | undefined },
): Promise<Check> {
  if (!jwks) return bad('signature', 'cannot be checked without the key set')
  if (!key) return bad('signature', 'cannot be checked without the key')
  try {
    await compactVerify(token, createLocalJWKSet(jwks), { algorithms: ASYMMETRIC })
    return good('signature', `made by key ${shown(key.kid)}`)
  } catch (error) {
    // A key that cannot be imported is told by the platform, in errors of its own.
    return error instanceof errors.JOSEError
      ? explainSignature(error, token, header.alg)
      : bad('signature', `a key of the set cannot be used: ${String(error)}`)
  }
}

/** The feed is public. Every verifier that follows it refuses the tokens that it denies. */
function checkRevocation(header: Members, claims: Members, feed: Awaited<ReturnType<typeof readFeed>>): Check {
  if (!feed)
    return good('revocation', 'this issuer has no blacklist feed: only its introspection tells what was revoked')
  const denying = findDenying(feed, header, { ...claims, iat: toNumber(claims.iat) })
  if (!denying && feed.fault !== undefined)
    return bad('revocation', `not known, because the blacklist feed cannot be read: ${feed.fault}`)
  if (!denying) return good('revocation', `none of the ${feed.entries.length} entries of the blacklist feed denies it`)
  return bad(
    'revocation',
    `revoked: denied by blacklist entry ${denying.id} (${denying.kind})`,
    `get a new token; whoever runs the issuer sees why, and can lift it: signet blacklist list, signet blacklist remove ${denying.id}`,
  )
}
