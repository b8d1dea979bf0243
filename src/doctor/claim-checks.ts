/** Compares the claims of a token with the expected values: issuer, type, times, audience. */
import { CLOCK_SKEW_SECONDS, fromSeconds, toIso, toSeconds, type Instant } from '../ground/clock.ts'
import { toNumber } from '../ground/exact-json.ts'
import { shell } from '../ground/shell-word.ts'
import { OPERATOR_CLIENT_ID } from '../clients/client.ts'
import { updateCommand } from '../clients/update-command.ts'
import type { ClientRecord } from '../store/records/client.ts'
import { bad, good, shown, type Check, type Members } from './check.ts'

export function checkIssuer(claims: Members, issuer: string): Check {
  const { iss } = claims
  if (iss === issuer) return good('issuer', issuer)
  if (typeof iss !== 'string') return bad('issuer', 'the token has no iss', 'it was made elsewhere')
  const differences = nameDifferences(iss, issuer)
  const found = `iss is ${iss}, expected is ${issuer}`
  return bad(
    'issuer',
    differences.length === 0 ? found : `${found}: they differ in ${differences.join(', ')}`,
    'the two must be the same string: set SIGNET_ISSUER (behind a proxy the URL that clients see) and the issuer of your app to it; tokens made before keep their iss',
  )
}

/** The parts in which two issuer URLs differ, in words. `3001 instead of 3000` names the found part, then the expected part. */
function nameDifferences(found: string, expected: string): string[] {
  if (!URL.canParse(found) || !URL.canParse(expected)) return []
  const [a, b] = [new URL(found), new URL(expected)]
  const path = (url: URL) => withoutEndingSlashes(url.pathname) || '/'
  const parts: [string, string, string][] = [
    ['http and https', a.protocol.slice(0, -1), b.protocol.slice(0, -1)],
    ['the host', a.hostname, b.hostname],
    ['the port', portOf(a), portOf(b)],
    ['the path', path(a), path(b)],
  ]
  const named = parts
    // Two schemes have two default ports, and naming those as well would say the same twice.
    .filter(([name, left, right]) => left !== right && !(name === 'the port' && a.port === b.port))
    .map(([name, left, right]) => `${name} (${left} instead of ${right})`)
  const slashes = [found, expected].map((text) => text.endsWith('/'))
  if (slashes[0] !== slashes[1]) named.push(`the slash at the end (${slashes[0] ? 'one too many' : 'it is missing'})`)
  return named.length > 0 ? named : ['spelling (case, escapes, or a port that goes without saying)']
}

const portOf = (url: URL): string => url.port || (url.protocol === 'https:' ? '443' : '80')

export function checkTyp(header: Members): Check {
  const typ = shown(header.typ)
  if (/^(application\/)?at\+jwt$/i.test(typ)) return good('typ', typ)
  if (/^(application\/)?jwt$/i.test(typ))
    return good('typ', `${typ}; a verifier that insists on at+jwt (RFC 9068) has to be told: typ: 'JWT'`)
  return bad(
    'typ',
    `typ is ${typ}`,
    'an access token has at+jwt or JWT: send the value of access_token, or tell your verifier which typ this issuer uses',
  )
}

const FIX_CLOCK = 'compare the clocks of issuer and verifier, and set both by NTP'

/**
 * `exp`, `nbf` and `iat` against the clock here.
 * @param ahead how far the issuer's clock is ahead of this one, in milliseconds, where that is known
 */
export function checkTimes(claims: Members, now: Instant, ahead = 0): Check[] {
  const here = toSeconds(now)
  const there = toSeconds(now + ahead)
  return [
    checkExpiry(claims.exp, here, there),
    ...checkNotBefore(claims.nbf, here, there),
    checkIat(claims.iat, here, there),
  ]
}

/** Told where the other clock would say something else: then the clock is the cause, and the token is none. */
const byTheOtherClock = (saysOther: boolean, what: string): string =>
  saysOther ? `; by the issuer's clock it ${what}, so the clock of this machine is the cause` : ''

function checkExpiry(exp: unknown, here: number, there: number): Check {
  const end = toNumber(exp)
  if (end === undefined) return bad('expiry', 'the token has no exp', 'it was made elsewhere')
  if (end > here) {
    const found = `expires in ${roughly(end - here)} (${iso(exp)})`
    return end > there ? good('expiry', found) : bad('expiry', `${found}, but expired by the issuer's clock`, FIX_CLOCK)
  }
  const isAlive = end > there
  return bad(
    'expiry',
    `expired ${roughly(here - end)} ago (${iso(exp)})${byTheOtherClock(isAlive, 'is still valid')}`,
    isAlive ? FIX_CLOCK : 'get a new token, or refresh',
  )
}

function checkNotBefore(nbf: unknown, here: number, there: number): Check[] {
  const start = toNumber(nbf)
  if (start === undefined || start <= here) return []
  const found = `not valid yet: only in ${roughly(start - here)} (nbf is ${iso(nbf)})`
  const other = byTheOtherClock(start <= there, 'is valid already')
  return [bad('not before', found + other, `wait until then, or ${FIX_CLOCK}`)]
}

function checkIat(iat: unknown, here: number, there: number): Check {
  const at = toNumber(iat)
  if (at === undefined) return bad('issued at', 'the token has no iat', 'it was made elsewhere')
  if (at <= here + CLOCK_SKEW_SECONDS) return good('issued at', `${roughly(here - at)} ago (${iso(iat)})`)
  const other = byTheOtherClock(at <= there + CLOCK_SKEW_SECONDS, 'was issued in the past')
  return bad('issued at', `issued ${roughly(at - here)} in the future (${iso(iat)})${other}`, FIX_CLOCK)
}

/** Claims of foreign tokens may hold numbers that are no dates: these are shown as they stand in the token. */
function iso(claim: unknown): string {
  const seconds = toNumber(claim) ?? NaN
  return Math.abs(seconds) < 8.64e12 ? toIso(fromSeconds(seconds)) : shown(claim)
}

/** A span as people say it. @param seconds may be a second above or below zero */
export function roughly(seconds: number): string {
  const span = Math.max(0, seconds)
  if (span < 120) return `${Math.round(span)} s`
  if (span < 7200) return `${Math.round(span / 60)} min`
  return span < 172_800 ? `${Math.round(span / 3600)} h` : `${Math.round(span / 86_400)} days`
}

/** @param client the client that the token was issued to, where it is known here */
export function checkAudience(claims: Members, resource: string | undefined, client?: ClientRecord): Check {
  const audience = [claims.aud].flat().filter((each) => typeof each === 'string')
  const found = audience.length === 0 ? 'the token has no aud' : `aud is ${audience.join(', ')}`
  if (audience.length === 0) return bad('audience', found, 'it was made elsewhere')
  if (resource === undefined || audience.includes(resource)) return good('audience', found)
  const isNear = audience.some((each) => plain(each) === plain(resource))
  return bad(
    'audience',
    `${found}; expected is ${resource}${isNear ? ': the same but for a slash at the end, http against https, or case' : ''}`,
    isNear
      ? `the two must be the same string: give your app the audience as the token has it, or name the resource ${resource}`
      : askFor(resource, claims.client_id, client),
  )
}

/** The step that gives a token for this resource. */
function askFor(resource: string, clientId: unknown, client: ClientRecord | undefined): string {
  if (clientId === OPERATOR_CLIENT_ID) return `mint it with: signet token mint --resource ${shell(resource)}`
  const step = `ask for the token with resource=${resource}`
  if (!client)
    return `${step} (the client must be registered for it; signet client show ID tells what it has, and a change names that as well: signet client update ID --resource … --resource ${shell(resource)})`
  if (client.resources.includes(resource)) return step
  const command = updateCommand(client.clientId, '--resource', [...client.resources, resource])
  return `${step} (the client must be registered for it: ${command})`
}

const plain = (text: string): string => withoutEndingSlashes(text.toLowerCase().replace(/^https?:\/\//, ''))

/** By hand: a pattern would look at a long run of slashes from every place in it. */
function withoutEndingSlashes(text: string): string {
  let end = text.length
  while (end > 0 && text[end - 1] === '/') end -= 1
  return text.slice(0, end)
}

/** A token that is bound to a key is of no use without it (RFC 9449 §6.1). Nothing is said of any other. */
export function checkBinding({ cnf }: Members): Check[] {
  if (cnf === undefined) return []
  return [good('binding', 'bound to a key (cnf): sent as DPoP TOKEN with a proof by that key; as Bearer it is refused')]
}
