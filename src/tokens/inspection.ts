/**
 * Why is this token good, or not? Every check by itself with what was found and what helps, for people who
 * debug at a terminal. Whether a token is good is decided in token-state.ts; this explains, and never decides.
 */
import { createPublicKey } from 'node:crypto'
import { compactVerify, decodeJwt, decodeProtectedHeader, errors } from 'jose'
import type { Blacklist } from '../blacklist/match.ts'
import type { ClientDirectory } from '../clients/client-directory.ts'
import { OPERATOR_CLIENT_ID } from '../clients/client.ts'
import { CLOCK_SKEW_SECONDS, fromSeconds, toIso, toSeconds, type Instant } from '../clock.ts'
import type { ResourceDirectory } from '../grants/resource-directory.ts'
import { SIGNING_ALGORITHMS } from '../keys/algorithms.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import { keyView } from '../keys/key-view.ts'
import type { SigningKeyRecord, Store } from '../store/store.ts'
import type { TokenState } from './token-state.ts'

/** One thing that was looked at. */
export interface Check {
  check: string
  ok: boolean
  /** What is the case. */
  found: string
  /** What helps, where something does. */
  fix: string | null
}

type Members = Record<string, unknown>

export interface Inspection {
  header: Members | null
  claims: Members | null
  checks: Check[]
  /** What introspection says of it. */
  active: boolean
}

interface Rooms {
  issuer: string
  store: Store
  keys: KeyRing
  clients: ClientDirectory
  resources: ResourceDirectory
  blacklist: Blacklist
  tokenState: TokenState
}

export const good = (check: string, found: string): Check => ({ check, ok: true, found, fix: null })

export const bad = (check: string, found: string, fix: string | null = null): Check => ({
  check,
  ok: false,
  found,
  fix,
})

/** A member of a header or claim set, whatever somebody put there. */
export const shown = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value) ?? 'absent')

/** A token as it was pasted, freed from what is around it. */
export interface Pasted {
  token: string
  /** What was taken away. */
  removed: string[]
}

export function cleanPaste(text: string): Pasted {
  const removed: string[] = []
  const strip = (from: string, pattern: RegExp, what: string) => {
    const rest = from.replace(pattern, '')
    if (rest !== from) removed.push(what)
    return rest
  }
  let token = strip(text, /^\s+|\s+$/g, 'whitespace around it')
  token = strip(token, /^authorization:\s*/i, '"Authorization:" in front')
  token = strip(token, /^["']|["']$/g, 'quotes around it')
  token = strip(token, /^bearer\s+/i, '"Bearer" in front')
  token = strip(token, /\s+/g, 'whitespace inside it')
  return { token, removed: [...new Set(removed)] }
}

/** Looks at a token from every side. @param resource the audience it should have, where one is asked for */
export async function inspectToken(
  text: string,
  rooms: Rooms,
  { resource }: { resource?: string | undefined } = {},
): Promise<Inspection> {
  const pasted = cleanPaste(text)
  if (rooms.tokenState.isRefreshToken(pasted.token)) return inspectRefreshToken(pasted, rooms)
  const { form, header, claims } = decodeToken(pasted)
  if (!header || !claims) return { header, claims, checks: [form], active: false }

  const now = rooms.store.now()
  const key = (await rooms.store.listKeys()).find(({ kid }) => kid === header.kid)
  const checks = [
    form,
    checkAlgorithm(header, SIGNING_ALGORITHMS),
    checkKid(header, key),
    await checkSignature(pasted.token, key),
    checkIssuer(claims, rooms.issuer),
    checkTyp(header),
    ...checkTimes(claims, now),
    checkAudience(claims, resource),
    checkBlacklist(header, claims, rooms.blacklist),
    checkClient(claims, rooms.clients),
    ...checkResources(claims, rooms.resources),
  ]
  const state = await rooms.tokenState.checkAccessToken(pasted.token)
  // Must not happen; if it does, nobody should be told that all is well.
  if (!state.active && checks.every(({ ok }) => ok)) checks.push(bad('introspection', state.reason))
  return { header, claims, checks, active: state.active }
}

async function inspectRefreshToken(pasted: Pasted, { tokenState, store }: Rooms): Promise<Inspection> {
  const form = good(
    'form',
    `a refresh token${describeRemoved(pasted)}; it is for /token alone, APIs take access tokens`,
  )
  const state = await tokenState.checkRefreshToken(pasted.token)
  if (state.active) {
    const { sid, clientId, sub, expiresAt } = state.grant
    const found = `grant ${sid} of client ${clientId} for ${sub} is live until ${toIso(expiresAt)}`
    return { header: null, claims: null, checks: [form, good('grant', found)], active: true }
  }
  const grant = state.grant ? ` (grant ${state.grant.sid} of client ${state.grant.clientId})` : ''
  const fix =
    state.grant && store.now() < state.grant.expiresAt
      ? 'use the newest refresh token of the grant; where it is ended, start over with a new grant'
      : 'start over with a new grant'
  return { header: null, claims: null, checks: [form, bad('grant', state.reason + grant, fix)], active: false }
}

const describeRemoved = ({ removed }: Pasted): string =>
  removed.length > 0 ? ` (pasted with ${removed.join(', ')}: left out here, and to be left out where it is sent)` : ''

export interface Decoded {
  form: Check
  header: Members | null
  claims: Members | null
}

/** Reads header and claims of a JWT, whoever signed it. */
export function decodeToken(pasted: Pasted): Decoded {
  const { token } = pasted
  const parts = token.split('.').length
  if (parts !== 3 || token === '')
    return {
      form: bad('form', describeNoJwt(token, parts), 'paste the whole value of access_token'),
      header: null,
      claims: null,
    }
  try {
    const header: Members = { ...decodeProtectedHeader(token) }
    const claims: Members = { ...decodeJwt(token) }
    return { form: good('form', `a JWT of ${token.length} characters${describeRemoved(pasted)}`), header, claims }
  } catch {
    return {
      form: bad(
        'form',
        'three parts as in a JWT, but they cannot be decoded: characters are missing or changed',
        'paste the whole value of access_token',
      ),
      header: null,
      claims: null,
    }
  }
}

function describeNoJwt(token: string, parts: number): string {
  if (token === '') return 'nothing was given'
  if (parts === 5) return 'an encrypted token (JWE); Signet issues none'
  if (token.startsWith('sgs_')) return 'a client secret, not a token'
  return `no JWT: it has ${parts} part${parts === 1 ? '' : 's'}, not 3`
}

/** @param accepted algorithms of asymmetric signatures */
export function checkAlgorithm(header: Members, accepted: readonly string[]): Check {
  const alg = shown(header.alg)
  if (accepted.includes(alg)) return good('algorithm', alg)
  const fix = 'never accept it: a token without an asymmetric signature can be made by anybody who has the public key'
  return bad('algorithm', `${alg}; accepted: ${accepted.join(', ')}`, fix)
}

function checkKid(header: Members, key: SigningKeyRecord | undefined): Check {
  if (header.kid === undefined)
    return bad('kid', 'the header names no key', 'this issuer always names one: it was made elsewhere')
  if (!key)
    return bad(
      'kid',
      `key ${shown(header.kid)} is unknown here`,
      'another issuer signed it, or this one with another database: compare iss, and SIGNET_DATABASE_URL',
    )
  if (key.status === 'revoked') return bad('kid', `key ${key.kid} was revoked as compromised`, 'get a new token')
  if (key.status === 'retired')
    return bad('kid', `key ${key.kid} left the JWKS at ${keyView(key).retires_at}`, 'get a new token')
  if (key.alg !== header.alg)
    return bad('kid', `key ${key.kid} is for ${key.alg}`, 'the header was changed: do not accept it')
  return good('kid', `key ${key.kid} is published (${key.status})`)
}

async function checkSignature(token: string, key: SigningKeyRecord | undefined): Promise<Check> {
  if (!key) return bad('signature', 'cannot be checked without the key')
  try {
    await compactVerify(token, createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' }), { algorithms: [key.alg] })
    return good('signature', `made by key ${key.kid}`)
  } catch (error) {
    return explainSignature(error)
  }
}

/** Turns what jose threw into a check. */
export function explainSignature(error: unknown): Check {
  if (!(error instanceof errors.JOSEError)) throw error
  if (error instanceof errors.JWKSNoMatchingKey) return bad('signature', 'no key of the set fits the header')
  return bad(
    'signature',
    error.message,
    'the token was changed or cut after it was signed: paste it whole; else do not accept it',
  )
}

export function checkIssuer(claims: Members, issuer: string): Check {
  const { iss } = claims
  if (iss === issuer) return good('issuer', issuer)
  if (typeof iss !== 'string') return bad('issuer', 'the token has no iss', 'it was made elsewhere')
  const difference = nameDifference(iss, issuer)
  return bad(
    'issuer',
    `iss is ${iss}, expected is ${issuer}${difference === '' ? '' : `: they differ in ${difference}`}`,
    'the two must be the same string: set SIGNET_ISSUER and the issuer of your app to it; tokens made before keep their iss',
  )
}

/** Where two issuer URLs differ, in words. */
function nameDifference(one: string, other: string): string {
  if (one.replace(/\/+$/, '') === other.replace(/\/+$/, '')) return 'the slash at the end'
  if (!URL.canParse(one) || !URL.canParse(other)) return ''
  const [a, b] = [new URL(one), new URL(other)]
  const parts: [string, string, string][] = [
    ['http and https', a.protocol, b.protocol],
    ['the host', a.hostname, b.hostname],
    ['the port', a.port, b.port],
    ['the path', a.pathname, b.pathname],
  ]
  return (
    parts
      .filter(([, left, right]) => left !== right)
      .map(([name]) => name)
      .join(', ') || 'spelling (case or escapes)'
  )
}

export function checkTyp(header: Members): Check {
  const typ = shown(header.typ)
  if (/^(application\/)?(at\+jwt|jwt)$/i.test(typ)) return good('typ', typ)
  return bad('typ', `typ is ${typ}`, 'an access token has at+jwt or JWT: is this an ID token or something else?')
}

/** `exp`, `nbf` and `iat` against a clock. */
export function checkTimes(claims: Members, now: Instant): Check[] {
  const seconds = toSeconds(now)
  const { exp, nbf, iat } = claims
  const fixClock = 'compare the clocks of issuer and verifier'
  const checks = [checkExpiry(exp, seconds)]
  if (typeof nbf === 'number' && nbf > seconds)
    checks.push(bad('not before', `valid only in ${roughly(nbf - seconds)} (${iso(nbf)})`, fixClock))
  if (typeof iat !== 'number') checks.push(bad('issued at', 'the token has no iat', 'it was made elsewhere'))
  else if (iat > seconds + CLOCK_SKEW_SECONDS)
    checks.push(bad('issued at', `issued ${roughly(iat - seconds)} in the future (${iso(iat)})`, fixClock))
  else checks.push(good('issued at', `${roughly(seconds - iat)} ago (${iso(iat)})`))
  return checks
}

function checkExpiry(exp: unknown, seconds: number): Check {
  if (typeof exp !== 'number') return bad('expiry', 'the token has no exp', 'it was made elsewhere')
  if (exp <= seconds)
    return bad('expiry', `expired ${roughly(seconds - exp)} ago (${iso(exp)})`, 'get a new token, or refresh')
  return good('expiry', `expires in ${roughly(exp - seconds)} (${iso(exp)})`)
}

/** Claims of foreign tokens may hold numbers that are no dates. */
const iso = (seconds: number): string => (Math.abs(seconds) < 8.64e12 ? toIso(fromSeconds(seconds)) : String(seconds))

function roughly(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`
}

export function checkAudience(claims: Members, resource: string | undefined): Check {
  const audience = [claims.aud].flat().filter((each) => typeof each === 'string')
  const found = audience.length === 0 ? 'the token has no aud' : `aud is ${audience.join(', ')}`
  if (audience.length === 0) return bad('audience', found, 'it was made elsewhere')
  if (resource === undefined || audience.includes(resource)) return good('audience', found)
  return bad(
    'audience',
    `${found}; expected is ${resource}`,
    `ask for the token with resource=${resource} (the client must be registered for it: signet client update ID --resource ${resource})`,
  )
}

function checkBlacklist(header: Members, claims: Members, blacklist: Blacklist): Check {
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
  const denying = blacklist.findDenying({
    jti: text(claims.jti) ?? '',
    sub: text(claims.sub) ?? '',
    client_id: text(claims.client_id) ?? '',
    iat: typeof claims.iat === 'number' ? claims.iat : 0,
    sid: text(claims.sid),
    kid: text(header.kid),
  })
  if (!denying) return good('blacklist', 'no entry denies it')
  const reason = denying.reason === null ? '' : `: ${denying.reason}`
  return bad(
    'blacklist',
    `denied by entry ${denying.id} (${denying.kind})${reason}`,
    `lift it with: signet blacklist remove ${denying.id}`,
  )
}

function checkClient(claims: Members, clients: ClientDirectory): Check {
  const id = claims.client_id
  if (typeof id !== 'string') return bad('client', 'the token has no client_id', 'it was made elsewhere')
  if (id === OPERATOR_CLIENT_ID) return good('client', 'minted by an operator, through no client')
  const client = clients.find(id)
  if (!client)
    return bad(
      'client',
      `client ${id} does not exist`,
      `it was deleted; register it again with: signet client create --id ${id}`,
    )
  if (client.disabledAt !== null)
    return bad(
      'client',
      `client ${id} is disabled since ${toIso(client.disabledAt)}`,
      `enable it with: signet client enable ${id}`,
    )
  return good('client', `client ${id} is enabled`)
}

function checkResources(claims: Members, resources: ResourceDirectory): Check[] {
  return [claims.aud]
    .flat()
    .filter((id) => typeof id === 'string')
    .map((id) => {
      const resource = resources.find(id)
      if (!resource)
        return bad('resource', `resource ${id} does not exist`, `add it with: signet resource create ${id}`)
      return resource.disabledAt === null
        ? good('resource', `resource ${id} exists`)
        : bad('resource', `resource ${id} is disabled`)
    })
}
