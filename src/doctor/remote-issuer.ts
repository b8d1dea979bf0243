/** An issuer as a downstream app sees it: over HTTP alone, ours or any other. */
import type { JSONWebKeySet } from 'jose'
import { CLOCK_SKEW_SECONDS } from '../ground/clock.ts'
import { isLoopback } from '../config/loopback.ts'
import { bad, good, type Check } from './check.ts'
import { checkIssuer, roughly } from './claim-checks.ts'
import { clockAhead, fetchDocument, type RemoteDocument } from './remote-document.ts'
import { lookAtKeySet } from './remote-keys.ts'
import { checkTls } from './tls.ts'

export interface Place {
  /** The exact `iss` expected; its metadata is fetched. */
  issuer: string | undefined
  /** The address of the key set, if it is another than in the metadata. */
  jwksUri: string | undefined
  /** How long a key is published before it signs, where that is known. */
  prepublishSeconds: number | undefined
  /** Whether the operator has allowed plain http to another machine. */
  allowsHttp: boolean
  /** The step that helps if nothing answers. */
  unreachableFix: string
}

export interface RemoteIssuer {
  place: Place
  checks: Check[]
  /** The address that was asked for the key set. */
  jwksUri: string | undefined
  /** The address in the metadata. */
  announcedJwksUri: string | undefined
  jwks: JSONWebKeySet | undefined
  /** How far the issuer's clock is ahead of this clock, in milliseconds. */
  ahead: number
}

/** Checks TLS, metadata and key set of an issuer, in this order. */
export async function lookAtIssuer(place: Place): Promise<RemoteIssuer> {
  const address = place.issuer ?? place.jwksUri
  const checks = address === undefined ? [] : [await checkTls(address, place.allowsHttp)]
  const metadata = place.issuer === undefined ? undefined : await discover(place.issuer, place)
  checks.push(...(metadata?.checks ?? []))
  const jwksUri = place.jwksUri ?? metadata?.jwksUri
  const about = { place, jwksUri, announcedJwksUri: metadata?.jwksUri, ahead: metadata?.ahead ?? 0 }
  if (jwksUri === undefined) {
    const found = 'not looked at: the metadata that says where it is was not found'
    return { ...about, checks: [...checks, bad('jwks', found, `first ${place.unreachableFix}`)], jwks: undefined }
  }
  const keySet = await lookAtKeySet(jwksUri, place)
  return { ...about, checks: [...checks, ...keySet.checks], jwks: keySet.jwks, ahead: metadata?.ahead ?? keySet.ahead }
}

interface Discovery {
  checks: Check[]
  jwksUri: string | undefined
  ahead: number | undefined
}

async function discover(issuer: string, place: Place): Promise<Discovery> {
  let fault: Check | undefined
  for (const url of metadataUrls(issuer)) {
    const fetched = await fetchDocument(url, place.unreachableFix)
    if ('document' in fetched) return judgeMetadata(fetched.document, url, issuer)
    fault ??= bad('discovery', fetched.fault, fetched.fix)
  }
  return { checks: fault ? [fault] : [], jwksUri: undefined, ahead: undefined }
}

/** OIDC Discovery §4, then RFC 8414 §3.1. */
function metadataUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  return [
    `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ]
}

function judgeMetadata({ value, headers }: RemoteDocument, url: string, issuer: string): Discovery {
  const jwksUri = typeof value.jwks_uri === 'string' && URL.canParse(value.jwks_uri) ? value.jwks_uri : undefined
  const discovery =
    jwksUri === undefined
      ? bad('discovery', `${url} names no jwks_uri`, 'set the JWKS URL of your app by hand')
      : good('discovery', url)
  // The same comparison as for tokens, so that the same difference is named in the same words (RFC 8414 §3.3).
  const served = checkIssuer({ iss: value.issuer }, issuer)
  const found = served.found
    .replace(/^iss is/, 'the metadata says issuer is')
    .replace('the token has', 'the metadata has')
  const ahead = clockAhead(headers)
  return {
    checks: [
      discovery,
      { ...served, check: 'issuer', found },
      ...(jwksUri === undefined ? [] : [checkJwksAddress(jwksUri, issuer)]),
      checkClock(ahead),
    ],
    jwksUri,
    ahead,
  }
}

/** A key set that others can reach, and only by the way that the issuer itself is trusted on. */
function checkJwksAddress(jwksUri: string, issuer: string): Check {
  const [keys, own] = [new URL(jwksUri), new URL(issuer)]
  const fix =
    'behind a proxy the metadata must name URLs as clients see them: set the public URL of the issuer (SIGNET_ISSUER)'
  if (keys.protocol !== 'https:' && own.protocol === 'https:')
    return bad('jwks address', `jwks_uri is ${jwksUri}, plain http, although the issuer is https`, fix)
  if (isLoopback(keys.hostname) && !isLoopback(own.hostname))
    return bad('jwks address', `jwks_uri is ${jwksUri}, which every app would look for on its own machine`, fix)
  return good('jwks address', jwksUri)
}

/** A token's times are only as good as the two clocks. */
function checkClock(ahead: number | undefined): Check {
  if (ahead === undefined) return good('clock', 'the answer has no Date to compare with')
  const apart = Math.round(Math.abs(ahead) / 1000)
  const found = `${apart} s between the clock here and there`
  if (apart <= CLOCK_SKEW_SECONDS) return good('clock', found)
  const direction = ahead > 0 ? 'behind' : 'ahead of'
  return bad(
    'clock',
    `the clock of this machine is ${roughly(apart)} ${direction} the issuer's (${found})`,
    'set both clocks by NTP: tokens look expired, or not valid yet',
  )
}
