/** An issuer as a downstream app sees it: over HTTP alone, ours or any other. */
import { compactVerify, createLocalJWKSet, errors, type JSONWebKeySet } from 'jose'
import { CLOCK_SKEW_SECONDS, fromSeconds, systemClock } from '../clock.ts'
import {
  bad,
  checkAlgorithm,
  checkAudience,
  checkIssuer,
  checkTimes,
  checkTyp,
  cleanPaste,
  decodeToken,
  explainSignature,
  good,
  shown,
  type Check,
} from '../tokens/inspection.ts'

const PATIENCE_MS = 5000

/** Some servers fetch a larger key set anew at every request. */
const MOST_JWKS_BYTES = 16_384

/** Members that only a private or symmetric key has (RFC 7518 §6). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** Asymmetric signatures that jose can check (RFC 7518 §3.1, RFC 8037, RFC 9864). */
const ASYMMETRIC = ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'EdDSA', 'Ed25519']

export interface Place {
  /** The exact `iss` expected; its metadata is fetched. */
  issuer: string | undefined
  /** Where the key set is, when not where the metadata says. */
  jwksUri: string | undefined
  /** How long a key is published before it signs, where that is known. */
  prepublishSeconds: number | undefined
  /** What to do where nothing answers. */
  unreachableFix: string
}

export interface RemoteIssuer {
  checks: Check[]
  jwks: JSONWebKeySet | undefined
}

export async function lookAtIssuer(place: Place): Promise<RemoteIssuer> {
  const checks: Check[] = []
  let { jwksUri } = place
  if (place.issuer !== undefined) {
    const discovery = await discover(place.issuer, place)
    checks.push(...discovery.checks)
    jwksUri ??= discovery.jwksUri
  }
  if (jwksUri === undefined)
    return {
      checks: [...checks, bad('jwks', 'not looked at: the metadata that says where it is was not found')],
      jwks: undefined,
    }
  const keySet = await fetchKeySet(jwksUri, place)
  return { checks: [...checks, ...keySet.checks], jwks: keySet.jwks }
}

interface Document {
  value: Record<string, unknown>
  bytes: number
  headers: Headers
}

type Fetched = { document: Document } | { fault: string }

/** A JSON object from a URL, or why there is none. */
async function fetchDocument(url: string): Promise<Fetched> {
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    const text = await response.text()
    if (response.status !== 200) return { fault: `${url} answers ${response.status}` }
    const value: unknown = JSON.parse(text)
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      return { fault: `${url} answers no JSON object` }
    return { document: { value: { ...value }, bytes: Buffer.byteLength(text), headers: response.headers } }
  } catch (error) {
    return { fault: `${url} ${explainFailure(error)}` }
  }
}

function explainFailure(error: unknown): string {
  if (error instanceof SyntaxError) return 'answers no JSON'
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return `does not answer within ${PATIENCE_MS / 1000} s`
  // fetch wraps the system's error; of several addresses tried, the first tells enough.
  const cause = error instanceof Error ? error.cause : undefined
  const first = cause instanceof AggregateError ? (cause.errors[0] as unknown) : cause
  return `cannot be reached: ${first instanceof Error ? first.message : String(error)}`
}

async function discover(issuer: string, place: Place): Promise<{ checks: Check[]; jwksUri: string | undefined }> {
  const urls = metadataUrls(issuer)
  let fault = ''
  for (const url of urls) {
    const fetched = await fetchDocument(url)
    if ('document' in fetched) return judgeMetadata(fetched.document, url, issuer)
    fault ||= fetched.fault
  }
  return { checks: [bad('discovery', fault, place.unreachableFix)], jwksUri: undefined }
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

function judgeMetadata(
  { value, headers }: Document,
  url: string,
  issuer: string,
): { checks: Check[]; jwksUri: string | undefined } {
  const jwksUri = typeof value.jwks_uri === 'string' && URL.canParse(value.jwks_uri) ? value.jwks_uri : undefined
  const discovery =
    jwksUri === undefined
      ? bad('discovery', `${url} names no jwks_uri`, 'set the JWKS URL of your app by hand')
      : good('discovery', url)
  // The same comparison as for tokens, so that the same difference is named in the same words (RFC 8414 §3.3).
  const served = checkIssuer({ iss: value.issuer }, issuer)
  return {
    checks: [
      discovery,
      { ...served, check: 'issuer', found: served.found.replace(/^iss is/, 'the metadata says') },
      checkClock(headers),
    ],
    jwksUri,
  }
}

/** A token's times are only as good as the two clocks. */
function checkClock(headers: Headers): Check {
  const text = headers.get('date')
  const at = text === null ? NaN : Date.parse(text)
  if (Number.isNaN(at)) return good('clock', 'the answer has no Date to compare with')
  const apart = Math.round(Math.abs(systemClock.now() - at) / 1000)
  const found = `${apart} s between the clock here and there`
  return apart <= CLOCK_SKEW_SECONDS
    ? good('clock', found)
    : bad('clock', found, 'set both clocks by NTP: tokens look expired, or not valid yet')
}

async function fetchKeySet(url: string, place: Place): Promise<RemoteIssuer> {
  const fetched = await fetchDocument(url)
  if ('fault' in fetched) return { checks: [bad('jwks', fetched.fault, place.unreachableFix)], jwks: undefined }
  const { value, bytes, headers } = fetched.document
  const { keys } = value
  if (!Array.isArray(keys) || keys.length === 0)
    return { checks: [bad('jwks', `${url} holds no keys`)], jwks: undefined }
  // Members are checked one by one where they are used.
  const jwks: JSONWebKeySet = { keys: keys.filter((key) => key !== null && typeof key === 'object') }
  return {
    checks: [
      good('jwks', `${keys.length} keys at ${url}`),
      checkSize(bytes),
      checkPrivateMembers(jwks),
      checkNames(jwks),
      checkCaching(headers, place),
    ],
    jwks,
  }
}

const checkSize = (bytes: number): Check =>
  bytes < MOST_JWKS_BYTES
    ? good('jwks size', `${bytes} bytes`)
    : bad(
        'jwks size',
        `${bytes} bytes, ${MOST_JWKS_BYTES} or more`,
        'some servers do not cache a key set of this size: retire old keys',
      )

function checkPrivateMembers({ keys }: JSONWebKeySet): Check {
  const exposed = keys.find((key) => PRIVATE_MEMBERS.some((member) => member in key))
  if (!exposed) return good('jwks secrecy', 'public members only')
  return bad(
    'jwks secrecy',
    `key ${exposed.kid ?? 'without a kid'} shows private members to everybody`,
    'revoke that key now and replace it',
  )
}

function checkNames({ keys }: JSONWebKeySet): Check {
  const nameless = keys.filter(({ kid, alg }) => !kid || !alg).length
  return nameless === 0
    ? good('jwks names', 'every key has kid and alg')
    : bad('jwks names', `${nameless} keys without kid or alg`, 'verifiers may try the wrong key, or refuse')
}

function checkCaching(headers: Headers, { prepublishSeconds }: Place): Check {
  const maxAge = /(?:^|[\s,])max-age=(\d+)/.exec(headers.get('cache-control') ?? '')?.[1]
  if (maxAge === undefined) return good('jwks caching', 'no max-age: verifiers cache as they like')
  const found = `max-age is ${maxAge} s`
  if (prepublishSeconds === undefined) return good('jwks caching', found)
  if (Number(maxAge) <= prepublishSeconds)
    return good('jwks caching', `${found}, keys are published ${prepublishSeconds} s before they sign`)
  return bad(
    'jwks caching',
    `${found}, longer than keys are published before they sign (${prepublishSeconds} s)`,
    'lower SIGNET_JWKS_MAX_AGE, or what a proxy makes of it',
  )
}

/** Verifies a token as an app would that has this key set and expects this issuer and audience. */
export async function checkTokenFromAfar(
  text: string,
  jwks: JSONWebKeySet | undefined,
  expected: { issuer: string | undefined; resource: string | undefined },
): Promise<Check[]> {
  const pasted = cleanPaste(text)
  if (pasted.token.startsWith('sgr_'))
    return [bad('form', 'a refresh token: it is for the token endpoint alone', 'send the access token to APIs')]
  const { form, header, claims } = decodeToken(pasted)
  if (!header || !claims) return [form]
  return [
    form,
    checkAlgorithm(header, ASYMMETRIC),
    checkPresence(header, jwks),
    await checkRemoteSignature(pasted.token, jwks),
    ...(expected.issuer === undefined ? [] : [checkIssuer(claims, expected.issuer)]),
    checkTyp(header),
    ...checkTimes(claims, fromSeconds(Math.floor(systemClock.now() / 1000))),
    checkAudience(claims, expected.resource),
  ]
}

function checkPresence(header: Record<string, unknown>, jwks: JSONWebKeySet | undefined): Check {
  const kid = shown(header.kid)
  if (jwks?.keys.some((key) => key.kid === header.kid)) return good('kid', `key ${kid} is in the key set`)
  return bad(
    'kid',
    `key ${kid} is not in the key set`,
    'another issuer signed it, its key has left the set, or your app holds an old copy: fetch the set again',
  )
}

async function checkRemoteSignature(token: string, jwks: JSONWebKeySet | undefined): Promise<Check> {
  if (!jwks) return bad('signature', 'cannot be checked without the key set')
  try {
    await compactVerify(token, createLocalJWKSet(jwks), { algorithms: ASYMMETRIC })
    return good('signature', 'made by a key of the set')
  } catch (error) {
    // A key that cannot be imported is told by the platform, in errors of its own.
    return error instanceof errors.JOSEError
      ? explainSignature(error)
      : bad('signature', `a key of the set cannot be used: ${String(error)}`)
  }
}
