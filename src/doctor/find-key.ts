/**
 * Finds the key that a token names: in the set that the app uses, in a fresh copy of it, in the set that the metadata
 * names, or among a resource's own keys. Each place is another cause with another repair.
 */
import type { JSONWebKeySet, JWK } from 'jose'
import { systemClock, toSeconds } from '../ground/clock.ts'
import { toNumber } from '../ground/exact-json.ts'
import { keySetPath } from '../resources/resource.ts'
import { bad, good, shown, type Check, type Members } from './check.ts'
import { findDenying, type readFeed } from './remote-feed.ts'
import type { RemoteIssuer } from './remote-issuer.ts'
import { fetchKeySet } from './remote-keys.ts'

export interface FoundKey {
  check: Check
  key: JWK | undefined
  /** The set that the signature is checked against. */
  jwks: JSONWebKeySet | undefined
}

/** For how many audiences of a token the doctor fetches the resource's own key set. */
const MOST_AUDIENCES = 3

export async function findKey(
  header: Members,
  claims: Members,
  remote: RemoteIssuer,
  feed: Awaited<ReturnType<typeof readFeed>>,
): Promise<FoundKey> {
  const { jwks } = remote
  const [only, ...more] = jwks?.keys ?? []
  if (header.kid === undefined && only && more.length === 0)
    return { check: good('kid', 'the header names no key, and the set has only one'), key: only, jwks }
  if (header.kid === undefined) {
    const fix = 'a verifier cannot know which key to use: let the issuer name it in the header, as Signet does'
    return { check: bad('kid', 'the header names no key, and the set has several', fix), key: undefined, jwks }
  }
  const kid = shown(header.kid)
  const key = keyIn(jwks, kid)
  if (key) return { check: good('kid', `key ${kid} is in the key set`), key, jwks }
  const elsewhere = await lookElsewhere(kid, claims, remote)
  return elsewhere ?? { check: explainMissing(kid, header, claims, { remote, feed }), key: undefined, jwks }
}

const keyIn = (jwks: JSONWebKeySet | undefined, kid: string): JWK | undefined =>
  jwks?.keys.find((key) => key.kid === kid)

async function lookElsewhere(kid: string, claims: Members, remote: RemoteIssuer): Promise<FoundKey | undefined> {
  const { jwksUri, announcedJwksUri, place } = remote
  if (jwksUri !== undefined) {
    const fresh = await fetchKeySet(jwksUri, { fresh: true })
    const found = `key ${kid} is missing in the key set at ${jwksUri} as it is served, but there in a fresh copy of it`
    const fix = 'a cache in between holds an old copy: empty it, and let it obey Cache-Control of the key set'
    if (keyIn(fresh, kid)) return { check: bad('kid', found, fix), key: keyIn(fresh, kid), jwks: fresh }
  }
  if (announcedJwksUri !== undefined && announcedJwksUri !== jwksUri) {
    const announced = await fetchKeySet(announcedJwksUri)
    const found = `key ${kid} is not at ${jwksUri}, but it is in the set that the metadata names, ${announcedJwksUri}`
    const fix = `your app uses an old copy or the wrong set: give it ${announcedJwksUri}, or the issuer alone`
    if (keyIn(announced, kid)) return { check: bad('kid', found, fix), key: keyIn(announced, kid), jwks: announced }
  }
  return place.issuer === undefined ? undefined : lookAtOwnKeys(kid, claims, place.issuer, place.jwksUri)
}

/** Signet publishes the keys that a resource has to itself at a path of their own; the shared set lacks them. */
async function lookAtOwnKeys(
  kid: string,
  claims: Members,
  issuer: string,
  givenJwksUri: string | undefined,
): Promise<FoundKey | undefined> {
  const audiences = [claims.aud].flat().filter((each) => typeof each === 'string')
  for (const audience of audiences.slice(0, MOST_AUDIENCES)) {
    const url = `${issuer.replace(/\/$/, '')}${keySetPath(audience)}`
    const jwks = await fetchKeySet(url)
    const key = keyIn(jwks, kid)
    if (!key) continue
    const found = `key ${kid} is one of resource ${audience}'s own, published at ${url}`
    // With the issuer alone an app may be right. With a key set that lacks the key it is wrong.
    const check =
      givenJwksUri === undefined
        ? good('kid', `${found}; its apps need that as their JWKS URL (jwksUri in signet-verify)`)
        : bad('kid', `${found}, not at ${givenJwksUri}`, `give your app ${url} as its JWKS URL`)
    return { check, key, jwks }
  }
  return undefined
}

interface Surroundings {
  remote: RemoteIssuer
  feed: Awaited<ReturnType<typeof readFeed>>
}

/** No set has the key. This tells the most likely reason. */
function explainMissing(kid: string, header: Members, claims: Members, { remote, feed }: Surroundings): Check {
  const { issuer } = remote.place
  const missing = `key ${kid} is not in the key set`
  if (!remote.jwks) return bad('kid', `key ${kid} cannot be looked for without the key set`)
  if (issuer !== undefined && typeof claims.iss === 'string' && claims.iss !== issuer) {
    return bad(
      'kid',
      `${missing}: another issuer signed the token, ${claims.iss}`,
      `ask ${issuer} for the token; or let your app trust ${claims.iss}, where that is meant`,
    )
  }
  if (feed && findDenying(feed, { kid: header.kid }, { iat: toNumber(claims.iat) })?.kind === 'kid')
    return bad('kid', `${missing}: it was revoked as compromised`, 'get a new token')
  if ((toNumber(claims.exp) ?? Infinity) <= toSeconds(systemClock.now())) {
    return bad(
      'kid',
      `${missing}: it was rotated out, as keys are once their last token has expired`,
      'get a new token',
    )
  }
  return bad(
    'kid',
    `${missing}, although the token has not expired: its key was taken out of the set (rotated out early, revoked), or the token comes from another issuer or database under the same name`,
    'get a new token; where that one fails too, your app holds an old copy of the set: restart it, and compare its JWKS URL with the one of the metadata',
  )
}
