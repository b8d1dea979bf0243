/** The options of a verifier. They are checked when it is made, so that a mistake shows at start. */
import { ASYMMETRIC_ALGORITHMS } from './algorithms.ts'
import type { StalenessPolicy } from './blacklist-follower.ts'
import { readClock, type Clock } from './clock.ts'
import type { DpopProof } from './dpop.ts'
import { userAgentOf } from './get-document.ts'
import { requireKnown } from './known-options.ts'
import { readAllowHttp, requireIssuer, requireSafeUrl, warnOfHttp, type Warn } from './web-address.ts'

/** The requirements on a token. Each can be changed for one call or one route. */
export interface Expectations {
  /** The exact `iss`. */
  issuer?: string
  /** The name of this API. One of these names has to be in `aud`. `false` takes tokens for any API. */
  audience?: string | readonly string[] | false
  /** `true` is the same as `audience: false`. */
  anyAudience?: boolean
  /** The accepted `typ`, `at+jwt` by default (RFC 9068 §2.1); `''` stands for a token that has none. */
  typ?: string | readonly string[]
  /** Seconds that the clocks may differ, 5 by default. */
  clockTolerance?: number
}

/** The settings that one call can change. */
export interface VerifyOverrides extends Expectations {
  revocations?: StalenessPolicy
  /** The proof of the request, for a token that is bound to a key. `verifyRequest` and the middlewares read it. */
  dpop?: DpopProof
}

export interface TokenVerifierOptions extends Expectations {
  issuer: string
  /** The address of the keys; found by discovery if left out. */
  jwksUri?: string
  /** Accepts plain `http` to other machines, with a warning; off by default, and for development alone. */
  allowHttp?: boolean
  /** Accepted signature algorithms. Only asymmetric ones are possible; all of them by default. */
  algorithms?: readonly string[]
  /** The largest tolerance that may be asked for, in seconds; 60 by default. */
  maxClockTolerance?: number
  /** Follows the issuer's blacklist; off by default, because only Signet has a feed. */
  revocations?: boolean | (StalenessPolicy & { feedUrl?: string })
  /** How this API introduces itself to the issuer, such as `orders-api`. */
  name?: string
  /** How long expired keys are used while the issuer cannot be reached, in seconds; 3600 by default. */
  maxStaleKeysSeconds?: number
  /** Remembers verified tokens by their hash until they expire; off by default. `true` keeps 10 000. */
  cache?: boolean | { maxTokens: number }
  /** The URL of this API's own metadata (RFC 9728); it is part of every challenge. */
  resourceMetadata?: string
  /** For tests that move time: the time of day, and the time since some fixed point, in milliseconds. */
  clock?: { now(): number; elapsed?(): number }
}

/** The expectations that every token has to meet. */
export interface Rules {
  /** `undefined`: not checked; only for shared secrets, which name the issuer by themselves. */
  issuer: string | undefined
  /** `any`: every audience. `unnamed`: each call has to name it. */
  audience: readonly string[] | 'any' | 'unnamed'
  /** In lower case, without `application/`. */
  types: readonly string[]
  clockToleranceSeconds: number
}

export interface Settings {
  rules: Rules
  algorithms: ReadonlySet<string>
  maxClockTolerance: number
  cacheSize: number
  resourceMetadata: string | undefined
  clock: Clock
}

export interface RemoteSettings extends Settings {
  issuer: string
  jwksUri: string | undefined
  userAgent: string
  maxStaleKeysSeconds: number
  revocations: (StalenessPolicy & { feedUrl: string }) | undefined
}

const DEFAULT_TOLERANCE_SECONDS = 5
const DEFAULT_MAX_TOLERANCE_SECONDS = 60
const DEFAULT_CACHE_SIZE = 10_000

const EXPECTATIONS = ['issuer', 'audience', 'anyAudience', 'typ', 'clockTolerance']
const ROUTE_OVERRIDES = [...EXPECTATIONS, 'revocations']
export const OVERRIDES: readonly string[] = [...ROUTE_OVERRIDES, 'dpop']
export const VERIFIER_OPTIONS: readonly string[] = [
  ...EXPECTATIONS,
  'jwksUri',
  'allowHttp',
  'algorithms',
  'maxClockTolerance',
  'revocations',
  'name',
  'maxStaleKeysSeconds',
  'cache',
  'resourceMetadata',
  'clock',
]
const POLICY = ['maxStalenessSeconds', 'whenStale']

/** @throws TypeError naming the option */
export function readOptions(options: TokenVerifierOptions, warn?: Warn): RemoteSettings {
  requireKnown('createTokenVerifier', options, VERIFIER_OPTIONS)
  const { issuer, jwksUri, resourceMetadata } = options
  const allowHttp = readAllowHttp(options.allowHttp)
  requireIssuer('issuer', issuer, allowHttp)
  if (jwksUri !== undefined) requireSafeUrl('jwksUri', jwksUri, allowHttp)
  if (resourceMetadata !== undefined) requireSafeUrl('resourceMetadata', resourceMetadata, allowHttp)
  const maxClockTolerance = seconds('maxClockTolerance', options.maxClockTolerance ?? DEFAULT_MAX_TOLERANCE_SECONDS)
  const standard: Rules = {
    issuer,
    audience: 'unnamed',
    types: ['at+jwt'],
    clockToleranceSeconds: Math.min(DEFAULT_TOLERANCE_SECONDS, maxClockTolerance),
  }
  const revocations = readRevocations(options.revocations, issuer, allowHttp)
  warnOfHttp([issuer, jwksUri, revocations?.feedUrl], warn)
  return {
    issuer,
    jwksUri,
    rules: applyExpectations(standard, options, maxClockTolerance),
    algorithms: readAlgorithms(options.algorithms),
    maxClockTolerance,
    userAgent: userAgentOf(options.name),
    maxStaleKeysSeconds: seconds('maxStaleKeysSeconds', options.maxStaleKeysSeconds ?? 3600),
    revocations,
    cacheSize: readCacheSize(options.cache),
    resourceMetadata,
    clock: readClock(options.clock),
  }
}

/** @throws TypeError if neither the verifier nor the call names an audience: tokens for other APIs would pass */
export function requireNamedAudience({ audience, anyAudience }: Pick<Expectations, 'audience' | 'anyAudience'>): void {
  if (audience !== undefined || anyAudience === true) return
  throw new TypeError(
    'audience is missing: name this API as tokens do in aud, or waive the check by name: audience: false (or anyAudience: true)',
  )
}

/** The check is waived by name only. A missing audience never waives it. @throws TypeError */
function readAudience({ audience, anyAudience }: Expectations, before: Rules['audience']): Rules['audience'] {
  if (audience === false || anyAudience === true) return 'any'
  return audience === undefined ? before : names('audience', audience)
}

/** The rules with the changes of one call or route. @throws TypeError naming the option */
export function applyExpectations(rules: Rules, changes: Expectations, maxClockTolerance: number): Rules {
  const { issuer, typ, clockTolerance } = changes
  return {
    issuer: issuer ?? rules.issuer,
    audience: readAudience(changes, rules.audience),
    types: typ === undefined ? rules.types : names('typ', typ, { mayBeEmpty: true }).map(normalType),
    clockToleranceSeconds:
      clockTolerance === undefined
        ? rules.clockToleranceSeconds
        : seconds('clockTolerance', clockTolerance, maxClockTolerance),
  }
}

/** Checks the overrides of a route before the first request. @throws TypeError */
export function checkOverrides<Overrides extends VerifyOverrides>(overrides: Overrides): Overrides {
  requireKnown('requireAuth', overrides, ROUTE_OVERRIDES)
  const nothing: Rules = { issuer: undefined, audience: 'unnamed', types: [], clockToleranceSeconds: 0 }
  applyExpectations(nothing, overrides, Infinity)
  readPolicy(overrides.revocations ?? {})
  return overrides
}

/** RFC 7515 §4.1.9: case is ignored, and `application/` may be left out. */
export const normalType = (typ: string): string => typ.toLowerCase().replace(/^application\//, '')

function readAlgorithms(algorithms: readonly string[] | undefined): ReadonlySet<string> {
  const chosen = algorithms ?? ASYMMETRIC_ALGORITHMS
  if (chosen.length === 0) throw new TypeError('algorithms is empty')
  const wrong = chosen.find((alg) => !ASYMMETRIC_ALGORITHMS.includes(alg))
  if (wrong !== undefined)
    throw new TypeError(
      `algorithms: ${wrong} does not verify with a public key; accepted are ${ASYMMETRIC_ALGORITHMS.join(', ')}`,
    )
  return new Set(chosen)
}

function readRevocations(
  told: TokenVerifierOptions['revocations'],
  issuer: string,
  allowHttp: boolean,
): RemoteSettings['revocations'] {
  if (told === undefined || told === false) return undefined
  const given = told === true ? {} : told
  if (typeof given !== 'object' || given === null) throw new TypeError('revocations is true, false or an object')
  const { feedUrl = `${issuer.replace(/\/$/, '')}/blacklist/feed`, ...policy } = given
  requireSafeUrl('revocations.feedUrl', feedUrl, allowHttp)
  return { ...readPolicy(policy), feedUrl }
}

/** @throws TypeError naming the option */
export function readPolicy(policy: StalenessPolicy): StalenessPolicy {
  requireKnown('revocations', policy, POLICY)
  const { maxStalenessSeconds, whenStale } = policy
  if (whenStale !== undefined && whenStale !== 'open' && whenStale !== 'closed')
    throw new TypeError(`revocations.whenStale is 'open' or 'closed'`)
  return {
    ...(maxStalenessSeconds !== undefined && {
      maxStalenessSeconds: seconds('revocations.maxStalenessSeconds', maxStalenessSeconds),
    }),
    ...(whenStale !== undefined && { whenStale }),
  }
}

function readCacheSize(cache: TokenVerifierOptions['cache']): number {
  if (cache === undefined || cache === false) return 0
  if (cache !== true) requireKnown('cache', cache, ['maxTokens'])
  const size = cache === true ? DEFAULT_CACHE_SIZE : cache.maxTokens
  if (!Number.isSafeInteger(size) || size < 1) throw new TypeError('cache.maxTokens is a whole number from 1 on')
  return size
}

function seconds(name: string, value: number, most = Infinity): number {
  if (typeof value !== 'number' || !Number.isFinite(value * 1000) || value < 0)
    throw new TypeError(`${name} is a number of seconds from 0 on, and finite also in milliseconds`)
  if (value > most)
    throw new TypeError(
      `${name} is at most ${most} seconds: with more, an expired token lives on; see maxClockTolerance`,
    )
  return value
}

function names(option: string, value: string | readonly string[], { mayBeEmpty = false } = {}): readonly string[] {
  const list = typeof value === 'string' ? [value] : value
  if (
    !Array.isArray(list) ||
    list.length === 0 ||
    list.some((each) => typeof each !== 'string' || (each === '' && !mayBeEmpty))
  )
    throw new TypeError(`${option} is a string or a list of strings, none of them empty`)
  return list as readonly string[] // looked at above
}
